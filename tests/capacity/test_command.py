"""`bellhop capacity` through its own door: exit codes, one line per question, no traceback."""

import json
from pathlib import Path

import pytest

from bot.__main__ import run


def test_a_bare_channel_shows_both_bounds_and_both_regimes(capsys: pytest.CaptureFixture[str]) -> None:
    """Depolarizing 0.05: finite-block 0.511 first, hashing 0.634355 and its upper bound 0.709292 beside each other."""
    assert run(["capacity", "--channel", "depolarizing", "--p", "0.05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "finite block" in lines[2]
    assert "0.511" in lines[2]
    assert "asymptotic" in lines[3]
    assert "0.634355" in lines[3]
    assert "0.709292" in lines[3]


def test_json_answers_every_capacity_with_lower_and_upper(capsys: pytest.CaptureFixture[str]) -> None:
    """Machine-readable rows have both ends; exact ones are equal; unknown is null."""
    assert run(["capacity", "--channel", "erasure", "--p", "0.1", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["capacities"]
    exact = {row["what"]: (row["lower"], row["upper"]) for row in rows if row["regime"] == "asymptotic"}
    assert exact["Q"] == (pytest.approx(0.8), pytest.approx(0.8))
    assert exact["Q2"] == (pytest.approx(0.9), pytest.approx(0.9))


@pytest.mark.parametrize(
    "words",
    [
        ["dephasing", "--p", "0.7"],
        ["pauli", "--px", "0.1", "--py", "0.02", "--pz", "0.2"],
        ["amplitude-damping", "--gamma", "0.1"],
        ["generalized-amplitude-damping", "--gamma", "0.1", "--population", "0.1"],
        ["t1t2", "--t", "0.01", "--t1", "1", "--t2", "0.1"],
        ["pure-loss", "--eta", "0.5"],
        ["thermal-loss", "--eta", "0.9", "--nbar", "0.01"],
    ],
)
def test_every_channel_answers_with_ordered_bounds(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each channel that --help names works, and no lower bound exceeds its upper bound."""
    assert run(["capacity", "--format", "json", "--channel", *words]) == 0
    rows = json.loads(capsys.readouterr().out)["capacities"]
    assert rows
    for row in rows:
        if row["lower"] is not None and row["upper"] is not None:
            assert row["lower"] <= row["upper"] + 1e-9


def test_codes_are_ranked_and_the_flips_named(capsys: pytest.CaptureFixture[str]) -> None:
    """At p = 0.01 and an SLO of 1e-3 the five-qubit code is cheapest (5.5 for 5 pairs and 0.5)."""
    words = ["capacity", "--channel", "depolarizing", "--p", "0.01", "--compare-codes", "--fixed-cost", "0.5"]
    assert run([*words, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recommended"] == "513"
    assert told["codes"][0]["cost"] == pytest.approx(5.5)
    assert [flip["code"] for flip in told["flips"]] == ["bare", "513", "surface_d5", "surface_d7", "none"]
    assert run(words) == 0
    assert "recommended: 513" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--channel", "erasure", "--p", "2"], "p is 2.0"),
        (["--channel", "erasure"], "parameters of erasure"),
        (["--channel", "erasure", "--p", "0.1", "--gamma", "0.1"], "parameters of erasure"),
        (["--channel", "t1t2", "--t", "1", "--t1", "1", "--t2", "9"], "t2_s is 9.0"),
        (["--channel", "pure-loss", "--eta", "0.5", "--compare-codes"], "channel is pure-loss"),
        ([], "nothing was asked"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(words: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names what is wrong."""
    assert run(["capacity", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert named in shown.err
    assert len(shown.err.splitlines()) == 1


def test_every_line_of_a_file_is_answered_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values and errors side by side: bad lines never stop good ones; exit 1 says that there were some."""
    scenario = {"p": 0.01, "slo": 0.001, "c_pair": 1.0, "c_fixed": 0.5, "allow_discard": False}
    questions = [
        '{"id": "a", "quantity": "dephasing.Q", "parameters": {"p": 0.05}}',
        '{"quantity": "dephasing.Q", "parameters": {"p": 7}}',
        "not json",
        "[1, 2]",
        '{"quantity": "nobody.knows", "parameters": {}}',
        '{"quantity": "dephasing.Q", "parameters": {"q": 0.1}}',
        '{"quantity": "dephasing.Q", "parameters": {"p": "x"}}',
        '{"quantity": "dephasing.Q", "parameters": {"p": null}}',
        '{"quantity": "dephasing.Q", "parameters": {"p": [0.1, 0.2]}}',
        '{"quantity": "dephasing.Q", "parameters": {"p": NaN}}',
        '{"quantity": "pool.fluid_depletion_time", "parameters": {"N0": 5, "lam": 2, "mu": 1, "delta": 0}}',
        json.dumps({"quantity": "cost.code_choice", "parameters": scenario}),
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(questions) + "\n", encoding="utf-8")
    assert run(["capacity", "evaluate", str(file)]) == 1
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == len(questions)
    assert answers[0]["id"] == "a"
    assert answers[0]["value"] == pytest.approx(0.7136030428840437)
    assert answers[-1]["value"] == "513"
    assert all("error" in answer and "value" not in answer for answer in answers[1:-1])
