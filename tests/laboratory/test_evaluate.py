"""`bellhop evaluate` through its own door: tables, JSON, a figure, and other methods on the same data."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from bot.laboratory import baro

PNG = b"\x89PNG\r\n\x1a\n"
"""How every PNG file begins (ISO/IEC 15948, 5.2)."""
FIGURES = {
    "incidents", "top_1", "top_1_interval", "top_2", "exact", "macro_f1", "subject", "siblings", "untouched_links",
    "false_alarms", "false_alarm_share", "unsure", "calibration_error", "delay",
}  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Three seeds of every kind, all methods asked, on two processes; (the JSON, the figure)."""
    folder = tmp_path_factory.mktemp("evaluation")
    output, plot = folder / "marks.json", folder / "marks.png"
    options = ["--seeds", "3", "--first", "9000", "--compare", "--processes", "2"]
    assert run(["evaluate", *options, "--output", str(output), "--plot", str(plot)]) == 0
    return json.loads(output.read_text()), plot


def test_the_file_has_every_figure_for_every_kind_and_for_all(evaluated: tuple[dict[str, Any], Path]) -> None:
    """Six kinds of three seeds are eighteen incidents, each counted once."""
    told, _ = evaluated
    bellhop = told["methods"]["bellhop"]
    assert told["incidents"] == 18
    assert set(bellhop) == {"overall", "by_kind", "confusion", "reliability", "wrong"}
    assert set(bellhop["by_kind"]) == {"single", "compound", "confusable", "benign", "missing", "shared"}
    assert all(set(each) == FIGURES for each in (bellhop["overall"], *bellhop["by_kind"].values()))
    assert sum(cell["count"] for cell in bellhop["confusion"]) == 18
    assert (
        bellhop["overall"]["top_1_interval"][0]
        <= bellhop["overall"]["top_1"]
        <= bellhop["overall"]["top_1_interval"][1]
    )


def test_every_wrong_answer_is_told_with_what_was_expected(evaluated: tuple[dict[str, Any], Path]) -> None:
    """As many first answers are listed as wrong as the share of right ones leaves, each with kind, seed and name."""
    told, _ = evaluated
    for method in told["methods"].values():
        assert all({"kind", "seed", "name", "link", "expected", "said"} == set(each) for each in method["wrong"])
        count = method["overall"]["incidents"]
        wrong_first = round(count * (1 - method["overall"]["top_1"]))
        assert len(method["wrong"]) >= wrong_first + method["overall"]["false_alarms"]


def test_bellhop_is_ahead_of_the_naive_table_on_the_same_incidents(evaluated: tuple[dict[str, Any], Path]) -> None:
    """More first answers are right, and no more false alarms are raised, than with one threshold for each mode."""
    bellhop, naive = (evaluated[0]["methods"][name]["overall"] for name in ("bellhop", "naive table"))
    assert bellhop["incidents"] == naive["incidents"]
    assert bellhop["top_1"] > naive["top_1"]
    assert bellhop["false_alarms"] <= naive["false_alarms"]


def test_baro_is_asked_about_the_faults_or_said_to_be_left_out(evaluated: tuple[dict[str, Any], Path]) -> None:
    """It ranks and has no word for healthy: only incidents with a fault are asked, one- and two-sided."""
    told, _ = evaluated
    if baro.why_not():
        assert told["left_out"] == ["BARO is left out: fse-baro is not installed; pip install 'bellhop-bot[compare]'"]
        assert set(told["methods"]) == {"bellhop", "naive table"}
    else:
        faults = told["methods"]["bellhop"]["overall"]["delay"]["asked"]
        assert told["methods"]["BARO"]["overall"]["incidents"] == faults
        assert told["methods"]["BARO two-sided"]["overall"]["incidents"] == faults


def test_the_figure_is_a_picture(evaluated: tuple[dict[str, Any], Path]) -> None:
    """A PNG of more than an empty page."""
    data = evaluated[1].read_bytes()
    assert data.startswith(PNG)
    assert len(data) > 20_000


def test_the_answer_does_not_depend_on_how_many_processes_work(capsys: pytest.CaptureFixture[str]) -> None:
    """One process and two give the same JSON; in a pipe nothing but JSON is printed."""
    told = []
    for processes in ("1", "2"):
        options = ["--seeds", "2", "--kinds", "benign,missing", "--processes", processes, "--format", "json"]
        assert run(["evaluate", *options]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        told.append(json.loads(out))
    assert told[0] == told[1]


def test_the_table_names_the_kinds_and_explains_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each kind asked and one for all, within 120 characters."""
    assert run(["evaluate", "--seeds", "1", "--kinds", "benign,single", "--processes", "1"]) == 0
    out = capsys.readouterr().out
    scored = out.split("what is true")[0].splitlines()
    assert [line.split()[0] for line in scored if "%" in line] == ["benign", "single", "all"]
    assert "false alarms: on links that nothing touched" in out
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--kinds", "single,double"], "'double' is no kind; there are single, compound"),
        (["--plot", "marks.docx"], "--plot cannot write marks.docx"),
        (["--links", "2"], "2 is not in the range 4<=x<=200"),
        (
            ["--output", "no/such/folder/marks.json", "--seeds", "1", "--kinds", "benign", "--processes", "1"],
            "--output",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything is examined, and what to write instead."""
    assert run(["evaluate", *options]) == 2
    assert line in capsys.readouterr().err
