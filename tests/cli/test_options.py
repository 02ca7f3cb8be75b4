"""Who a person at a terminal is: the account of the process, and nothing that they can type."""

import os

import pytest

from bot.cli.options import account
from tests.support.accounts import sit_down


def test_a_terminal_does_not_believe_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LOGNAME=bob bellhop approve` is Ada at Ada's terminal."""
    sit_down(monkeypatch, "ada")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "bob")
    assert account() == "ada"


def test_an_account_without_a_name_has_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number nobody wrote down; 4294967294 is the highest one there is."""
    monkeypatch.setattr(os, "getuid", lambda: 4294967294)
    assert account() == "uid-4294967294"
