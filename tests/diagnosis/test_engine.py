"""Diagnosis over the simulated network's own metrics page, scraped as text, through the public function."""

from collections.abc import Callable

import pytest

from bot.clock import FastClock
from bot.diagnosis.engine import diagnose_many
from bot.diagnosis.rules import load_rules
from bot.model.diagnosis import Diagnosis
from bot.simulator.exporter import exposition
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry

START = 1_790_000_000.0
SCRAPE_S = 15.0
QUIET_S = 2400.0
EXPORTER = "http://network.test"
RULES = load_rules()
NETWORK = demo_network()


async def diagnosed(
    *, seed: int, after_s: float, scenario: str = "", edit: Callable[[str], str] = lambda text: text
) -> dict[str, Diagnosis]:
    """Forty quiet minutes, then a scenario's fault for `after_s`; `edit` changes what the last scrapes say."""
    simulation = Simulation(NETWORK, seed=seed, start=START)
    telemetry = EmbeddedTelemetry([EXPORTER], clock=FastClock(start=START, speed=1.0))
    end = START + QUIET_S + after_s
    at = START
    while at < end:
        at += SCRAPE_S
        if scenario and at == START + QUIET_S + SCRAPE_S:
            fault = SCENARIOS[scenario]
            simulation.inject(fault.mode, fault.subject, severity=fault.severity, shape=fault.shape)
        simulation.advance_to(at)
        text = exposition(simulation)
        telemetry.feed(EXPORTER, at, edit(text) if at > START + QUIET_S else text)
    window = await telemetry.window(RULES.signals, start=end - 3600, end=end, step=SCRAPE_S)
    await telemetry.aclose()
    found = diagnose_many(list(NETWORK.links), network=NETWORK, window=window, at=end, rules=RULES)
    return {each.link: each for each in found}


def touched(scenario: str) -> set[str]:
    """The links on which a scenario's fault is to be seen."""
    subject = SCENARIOS[scenario].subject
    return {link.id for link in NETWORK.links.values() if subject == link.id or subject in link.ends}


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
async def test_fault_is_named_on_its_links_and_nowhere_else(scenario: str, seed: int) -> None:
    """Seven minutes into a fault its mode leads on every link that it touches; all other links are healthy."""
    fault = SCENARIOS[scenario]
    for link, found in (await diagnosed(seed=seed, after_s=420, scenario=scenario)).items():
        if link in touched(scenario):
            assert (found.verdict, found.findings[0].mode) == ("fault", fault.mode), found.summary
            assert found.findings[0].subject.id == fault.subject
            assert found.findings[0].confidence > 0.9
            assert found.findings[0].evidence
        else:
            assert found.verdict == "healthy", found.summary


@pytest.mark.parametrize("seed", range(21, 27))
async def test_quiet_network_is_healthy(seed: int) -> None:
    """Counting noise and wobble raise nothing."""
    verdicts = {link: found.verdict for link, found in (await diagnosed(seed=seed, after_s=900)).items()}
    assert set(verdicts.values()) == {"healthy"}, verdicts


@pytest.mark.parametrize(
    ("scenario", "metric", "signal"),
    [
        ("f1", "qnet_physical_qubits_", "physical_loss_ratio"),
        ("f3", "qnet_decode_duration_seconds", "decode_latency_p99"),
        ("f4", "qnet_entanglement_pool_pairs", "entanglement_pool_level"),
        ("f8", "qnet_device_temperature_kelvin", "device_temperature"),
    ],
)
async def test_without_its_deciding_signal_a_fault_is_unknown_and_the_signal_is_named(
    scenario: str, metric: str, signal: str
) -> None:
    """The exporter stops telling what decides the mode: nothing is guessed in its place."""

    def without(text: str) -> str:
        return "".join(line + "\n" for line in text.splitlines() if metric not in line)

    found = await diagnosed(seed=31, after_s=600, scenario=scenario, edit=without)
    for link in touched(scenario):
        assert signal in found[link].missing
        modes = [each.mode for each in found[link].findings]
        assert SCENARIOS[scenario].mode not in modes


async def test_young_fault_is_named_at_its_true_size_though_the_rate_window_still_holds_the_past() -> None:
    """Ninety seconds after a step of 9.8 dB (0.7 of the simulator's 14 dB) the loss is put within 3 dB of it.

    The rate window holds less than a third of the fault; so near to darkness a tenth of the light lost is 3 dB.
    """
    found = (await diagnosed(seed=41, after_s=90, scenario="f1"))["ams-rtm"]
    assert found.findings[0].mode == "F1"
    assert found.capacity is not None
    before, now = (1 - side["physical_loss_ratio"] for side in (found.capacity.baseline, found.capacity.now))
    import math

    assert abs(10 * math.log10(before / now) - 0.7 * 14.0) < 3.0


async def test_attribution_sums_to_the_whole_drop() -> None:
    """The shares of the capacity drop that parameters explain add up to one."""
    found = (await diagnosed(seed=51, after_s=420, scenario="f1"))["ams-rtm"]
    assert found.capacity is not None
    assert sum(found.capacity.attribution.values()) == pytest.approx(1.0)
    assert max(found.capacity.attribution, key=found.capacity.attribution.__getitem__) == "loss"
