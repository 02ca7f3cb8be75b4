"""The kill switch: while it is thrown no run acts. Reads, waits for people and messages go on."""

import os
import stat
from pathlib import Path

from bot.model.guard import Pause
from bot.store import GuardRows, Transaction

_LONGEST_REASON = 200


class Pausing:
    """Thrown by people, through the store, or by a file that is there."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def now(self, transaction: Transaction) -> Pause | None:
        """Why nothing may act now, or None."""
        return self.by_file() or GuardRows(transaction).paused()

    def by_file(self) -> Pause | None:
        """The file's pause. A file of which nobody can tell whether it is there pauses as well."""
        if self._file is None:
            return None
        try:
            self._file.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._pause(f"it cannot be read: {error.strerror}")
        try:
            return self._pause(_first_line(self._file))
        except OSError as error:
            return self._pause(f"it cannot be read: {error.strerror}")

    def _pause(self, reason: str) -> Pause:
        return Pause(by=f"the file {self._file}", reason=reason)


def _first_line(file: Path) -> str:
    """What a file says first; empty for what is no plain file, such as a pipe, at which reading would wait."""
    with open(file, "rb", opener=_at_once) as content:
        plain = stat.S_ISREG(os.fstat(content.fileno()).st_mode)
        return content.readline(_LONGEST_REASON).decode("utf-8", "replace").strip() if plain else ""


def _at_once(file: str, flags: int) -> int:
    return os.open(file, flags | os.O_NONBLOCK)
