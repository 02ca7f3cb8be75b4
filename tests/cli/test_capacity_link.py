"""`bellhop capacity LINK` through its own door: real Prometheus, numbers against the model, one-line errors."""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bot.__main__ import run
from bot.capacity.code_choice import choose
from bot.model.time import format_instant
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import demo_network, demo_network_path
from bot.simulator.simulation import Simulation
from tests.support.lab import running_lab
from tests.support.prometheus import backfill, free_port, running_prometheus

BASE = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
FAULT, END = BASE + 1500.0, BASE + 1800.0
BEFORE, AFTER = format_instant(BASE + 1440.0), format_instant(BASE + 1740.0)
LINK, CAPACITY = "ams-rtm", "capacity_qubits_per_s"


def configuration(folder: Path, telemetry: dict[str, Any]) -> Path:
    """A bot on the demo network that only reads."""
    shutil.copy(demo_network_path(), folder / "network.yaml")
    windows = {"scrape_interval": "15s", "rate_window": "1m", "step": "15s", "history": "20m"}
    content = {
        "network": "network.yaml",
        "store": {"url": "sqlite:///data/bellhop.db"},
        "telemetry": {**windows, **telemetry},
    }
    file = folder / "bellhop.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prometheus over half an hour of the demo network in which ams-rtm loses light after 25 minutes; seed 5."""
    folder = tmp_path_factory.mktemp("prometheus")
    simulation = Simulation(demo_network(), seed=5, start=BASE)
    simulation.inject("F1", LINK, delay_s=FAULT - BASE)
    database = backfill("".join(openmetrics_history(simulation, start=BASE, end=END, step=15.0)), folder)
    with asyncio.Runner() as runner:
        prometheus = running_prometheus(folder, database=database)
        address = runner.run(prometheus.__aenter__())
        yield configuration(folder, {"source": "prometheus", "prometheus": {"url": address}})
        runner.run(prometheus.__aexit__(None, None, None))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """The JSON that a command prints."""
    assert run(["capacity", *words, "--format", "json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.needs("prometheus")
def test_a_lossy_link_is_told_with_baseline_cause_and_limit(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """F1 at severity 0.7 takes 0.7 x 14 = 9.8 dB: a tenth of the photons, and loss explains nine tenths of the drop."""
    answer = told(capsys, LINK, "--config", str(config), "--at", AFTER)
    assert answer["now"][CAPACITY] < 0.2 * answer["baseline"][CAPACITY]
    arriving = answer["factors"]["photons that arrive"]
    assert arriving["now"] / arriving["baseline"] == pytest.approx(10**-0.98, rel=0.05)
    assert answer["limit"] == "photons that arrive"
    assert next(iter(answer["attribution"])) == "loss"
    assert answer["attribution"]["loss"] > 0.9
    assert sum(answer["attribution"].values()) == pytest.approx(1.0)


@pytest.mark.needs("prometheus")
def test_the_parts_of_the_drop_sum_to_the_drop(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Baseline minus now in qubit/s is what the Shapley values add up to."""
    answer = told(capsys, LINK, "--config", str(config), "--at", AFTER)
    parts = answer["attribution_qubits_per_s"]["shapley"].values()
    assert sum(parts) == pytest.approx(answer["baseline"][CAPACITY] - answer["now"][CAPACITY])


@pytest.mark.needs("prometheus")
def test_planning_numbers_stand_below_asymptotic_ones_and_intervals_hold_the_value(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Finite block <= at least <= at most; finite keys <= asymptotic ones; 5% <= now <= 95%."""
    now = (answer := told(capsys, LINK, "--config", str(config), "--at", BEFORE))["now"]
    assert 0 < now["capacity_finite_qubits_per_s"] < now[CAPACITY] < now["capacity_upper_qubits_per_s"]
    assert 0 < now["secret_key_finite_rate"] < now["secret_key_rate"]
    low, middle, high = answer["intervals"][CAPACITY]
    assert low < middle < high
    assert low < now[CAPACITY] < high


@pytest.mark.needs("prometheus")
def test_before_the_fault_there_is_nothing_to_explain(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The instant is the one that --at names: a minute before the fault the link is as usual."""
    answer = told(capsys, LINK, "--config", str(config), "--at", BEFORE)
    assert answer["at"] == BEFORE
    assert answer["attribution"] == {}
    assert answer["now"][CAPACITY] == pytest.approx(answer["baseline"][CAPACITY], rel=0.05)


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize(
    "words", [["{link}", "--at", AFTER, "--config", "{config}"], ["--config", "{config}", "--at", AFTER, "{link}"]]
)
def test_options_stand_before_or_after_the_link(
    words: list[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page for people: headline, regimes labelled, bars with the largest first, in either order of words."""
    assert run(["capacity", *(word.format(link=LINK, config=config) for word in words)]) == 0
    page = capsys.readouterr().out
    lines = page.splitlines()
    assert lines[0].startswith(f"{LINK} at {AFTER}: -")
    assert "mostly by loss" in lines[0]
    assert "finite block" in page
    assert "asymptotic" in page
    bars = [line for line in lines if "█" in line]
    assert bars[0].startswith("loss")
    assert bars[0].count("█") == max(line.count("█") for line in bars)
    assert "← the limit" in next(line for line in lines if line.startswith("photons that arrive"))


@pytest.mark.needs("prometheus")
def test_a_season_widens_the_interval(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A swing of the loss by 1 dB moves the 5% quantile of the pairs down towards 10^-0.0988 of the usual."""
    plain = told(capsys, LINK, "--config", str(config), "--at", BEFORE)
    season = told(capsys, LINK, "--config", str(config), "--at", BEFORE, "--vary", "loss_db=season:1")
    low = season["intervals"]["entanglement_rate"][0]
    assert low < 0.9 * plain["intervals"]["entanglement_rate"][0]
    # sin(pi (0.05 - 0.5)) = -0.988: at its 5% quantile the season alone costs 0.988 dB.
    assert low == pytest.approx(plain["now"]["entanglement_rate"] * 10**-0.0988, rel=0.06)


@pytest.mark.needs("prometheus")
def test_codes_are_compared_under_the_measured_channel(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Error and pairs are those of the link, the promise is the network file's, and the flips bracket the choice."""
    where = (LINK, "--config", str(config), "--at", BEFORE)
    link = told(capsys, *where)["now"]
    answer = told(capsys, *where, "--compare-codes")
    assert answer["p"] == pytest.approx(link["physical_error_ratio"])
    assert answer["slo"] == pytest.approx(1 - demo_network().links[LINK].slo.logical_success)
    best = choose(p=answer["p"], slo=answer["slo"], c_pair=answer["c_pair"], c_fixed=0.0, allow_discard=False)
    assert best is not None
    assert answer["recommended"] == best.code
    below = [flip["code"] for flip in answer["flips"] if flip["from_p"] <= answer["p"]]
    assert below[-1] == best.code
    first = answer["codes"][0]
    assert first["delivered_per_s"] == pytest.approx(link["entanglement_rate"] / 5, rel=1e-3)  # [[5,1,3]]
    assert run(["capacity", *where, "--compare-codes"]) == 0
    assert "Flips to surface_d5 when the pair's fidelity falls below 0.967" in capsys.readouterr().out


@pytest.mark.needs("prometheus")
def test_a_figure_is_written_in_the_format_of_its_ending(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PNG and SVG with matplotlib; an ending that nobody can write is one line that names those that work."""
    pytest.importorskip("matplotlib", reason="matplotlib (extra plot) is not installed")
    where = ["capacity", LINK, "--config", str(config), "--at", AFTER, "--plot"]
    assert run([*where, str(tmp_path / "link.png")]) == 0
    assert (tmp_path / "link.png").read_bytes().startswith(b"\x89PNG")
    assert run([*where, str(tmp_path / "link.svg")]) == 0
    assert "<svg" in (tmp_path / "link.svg").read_text(encoding="utf-8")
    capsys.readouterr()
    assert run([*where, str(tmp_path / "link.exe")]) == 2
    assert "png" in (said := capsys.readouterr().err)
    assert len(said.splitlines()) == 1


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit 2, before telemetry is asked; the import is made to fail as where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    config = configuration(tmp_path, {"source": "embedded", "exporters": ["http://127.0.0.1:1"]})
    assert run(["capacity", LINK, "--config", str(config), "--plot", "x.png"]) == 2
    assert capsys.readouterr().err == (
        "bellhop: --plot needs matplotlib, which is not installed (pip install 'bellhop-bot[plot]')\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["nowhere"], 1, "there is no link nowhere"),
        ([LINK, "--at", "yesterday"], 2, "--at"),
        ([LINK, "--p", "0.1"], 2, "--p belongs to --channel"),
        ([LINK, "--channel", "erasure", "--p", "0.1"], 2, "not both"),
        ([LINK, "--vary", "loss_db"], 2, "PARAMETER=KIND:SIZE"),
        ([LINK, "--vary", "length_km=season:1"], 2, "length_km"),
        (["--channel", "erasure", "--p", "0.1", "--at", BEFORE], 2, "--at is for a link"),
        ([LINK, "--config", "elsewhere.yaml"], 2, "there is no configuration elsewhere.yaml"),
        ([LINK], 1, "cannot be reached"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    words: list[str], code: int, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown links, wrong words, no configuration and telemetry that is down: exit code and one line, no traceback."""
    nobody = {"source": "prometheus", "prometheus": {"url": f"http://127.0.0.1:{free_port()}"}}
    assert run(["capacity", "--config", str(configuration(tmp_path, nobody)), *words]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert named in shown.err
    assert len(shown.err.splitlines()) == 1


async def test_without_a_history_the_network_file_is_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Embedded telemetry of another process: a glance at the exporters, and the answer says what it rests on."""
    async with running_lab() as lab:
        config = configuration(tmp_path, {"source": "embedded", "exporters": [lab.address]})
        answer = await asyncio.to_thread(told, capsys, LINK, "--config", str(config))
        refused = await asyncio.to_thread(run, ["capacity", LINK, "--config", str(config), "--at", BEFORE])
    assert "no history" in answer["source"]
    assert answer["baseline"]["physical_loss_ratio"] == pytest.approx(
        1 - 10 ** (-demo_network().links[LINK].specified_loss_db / 10)
    )
    assert np.isfinite(answer["now"][CAPACITY])
    assert refused == 2
    assert "--at needs source: prometheus" in capsys.readouterr().err
