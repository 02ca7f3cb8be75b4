"""A game day from the command line: scores come from the incident's events."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.gameday_score import score
from bot.simulator.scenarios import SCENARIOS
from tests.support.incident_story import START, events


@pytest.mark.slow
def test_a_game_day_is_detected_named_mitigated_and_verified(tmp_path: Path) -> None:
    """F1 on the shipped network: every stage comes, in its order, and the exit code says so."""
    command = [sys.executable, "-m", "bot", "gameday", "f1", "--format", "json", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    stages = [told[name] for name in ("detected_s", "diagnosed_s", "mitigated_s", "resolved_s")]
    assert stages == sorted(stages)
    assert (told["said"], told["passed"]) == ("F1 on ams-rtm", True)
    assert "postmortem published" in Path(told["story"]).read_text(encoding="utf-8")


def test_an_incident_that_names_something_else_fails() -> None:
    """The story of an excess loss, scored against a thermal event: named never, so not mitigated either."""
    told = score("f8", SCENARIOS["f8"], events(), injected_at=START - 60, story="")
    assert told.detected_s == 60
    assert (told.diagnosed_s, told.mitigated_s, told.passed) == (None, None, False)
    assert told.said == "F1 on ams-rpt1"


def test_nothing_that_happened_scores_nothing() -> None:
    """No incident at all: detected never."""
    told = score("f1", SCENARIOS["f1"], (), injected_at=START, story="")
    assert (told.detected_s, told.said, told.passed) == (None, "nothing", False)
