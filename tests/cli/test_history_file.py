"""Commands beside a running server with embedded telemetry: they read what it saw, from the file that it keeps."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.__main__ import run
from bot.clock import FastClock
from bot.model.time import format_instant
from bot.settings import load_settings
from bot.simulator.exporter import exposition
from bot.simulator.scenarios import demo_network, demo_network_path
from bot.simulator.simulation import Simulation
from bot.telemetry.build import build_telemetry
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.support.prometheus import Reply, far_side

LINK, SCRAPE_S, LIVED_S = "ams-utr", 15.0, 1800.0


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A server that watched the demo network for half an hour until 30 s ago; exporters still answer. Seed 7."""
    now = float(int(time.time()))
    simulation = Simulation(demo_network(), seed=7, start=now - LIVED_S)
    (tmp_path / "network.yaml").write_bytes(demo_network_path().read_bytes())
    with far_side(lambda _: Reply(exposition(simulation).encode())) as side:
        telemetry = {"source": "embedded", "exporters": [side.address], "rate_window": "1m", "history": "20m"}
        content = {"network": "network.yaml", "store": {"url": "sqlite:///data/bellhop.db"}, "telemetry": telemetry}
        file = tmp_path / "bellhop.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        asyncio.run(_lived(file, simulation, side.address, now))
        yield file


async def _lived(config: Path, simulation: Simulation, exporter: str, now: float) -> None:
    source = build_telemetry(load_settings(config).telemetry, FastClock(start=now, speed=1.0))
    assert isinstance(source, EmbeddedTelemetry)
    at = now - LIVED_S
    while at < now - 30:
        at += SCRAPE_S
        simulation.advance_to(at)
        source.feed(exporter, at, exposition(simulation))
    await source.write_history()
    await source.aclose()
    simulation.advance_to(now)


def test_the_file_stands_beside_the_database(config: Path) -> None:
    """Without `history_file`, in the folder of the SQLite file, readable by its owner alone."""
    file = config.parent / "data" / "telemetry-history.npz"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_diagnosis_rests_on_what_the_server_saw(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A healthy link is healthy; without a history it could not be told."""
    assert run(["diagnose", LINK, "--config", str(config), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["missing"]) == ("healthy", [])


def test_capacity_has_the_same_baseline(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the file and not from the network file's promise of 117,211 pairs/s; 1164 are made; --at works, too."""
    for when in ([], ["--at", format_instant(time.time() - 300)]):
        assert run(["capacity", LINK, "--config", str(config), "--format", "json", *when]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["source"].startswith("baseline and now from 20 min of telemetry")
        assert answer["baseline"]["entanglement_rate"] == pytest.approx(1164, rel=0.05)
        assert answer["intervals"]["capacity_qubits_per_s"]


def test_a_page_of_a_healthy_link_speaks_of_no_drop(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No bars of noise, no `never s`."""
    assert run(["capacity", LINK, "--config", str(config)]) == 0
    page = capsys.readouterr().out
    assert "as usual" in page.splitlines()[0]
    assert "nothing to attribute" in page
    assert "█" not in page
    (line,) = [line for line in page.splitlines() if line.startswith("pool is empty in")]
    assert line.split()[4:] == ["never", "never"]


def test_a_dry_run_predicts_effects(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan carries what each act would do, from the same readings."""
    assert run(["runbook", "plan", "f1-excess-loss", "--link", LINK, "--config", str(config)]) == 0
    page = capsys.readouterr()
    assert "no predicted effects" not in page.err
    assert "entanglement_rate" in page.out
    assert "e+05" not in page.out


def test_many_questions_are_answered_from_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each, as with Prometheus."""
    file = config.parent / "questions.jsonl"
    file.write_text(json.dumps({"id": "q", "link": LINK, "at": format_instant(time.time() - 120)}), encoding="utf-8")
    assert run(["diagnose", "--batch", str(file), "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "healthy"


def test_nothing_is_written_by_those_who_only_look(config: Path) -> None:
    """The file is the server's."""
    file = config.parent / "data" / "telemetry-history.npz"
    before = file.read_bytes()
    assert run(["diagnose", LINK, "--config", str(config)]) == 0
    assert file.read_bytes() == before
