"""The kill switch: while it is thrown no run acts. Reads, waits for people and messages go on."""

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
            with self._file.open("rb") as content:
                first = content.readline(_LONGEST_REASON).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            first = f"it cannot be read: {error.strerror}"
        return Pause(by=f"the file {self._file}", reason=first)
