"""`bellhop runbook test`: a runbook is tried on a simulated network with its fault before people rely on it."""

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from bot.__main__ import run

BELLHOP = Path(sys.executable).with_name("bellhop")
NAME = "f4-entanglement-exhaustion"


def tried(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A whole bot in a process of its own, as a user starts it."""
    return subprocess.run(
        [BELLHOP, "runbook", "test", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "BELLHOP_CONFIG"},
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a copy of the shipped runbooks."""
    shutil.copytree(str(resources.files("runbooks")), tmp_path / "runbooks")
    network = str(resources.files("bot.simulator").joinpath("networks", "demo.yaml"))
    file = tmp_path / "bellhop.yaml"
    file.write_text(
        f"network: {network}\n"
        f"store: {{url: 'sqlite:///{tmp_path / 'bellhop.db'}'}}\n"
        "telemetry: {source: embedded, exporters: ['http://127.0.0.1:1']}\n"
        "runbooks: {directory: runbooks}\n",
        encoding="utf-8",
    )
    return file


@pytest.mark.slow
def test_runbook_that_heals_its_fault_passes(tmp_path: Path) -> None:
    """Exit code 0, one line, and nothing left behind."""
    done = tried(tmp_path, NAME)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NAME}: F4 healed\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_own_runbook_that_does_not_heal_fails_and_tells_the_story(config: Path) -> None:
    """The configured runbook is tried, not the shipped one of its name: here a pool is never low enough for it."""
    own = config.parent / "runbooks" / f"{NAME}.yaml"
    own.write_text(own.read_text(encoding="utf-8").replace("below: 0.25", "below: 0"), encoding="utf-8")
    done = tried(config.parent, NAME, "--config", str(config))
    assert (done.returncode, done.stderr) == (1, "")
    assert "step confirm" in done.stdout
    assert done.stdout.endswith(f"{NAME}: F4 not healed\n")


def test_runbook_without_a_fault_cannot_be_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage, one clear line."""
    assert run(["runbook", "test", "unknown"]) == 2
    assert "handles no failure mode" in capsys.readouterr().err


def test_runbook_that_no_diagnosis_answers_with_cannot_be_tried(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another runbook would run in its place and be praised for it."""
    own = config.parent / "runbooks" / f"{NAME}.yaml"
    text = own.read_text(encoding="utf-8").replace(f"name: {NAME}", "name: my-refill")
    own.with_name("my-refill.yaml").write_text(text, encoding="utf-8")
    assert run(["runbook", "test", "my-refill", "--config", str(config)]) == 2
    assert f"answers with {NAME}, not with my-refill" in capsys.readouterr().err


def own_rule(config: Path, runbook: str) -> None:
    """A folder of rules of which that of F4 answers with this runbook."""
    rules = config.parent / "rules"
    rules.mkdir()
    text = resources.files("bot.diagnosis").joinpath("rules", "f4.yaml").read_text(encoding="utf-8")
    (rules / "f4.yaml").write_text(text.replace(f"runbook: {NAME}", f"runbook: {runbook}"), encoding="utf-8")
    content = config.read_text(encoding="utf-8")
    config.write_text(content.replace("directory: runbooks", "directory: runbooks, rules: rules"), encoding="utf-8")


def test_own_rules_decide_which_runbook_a_diagnosis_answers_with(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped runbook of a mode that has another one here cannot be tried: it would not be the one that runs."""
    own_rule(config, "my-refill")
    assert run(["runbook", "test", NAME, "--config", str(config)]) == 2
    assert f"answers with my-refill, not with {NAME}" in capsys.readouterr().err


@pytest.mark.slow
def test_runbook_that_only_own_rules_name_is_tried(config: Path) -> None:
    """The whole bot has these rules, so it is this runbook that heals."""
    own_rule(config, "my-refill")
    shipped = config.parent / "runbooks" / f"{NAME}.yaml"
    text = shipped.read_text(encoding="utf-8").replace(f"name: {NAME}", "name: my-refill")
    shipped.with_name("my-refill.yaml").write_text(text, encoding="utf-8")
    done = tried(config.parent, "my-refill", "--config", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (0, "my-refill: F4 healed\n", "")
