"""Everything that can happen to an incident, as immutable typed events. All else is derived from them.

Instants are Unix seconds. `by` says who: `bellhop`, `alertmanager`, `slack:U123`, `cli:alice`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bot.model.alert import Alert
from bot.model.diagnosis import Diagnosis
from bot.model.guard import Mode
from bot.model.guard_event import GuardEvent
from bot.model.network import Subject
from bot.model.step_event import (
    AbortAsked,
    OutcomeAsked,
    OutcomeTold,
    RunEnded,
    StepEnded,
    StepStarted,
)
from bot.model.store_event import StoreWasUnavailable

Severity = Literal["sev1", "sev2", "sev3", "sev4"]
State = Literal[
    "triggered",
    "acknowledged",
    "mitigating",
    "monitoring",
    "resolved",
    "postmortem published",
    "suppressed",
    "merged",
]


class IncidentOpened(msgspec.Struct, frozen=True, kw_only=True, tag="incident opened"):
    """The first event of every incident."""

    title: str
    severity: Severity
    subject: Subject
    asked: bool = False
    """Whether it only holds what a person asked for, with nothing wrong."""


class AlertAttached(msgspec.Struct, frozen=True, kw_only=True, tag="alert attached"):
    """A firing alert belongs to this incident."""

    alert: Alert
    reason: str


class AlertResolved(msgspec.Struct, frozen=True, kw_only=True, tag="alert resolved"):
    """The alert's source says that this episode is over."""

    episode: str
    name: str
    ended_at: float


class StateChanged(msgspec.Struct, frozen=True, kw_only=True, tag="state changed"):
    """A legal move of the life cycle."""

    before: State
    after: State


class SeverityChanged(msgspec.Struct, frozen=True, kw_only=True, tag="severity changed"):
    """Somebody or a rule changed how bad this is."""

    before: Severity
    after: Severity


class SubjectChanged(msgspec.Struct, frozen=True, kw_only=True, tag="subject changed"):
    """The diagnosis found that the fault sits elsewhere (a node seen on its links)."""

    before: Subject
    after: Subject


class DiagnosisMade(msgspec.Struct, frozen=True, kw_only=True, tag="diagnosis made"):
    """A diagnosis, kept whole."""

    diagnosis: Diagnosis


class KeysQuarantined(msgspec.Struct, frozen=True, kw_only=True, tag="keys quarantined"):
    """Keys that these links made since an instant (Unix seconds) must not be used until security has decided."""

    links: tuple[str, ...]
    since: float
    reason: str


class ChangeSeen(msgspec.Struct, frozen=True, kw_only=True, tag="change seen"):
    """A change on the network near the incident: firmware, calibration, maintenance."""

    subject: Subject
    kind: str
    description: str
    changed_at: float


class PlanProposed(msgspec.Struct, frozen=True, kw_only=True, tag="plan proposed"):
    """The rendered plan of a runbook, with its predicted effect in numbers; `plan` is `remediation` JSON."""

    run: str
    runbook: str
    title: str
    plan_hash: str
    plan: Mapping[str, Any]
    cause: str = ""
    """What asked for it; one cause makes one run."""
    retry_of: str = ""
    """The run that ended without success and that this one repeats, beginning at `begins_at`."""
    begins_at: str = ""
    mode: Mode = "auto"


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag="run started"):
    """A runbook run began."""

    run: str
    runbook: str
    plan_hash: str


class ActRefused(msgspec.Struct, frozen=True, kw_only=True, tag="act refused"):
    """A guard turned a run or a step down, and why."""

    run: str
    runbook: str
    step: str = ""
    guard: str
    reason: str


class ApprovalAsked(msgspec.Struct, frozen=True, kw_only=True, tag="approval asked"):
    """The run waits for people; the approval is bound to the hash of the plan and of the rendered acts."""

    run: str
    step: str
    title: str
    role: str
    count: int
    plan_hash: str
    """The plan's own where the acts are just as planned; the question's own where they were not known then."""
    expires_at: float
    acts: tuple[Mapping[str, Any], ...] = ()
    """All that a yes lets happen, in the shape of the plan's steps; empty in older events."""


class ApprovalAnswered(msgspec.Struct, frozen=True, kw_only=True, tag="approval answered"):
    """A person decided."""

    run: str
    step: str
    decision: Literal["approved", "rejected"]
    plan_hash: str
    roles: tuple[str, ...] = ()
    """Which of the wanted roles the person has; empty in events from before there could be several."""
    given: int = 0
    wanted: int = 0
    """How many approvals there are with this one, and how many it takes; 0 in older events."""


class ApprovalExpired(msgspec.Struct, frozen=True, kw_only=True, tag="approval expired"):
    """The time was over before enough people had decided."""

    run: str
    step: str
    approved_by: tuple[str, ...] = ()
    wanted: int = 0
    """How many approvals it takes; 0 in older events."""


class EffectMeasured(msgspec.Struct, frozen=True, kw_only=True, tag="effect measured"):
    """Predicted and measured value of one quantity, side by side, after a run."""

    run: str
    quantity: str
    unit: str
    before: float | None
    predicted: float | None
    measured: float | None


class RecoveryVerified(msgspec.Struct, frozen=True, kw_only=True, tag="recovery verified"):
    """What the metrics said when recovery was checked."""

    recovered: bool
    reason: str


class Escalated(msgspec.Struct, frozen=True, kw_only=True, tag="escalated"):
    """Handed to people."""

    to: str
    reason: str


class NoteAdded(msgspec.Struct, frozen=True, kw_only=True, tag="note added"):
    """A person or a runbook wrote something down."""

    text: str


class PostmortemPublished(msgspec.Struct, frozen=True, kw_only=True, tag="postmortem published"):
    """The draft was written; `place` is a path or an address."""

    place: str


EventBody = (
    IncidentOpened
    | AlertAttached
    | AlertResolved
    | StateChanged
    | SeverityChanged
    | SubjectChanged
    | DiagnosisMade
    | KeysQuarantined
    | ChangeSeen
    | PlanProposed
    | RunStarted
    | ActRefused
    | ApprovalAsked
    | ApprovalAnswered
    | ApprovalExpired
    | StepStarted
    | StepEnded
    | AbortAsked
    | OutcomeAsked
    | OutcomeTold
    | RunEnded
    | EffectMeasured
    | RecoveryVerified
    | Escalated
    | NoteAdded
    | PostmortemPublished
    | GuardEvent
    | StoreWasUnavailable
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an incident's list; `seq` counts from 1 within the incident."""

    incident: str
    seq: int
    at: float
    by: str
    why: str = ""
    body: EventBody


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event before the store gave it its place.

    `key` makes it happen once: an entry whose (incident, key) is already stored is passed over.
    """

    at: float
    by: str
    body: EventBody
    why: str = ""
    key: str
