"""An incident as people see it: a view of its events, never stored. Instants are Unix seconds."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bot.model.alert import Alert
from bot.model.diagnosis import Diagnosis
from bot.model.event import Severity, State
from bot.model.guard import Mode
from bot.model.network import Subject
from bot.model.step_event import Phase, RunResult


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """An attached alert and, once it is over, since when."""

    alert: Alert
    ended_at: float | None = None


class PendingApproval(msgspec.Struct, frozen=True, kw_only=True):
    """A step that waits for people."""

    run: str
    step: str
    title: str
    role: str
    count: int
    approved_by: tuple[str, ...] = ()
    approved_roles: tuple[tuple[str, ...], ...] = ()
    """Which of the wanted roles each of them has."""
    plan_hash: str
    asked_at: float
    expires_at: float
    acts: tuple[Mapping[str, Any], ...] = ()
    """All that a yes lets happen, in the shape of the plan's steps; empty in questions from before it was told."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Each role of which `count` people must say yes."""
        return tuple(self.role.split("+"))


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A step that one person let go ahead alone; somebody else must look at it afterwards."""

    run: str
    step: str
    title: str
    by: str
    reason: str
    roles: tuple[str, ...]
    """The roles that the step asked for; who has one of them, or is an approver, may review."""
    opened_at: float


class PendingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A step of which nobody knows whether it happened or, if it only `looks`, whether it holds; a person must say."""

    run: str
    step: str
    phase: Phase
    attempt: int
    reason: str
    looks: bool = False


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook run: proposed, running or ended."""

    run: str
    runbook: str
    title: str
    plan_hash: str
    plan: Mapping[str, Any]
    requested_by: str = ""
    """The person who asked for it; empty when the diagnosis did."""
    mode: Mode = "auto"
    retry_of: str = ""
    begins_at: str = ""
    """The step at which a retry begins; empty for a run that is none."""
    started_at: float | None = None
    ended_at: float | None = None
    result: RunResult | None = None
    reason: str = ""
    skips: Mapping[str, str] = {}
    """Steps that a person wants passed over -> who and why."""
    stands_still: bool = False
    """Whether it waits before an act because of a pause."""
    begun: tuple[str, ...] = ()
    """The actions of which it has begun an act, each once."""
    abort: str = ""
    """Who wants the run to end, and why; empty while nobody does."""

    @property
    def is_running(self) -> bool:
        """Whether it has begun and is not over."""
        return self.started_at is not None and self.ended_at is None

    @property
    def is_queued(self) -> bool:
        """Whether a person asked for it and it will begin; one that only records what it would do never does."""
        asked = bool(self.requested_by) and self.mode != "observe"
        return asked and self.started_at is None and self.ended_at is None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """The present state, derived."""

    id: str
    title: str
    state: State
    severity: Severity
    subject: Subject
    opened_at: float
    last_seq: int
    alerts: Mapping[str, AlertState] = {}
    """By episode."""
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    mitigated_at: float | None = None
    """When the first run that helped ended, or the state became monitoring."""
    resolved_at: float | None = None
    diagnosis: Diagnosis | None = None
    runs: Mapping[str, RunView] = {}
    """By run id, in order of proposal."""
    approvals: tuple[PendingApproval, ...] = ()
    outcomes: tuple[PendingOutcome, ...] = ()
    reviews: tuple[Review, ...] = ()
    """Reviews that are owed."""
    postmortem: str = ""
    asked: bool = False
    """Whether it only holds what a person asked for, with nothing wrong."""
    quarantined: tuple[str, ...] = ()
    """Links whose keys may be known to an intruder; as long as there are any, only security ends the incident."""

    @property
    def is_open(self) -> bool:
        """Whether somebody may still have to act."""
        return self.state in ("triggered", "acknowledged", "mitigating", "monitoring")

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that are not over."""
        return tuple(state.alert for state in self.alerts.values() if state.ended_at is None)
