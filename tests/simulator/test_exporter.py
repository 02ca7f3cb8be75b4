"""What the simulated network shows: the whole telemetry contract, in a form that Prometheus accepts."""

import shutil
import subprocess

import pytest

from bot.simulator.exporter import exposition
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.catalogue import BUCKETS, METRICS
from bot.telemetry.exposition import parse

START = 1_767_225_600.0


def living(seconds: float) -> Simulation:
    """The shipped network after `seconds`, seed 1."""
    simulation = Simulation(demo_network(), seed=1, start=START)
    simulation.advance_to(START + seconds)
    return simulation


def test_metrics_hold_the_whole_contract() -> None:
    """Every metric that a signal of the telemetry contract reads, for each link or node that has it."""
    samples = parse(exposition(living(60)))
    network = demo_network()
    for metric, of in METRICS.items():
        name = f"{metric}_bucket" if metric in BUCKETS else metric
        subjects = {dict(sample.labels)[of] for sample in samples if sample.name == name}
        expected = set(network.links if of == "link" else network.nodes)
        if metric in ("qnet_secret_key_bytes_total", "qnet_qber_ratio"):
            expected = {"ams-utr", "utr-ein", "ams-rtm", "rtm-ein"}  # the routes of the flow key-exchange
        assert subjects == expected, metric


@pytest.mark.needs("prometheus")
def test_promtool_accepts_the_page() -> None:
    """Names, types, help and format are linted by Prometheus' own tool, before and after all faults."""
    promtool = shutil.which("promtool")
    assert promtool is not None
    simulation = living(60)
    texts = [exposition(simulation)]
    for scenario in SCENARIOS.values():
        simulation.inject(scenario.mode, scenario.subject, shape=scenario.shape)
    simulation.advance_to(START + 900)
    for text in [*texts, exposition(simulation)]:
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_history_ends_where_the_present_begins() -> None:
    """The written past has every sample of each scrape and leaves the simulation at its end, same seed same text."""
    simulation = Simulation(demo_network(), seed=1, start=START)
    lines = list(openmetrics_history(simulation, start=START, end=START + 60, step=15))
    assert simulation.time == START + 60
    assert lines[-1] == "# EOF\n"
    assert sum(line.startswith('qnet_device_up{node="ams"}') for line in lines) == 5
    assert exposition(simulation) == exposition(living(60))
    with pytest.raises(ValueError, match="after the start"):
        list(openmetrics_history(simulation, start=START, end=START + 60, step=15))
