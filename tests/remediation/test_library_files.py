"""Which files of a folder are runbooks: YAML under either of its usual endings, and no name in two of them."""

import json
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.simulator.scenarios import demo_network_path
from remediation.errors import FileFaultsError
from remediation.load import load_library

RUNBOOK = """\
apiVersion: bellhop/v1
kind: Runbook
metadata: {{name: {name}, title: Look and tell}}
spec:
  steps:
    - id: tell
      action: notify.message
      with: {{to: operators, text: looked}}
      timeout: 1m
"""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A folder with one runbook under each ending, and with what is no runbook."""
    for file in ("first.yaml", "second.yml", "third.YML"):
        (tmp_path / file).write_text(RUNBOOK.format(name=Path(file).stem), encoding="utf-8")
    (tmp_path / "fourth.yml.orig").write_text("no runbook")
    (tmp_path / "notes.md").write_text("no runbook")
    return tmp_path


def configured(books: Path) -> str:
    """A configuration with these runbooks."""
    config = books / "own" / "bellhop.yaml"
    config.parent.mkdir()
    content = {
        "network": str(demo_network_path()),
        "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"]},
        "runbooks": {"directory": str(books)},
    }
    config.write_text(json.dumps(content), encoding="utf-8")
    return str(config)


def test_both_endings_of_yaml_are_runbooks(books: Path) -> None:
    """In the order of the file names; other files of the folder are left alone."""
    assert [each.metadata.name for each in load_library(books).runbooks] == ["first", "second", "third"]


def test_two_files_of_one_name_are_a_fault_whatever_their_endings(books: Path) -> None:
    """The fault names the other file."""
    (books / "first.yml").write_text(RUNBOOK.format(name="first"), encoding="utf-8")
    with pytest.raises(FileFaultsError) as caught:
        load_library(books)
    (fault,) = caught.value.faults
    assert fault.file == str(books / "first.yml")
    assert fault.message == f"first is also in {books / 'first.yaml'}"


def test_a_folder_without_runbooks_says_what_it_looked_for(tmp_path: Path) -> None:
    """Both endings, so that nobody renames files on a guess."""
    (tmp_path / "notes.md").write_text("no runbook")
    with pytest.raises(FileFaultsError, match=r"has no runbooks \(\*\.yaml, \*\.yml\)"):
        load_library(tmp_path)


def test_every_command_reads_both_endings(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lint` of a folder finds the fault in a .yml; `lint`, `list` and `show` of a configuration know it."""
    config = configured(books)
    assert run(["runbook", "lint", "--config", config]) == 0
    assert "3 runbooks, no errors" in capsys.readouterr().err
    assert run(["runbook", "list", "--config", config, "--format", "json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["first", "second", "third"]
    assert run(["runbook", "show", "second", "--config", config]) == 0
    assert capsys.readouterr().out == RUNBOOK.format(name="second")
    (books / "second.yml").write_text(RUNBOOK.format(name="second").replace("notify.message", "notify.mesage"))
    assert run(["runbook", "lint", str(books)]) == 1
    assert f"{books / 'second.yml'}:" in capsys.readouterr().out
