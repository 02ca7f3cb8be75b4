"""`bellhop init` writes files that work as they are, and never over somebody's own."""

from pathlib import Path

import pytest

from bot.__main__ import run
from bot.network_file import load_network
from bot.settings import load_settings


def test_what_init_writes_loads(tmp_path: Path) -> None:
    """Configuration and network pass their own checks, and the runbooks are there."""
    folder = tmp_path / "new"
    assert run(["init", str(folder)]) == 0
    settings = load_settings(folder / "bellhop.yaml")
    assert load_network(settings.network).links
    assert settings.runbooks.directory == folder / "runbooks"
    assert len(list((folder / "runbooks").glob("*.yaml"))) >= 9
    assert "display_information" in (folder / "slack-manifest.yaml").read_text()


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file of the same name: one line, exit 1, and nothing written at all."""
    mine = tmp_path / "network.yaml"
    mine.write_text("mine")
    assert run(["init", str(tmp_path)]) == 1
    assert mine.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["network.yaml"]
    assert "already has network.yaml" in capsys.readouterr().err
