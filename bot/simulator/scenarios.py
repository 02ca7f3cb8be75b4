"""Ready-made incidents on the network that ships with Bellhop."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bot.model.network import Network
from bot.network_file import load_network
from bot.simulator.faults import Shape


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault with its story in one sentence."""

    mode: str
    subject: str
    severity: float
    shape: Shape
    story: str


# fmt: off
SCENARIOS: Mapping[str, Scenario] = {
    "f1": Scenario("F1", "ams-rtm", 0.7, "step", "a patch panel in a duct was knocked and the fiber is misaligned"),
    "f2": Scenario("F2", "rtm-ein", 0.7, "step", "a clock slipped and errors arrive in bursts across many qubits"),
    "f3": Scenario("F3", "utr-ein", 0.7, "ramp", "the decoder shares its machine with a job that starves it"),
    "f4": Scenario("F4", "ams-utr", 0.7, "ramp", "a new replenishment policy makes too few attempts"),
    "f5": Scenario("F5", "utr", 0.7, "step", "a firmware release shortens the memories' coherence"),
    "f6": Scenario("F6", "rtm", 0.7, "step", "the readout drifts away from its calibration"),
    "f7": Scenario("F7", "ein-ens", 0.7, "step", "the scheduler gave the link's slots to a batch job"),
    "f8": Scenario("F8", "ein", 0.7, "step", "a pump of the cooling plant failed"),
}
# fmt: on
"""Scenario name -> what goes wrong."""


def demo_network_path() -> Path:
    """Where the shipped network file is; it is installed as a plain file."""
    return Path(str(files("bot.simulator").joinpath("networks", "demo.yaml")))


def demo_network() -> Network:
    """The shipped network: a ring of six cities with two chords, eight links."""
    return load_network(demo_network_path())
