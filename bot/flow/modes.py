"""How far a runbook may go on a target: what the configuration says, moved down by the ledger or up by people."""

from fnmatch import fnmatchcase

from bot.model.guard import MODES, Mode, ModeRow
from bot.settings import RunbookSettings
from bot.store import GuardRows, Transaction


class Modes:
    """observe → suggest → approve → auto, per runbook and target."""

    def __init__(self, settings: RunbookSettings) -> None:
        self._settings = settings

    def configured(self, runbook: str, target: str) -> Mode:
        """What the configuration says: its last entry that fits, else auto, or suggest where nothing starts itself."""
        mode: Mode = "auto" if self._settings.auto else "suggest"
        for entry in self._settings.modes:
            if fnmatchcase(runbook, entry.runbook) and fnmatchcase(target, entry.target):
                mode = entry.mode
        return mode

    def now(self, transaction: Transaction, runbook: str, target: str) -> Mode:
        """The mode in force."""
        row = self.moved(transaction, runbook, target)
        return row.mode if row is not None else self.configured(runbook, target)

    def moved(self, transaction: Transaction, runbook: str, target: str) -> ModeRow | None:
        """Where the mode was moved to; None when it was not, or the configuration has changed since."""
        row = GuardRows(transaction).mode(runbook, target)
        return row if row is not None and row.configured == self.configured(runbook, target) else None

    def move(
        self, transaction: Transaction, runbook: str, target: str, *, steps: int, by: str, why: str, at: float
    ) -> tuple[Mode, Mode]:
        """Move the mode by steps, never past its ends; (before, after)."""
        before = self.now(transaction, runbook, target)
        after = MODES[min(len(MODES) - 1, max(0, MODES.index(before) + steps))]
        if after != before:
            configured = self.configured(runbook, target)
            row = ModeRow(runbook=runbook, target=target, mode=after, configured=configured, at=at, by=by, why=why)
            GuardRows(transaction).set_mode(row)
        return before, after
