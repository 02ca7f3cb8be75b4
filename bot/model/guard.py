"""What stands in the way of runs, as the store remembers it: locks, pauses, past runs, modes and the ledger.

Instants are Unix seconds. Targets and places are written `kind:id`, such as `link:ams-rtm`.
"""

from typing import Literal

import msgspec

Mode = Literal["observe", "suggest", "approve", "auto"]
Verdict = Literal["match", "miss", "unknown"]
Good = Literal["higher", "lower", "neither"]
"""Which way of missing its predicted value is no harm."""
MODES: tuple[Mode, ...] = ("observe", "suggest", "approve", "auto")
"""From the most careful to the least."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A link, node or flow that a run has for itself."""

    resource: str
    run: str
    runbook: str
    since: float


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why no act is done now; `by` is a person, or `file`."""

    by: str
    reason: str
    since: float | None = None

    def __str__(self) -> str:
        return f"paused by {self.by}" + (f": {self.reason}" if self.reason else "")


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run that began: one row, kept after its end."""

    run: str
    runbook: str
    target: str
    started_at: float
    result: str = ""
    """Empty while it runs; `not recovered` when it succeeded and the metrics did not follow."""


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A link or node that an act of a run takes out of service."""

    place: str
    run: str
    action: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of a run: what was predicted (with the 5-95% interval where known), what was measured.

    `good` says on which side of the prediction the link is better off; `neither` where both sides are a miss.
    """

    quantity: str
    unit: str
    before: float | None
    predicted: float | None
    measured: float | None
    low: float | None = None
    high: float | None = None
    good: Good = "neither"


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True):
    """Predicted beside measured for one run, and whether they agree."""

    run: str
    runbook: str
    target: str
    at: float
    verdict: Verdict
    reason: str
    quantities: tuple[Compared, ...] = ()


class ModeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The mode that a runbook has come to on a target since the configuration said `configured`."""

    runbook: str
    target: str
    mode: Mode
    configured: Mode
    at: float
    by: str
    why: str
