"""Work in forked processes, from a process without threads."""

import ctypes
import os
import pickle
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def fork(work: Callable[[], object]) -> int:
    """Do `work` in a fork of this process, which then ends with exit status 0, or 1 when it raised; its id."""
    assert threading.active_count() == 1, threading.enumerate()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        _do(work)
    return process


def _do(work: Callable[[], object]) -> NoReturn:
    code = 1
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent's may go on here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def answer(work: Callable[[], T]) -> T:
    """What `work` comes to in a fork; AssertionError when it raises or dies."""
    hear, tell = os.pipe()

    def told() -> None:
        content = pickle.dumps(work())
        with os.fdopen(tell, "wb") as pipe:
            pipe.write(content)

    process = fork(told)
    os.close(tell)
    with os.fdopen(hear, "rb") as pipe:
        content = pipe.read()
    os.waitpid(process, 0)
    assert content, "the forked process ended without an answer"
    found: T = pickle.loads(content)
    return found


class Ear:
    """What forks of this process say, line by line."""

    def __init__(self) -> None:
        self._hear, self._tell = os.pipe()
        os.set_blocking(self._hear, False)
        self._rest = b""

    def tell(self, line: str) -> None:
        """Say a line, in one piece."""
        os.write(self._tell, line.encode()[:4000] + b"\n")

    def heard(self, within_s: float) -> list[str]:
        """The lines that were said, waiting for the first."""
        if not select.select([self._hear], [], [], within_s)[0]:
            return []
        *lines, self._rest = (self._rest + os.read(self._hear, 1 << 20)).split(b"\n")
        return [line.decode() for line in lines]


def ended(process: int) -> int | None:
    """The exit code of a fork, negative for a signal; None while it lives."""
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def stands(process: int) -> bool:
    """Whether a fork is stopped."""
    state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return state == "T"


def killed(process: int, *, within_s: float = 5.0) -> None:
    """End a fork of this process and wait for that."""
    os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + within_s
    while ended(process) is None:
        assert time.monotonic() < deadline, f"process {process} does not end"
        time.sleep(0.001)
