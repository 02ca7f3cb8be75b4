"""Playbooks: guides for people that lead somewhere and name commands that exist."""

import re
from pathlib import Path

import click
import pytest

from bot.cli import bellhop
from remediation.playbooks import Playbook, load_playbooks, named
from remediation.reference import actions_page
from remediation.registry import ACTIONS

FOLDER = Path(__file__).parents[2] / "runbooks"
GUIDES = load_playbooks()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_guide_says_when_who_and_when_it_is_over(guide: Playbook) -> None:
    """Title, a reason to open it, decisions as a table, and an end."""
    assert guide.title
    assert "**Open it when**" in guide.text
    assert "\n## Over when\n" in guide.text
    assert "|---" in guide.text


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_links_of_a_guide_lead_to_a_file(guide: Playbook) -> None:
    """Relative links only, each to something that is there."""
    for target in re.findall(r"\]\(([^)]+)\)", guide.text):
        assert (FOLDER / "playbooks" / target).is_file(), target


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_commands_of_a_guide_exist(guide: Playbook) -> None:
    """`bellhop X` is a command, `bellhop X Y` one of its subcommands where X has any."""
    context = click.Context(bellhop)
    for words in re.findall(r"`bellhop ([a-z -]+)", guide.text):
        first, *rest = words.split()
        command = bellhop.get_command(context, first)
        assert command is not None, words
        if isinstance(command, click.Group):
            assert command.get_command(context, rest[0]) is not None, words


def test_a_folder_of_ones_own_has_its_own_guides(tmp_path: Path) -> None:
    """Where there are none, those that ship are at hand."""
    assert load_playbooks(tmp_path) == GUIDES
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "flood.md").write_text("# Flood\n\nSwim.\n", encoding="utf-8")
    assert load_playbooks(tmp_path) == (Playbook("flood", "Flood", "# Flood\n\nSwim.\n"),)
    assert named(GUIDES, "flood") is None


def test_the_reference_of_actions_is_that_of_the_code() -> None:
    """`bellhop runbook actions > runbooks/ACTIONS.md` after a change; every action is there with its risk."""
    page = actions_page()
    assert (FOLDER / "ACTIONS.md").read_text(encoding="utf-8") == page
    for name, action in ACTIONS.items():
        assert re.search(rf"^### {re.escape(name)}\n\n.*\*{action.risk}", page, re.MULTILINE | re.IGNORECASE), name
