"""The first minutes of a server: what nobody has measured is not told as if it were."""

import pytest

from bot.chat.reports import capacity_blocks
from bot.clock import FastClock
from bot.diagnosis.engine import diagnose
from bot.diagnosis.rules import load_rules
from bot.model.diagnosis import Diagnosis
from bot.simulator.exporter import exposition
from bot.simulator.scenarios import demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry

START, SCRAPE_S, LINK = 1_790_000_000.0, 15.0, "ams-utr"
EXPORTER = "http://network.test"


async def after(seconds: float, *, without: str = "") -> Diagnosis:
    """What is said of a healthy link so long after the first scrape; lines with the word `without` are left out."""
    simulation = Simulation(demo_network(), seed=7, start=START)
    telemetry = EmbeddedTelemetry([EXPORTER], clock=FastClock(start=START, speed=1.0))
    at = START
    while at < START + seconds:
        at += SCRAPE_S
        simulation.advance_to(at)
        lines = exposition(simulation).splitlines()
        telemetry.feed(EXPORTER, at, "\n".join(line for line in lines if not (without and without in line)) + "\n")
    window = await telemetry.window(load_rules().signals, start=at - 3600, end=at, step=SCRAPE_S)
    await telemetry.aclose()
    return diagnose(link=LINK, network=demo_network(), window=window, at=at, rules=load_rules())


def page(diagnosis: Diagnosis) -> str:
    """The text of `/bellhop capacity`."""
    return "\n".join(block["text"]["text"] for block in capacity_blocks(diagnosis))


@pytest.mark.parametrize("seconds", [15, 45, 75, 240])
async def test_in_the_first_minutes_capacity_is_not_measured(seconds: float) -> None:
    """The network file promises 1e6 attempts/s and half of what arrives heralded: 117,211 pairs/s. None is said."""
    said = page(await after(seconds))
    for what in ("capacity, at least", "capacity, at most", "secret key", "pairs made", "pairs made less used"):
        assert f"{what}: not measured yet" in said
    assert "the network file's promise stands in: entanglement_rate" in said
    assert "explained by" not in said
    assert "qubit/s" not in said
    assert "pairs/s" not in said


async def test_once_measured_the_few_quantities_have_units_and_nothing_is_explained() -> None:
    """The simulated link makes 1164 pairs/s; seven lines, not seventeen, and no part of a drop that is not there."""
    found = await after(2400)
    said = page(found)
    assert found.capacity is not None
    assert found.capacity.assumed == ()
    assert found.capacity.now["entanglement_rate"] == pytest.approx(1164, rel=0.05)
    assert "pairs made: 11" in said
    assert "pairs/s, as usual" in said
    assert "qubit/s, as usual" in said
    assert "not measured" not in said
    assert "No drop to explain" in said
    assert "_" not in said
    assert len(said.splitlines()) == 9


async def test_a_network_that_never_tells_its_pairs_is_told_no_capacity() -> None:
    """Healthy by all that decides, and the summary says what is not known in place of a promise."""
    found = await after(2400, without="qnet_entangled_pairs_total")
    assert found.capacity is not None
    assert "entanglement_rate" in found.capacity.assumed
    assert "is not measured" in found.summary or found.verdict == "unknown"
    assert "qubit/s" not in found.summary
