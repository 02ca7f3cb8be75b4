"""`bellhop demo` as a user runs it: a process, its exit code, and the postmortem it leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.simulator.scenarios import SCENARIOS
from remediation.load import load_library

BELLHOP = Path(sys.executable).with_name("bellhop")
LIMIT_S = 90
"""What the demo promises on a fresh machine."""


def demo(tmp_path: Path, *arguments: str, answer: str | None = None) -> subprocess.CompletedProcess[str]:
    """One run of the demo, its store and postmortem under `tmp_path`."""
    return subprocess.run(
        [BELLHOP, "demo", "--output", tmp_path, *arguments],
        input=answer,
        stdin=subprocess.DEVNULL if answer is None else None,
        capture_output=True,
        text=True,
        timeout=LIMIT_S + 30,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_demo_resolves_each_failure_mode_with_its_own_runbook(name: str, tmp_path: Path) -> None:
    """Each of the eight faults is found, healed by the runbook that handles its mode, and written up."""
    mode = SCENARIOS[name].mode
    runbook = next(each for each in load_library().runbooks if mode in each.spec.handles)
    told = demo(tmp_path, "--scenario", name, "--auto-approve")
    assert told.returncode == 0, told.stdout + told.stderr
    postmortem = (tmp_path / name / "INC-1.md").read_text(encoding="utf-8")
    assert f"Cause: {mode} " in postmortem
    assert f"The runbook {runbook.metadata.name} was run and succeeded." in postmortem
    assert str(tmp_path / name / "INC-1.md") in told.stdout
    assert told.stderr == ""


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_demo_without_a_yes_touches_nothing_more_and_says_so(answer: str, tmp_path: Path) -> None:
    """A rejected approval, or nobody at the terminal, ends with exit code 1, and the realignment never began."""
    told = demo(tmp_path, "--scenario", "f1", answer=answer)
    assert told.returncode == 1
    assert "rejected" in told.stdout
    assert "step realign" not in told.stdout
    assert "Traceback" not in told.stdout + told.stderr


def test_demo_refuses_a_scenario_that_does_not_exist(tmp_path: Path) -> None:
    """A wrong name is wrong usage: exit code 2 and the names that there are."""
    told = demo(tmp_path, "--scenario", "f9")
    assert told.returncode == 2
    assert "'f8'" in told.stderr
