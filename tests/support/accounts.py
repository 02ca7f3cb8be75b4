"""Two people on one machine: the process's account has another name, in this process or in one that is started."""

import os
import pwd
import sys

import pytest

_AS = """
import os, pwd, sys
account = pwd.struct_passwd((sys.argv[1], "x", os.getuid(), os.getgid(), "", "/", "/bin/sh"))
pwd.getpwuid = lambda uid: account
from bot.__main__ import run
raise SystemExit(run(sys.argv[2:]))
"""


def sit_down(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From here on this process runs under the account `name`, as far as looking up its uid can tell."""
    account = pwd.struct_passwd((name, "x", os.getuid(), os.getgid(), "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: account)


def command_of(name: str, *words: str) -> list[str]:
    """The command line of `bellhop WORDS` in a process under the account `name`."""
    return [sys.executable, "-c", _AS, name, *words]
