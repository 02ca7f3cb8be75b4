"""What a postmortem says, as values; the templates only lay them out. Instants are Unix seconds, spans seconds."""

from collections.abc import Mapping

import msgspec

from bot.model.diagnosis import Diagnosis
from bot.model.event import Severity, State
from bot.model.network import Subject
from bot.model.step_event import RunResult


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A measured length of time, and from what to what it was measured."""

    name: str
    start: str
    end: str
    seconds: float


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline; `evidence` holds what was known then, a sentence each."""

    seq: int
    at: float
    by: str
    text: str
    why: str = ""
    evidence: tuple[str, ...] = ()


class FlowImpact(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's flow over an affected link; `failed` and `asked` are estimates, None where nothing is known."""

    flow: str
    priority: str
    source: str
    target: str
    demand_logical_per_s: float
    asked: float | None = None
    failed: float | None = None


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """Who felt it and for how long. `ongoing`: it was not over when the report was drafted."""

    links: tuple[str, ...]
    flows: tuple[FlowImpact, ...]
    start: float
    end: float
    ongoing: bool
    success_ratio: float | None = None
    """The logical success ratio that the diagnosis saw, 0..1."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return max(0.0, self.end - self.start)


class StepDone(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a step, or of its undoing."""

    step: str
    title: str
    action: str
    phase: str
    attempt: int
    at: float
    seconds: float | None
    outcome: str
    error: str = ""
    confirmed: str = ""
    """The settings that the controller confirmed, in words; empty where none."""


class EffectRow(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity before, as the model predicted it, and as the metrics measured it."""

    quantity: str
    unit: str
    before: float | None
    predicted: float | None
    measured: float | None

    @property
    def miss(self) -> float | None:
        """How far the measured value is from the predicted one, as a share of the larger of both."""
        if self.predicted is None or self.measured is None:
            return None
        scale = max(abs(self.predicted), abs(self.measured))
        return abs(self.measured - self.predicted) / scale if scale else 0.0


class RunDone(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook run and what came of it."""

    run: str
    runbook: str
    title: str
    plan_hash: str
    proposed_by: str
    started_at: float | None
    ended_at: float | None
    result: RunResult | None
    reason: str
    steps: tuple[StepDone, ...]
    effects: tuple[EffectRow, ...]


class ApprovalDone(msgspec.Struct, frozen=True, kw_only=True):
    """A question to people, and who answered it how; `decision` is open, approved, rejected or expired."""

    run: str
    step: str
    title: str
    role: str
    asked_at: float
    answered_at: float | None
    decision: str
    by: tuple[str, ...] = ()
    broken_by: str = ""
    """Who broke the glass for it: it went ahead on that one person's word."""
    broken_why: str = ""


class ActionItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do afterwards; owner and due date are for people to fill in."""

    kind: str
    text: str
    owner: str = ""
    due: str = ""


class AlertSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of the incident."""

    name: str
    summary: str
    labels: Mapping[str, str]
    starts_at: float
    ended_at: float | None = None
    url: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report."""

    incident: str
    title: str
    severity: Severity
    state: State
    subject: Subject
    network: str
    drafted_at: float
    summary: tuple[str, ...]
    impact: Impact
    spans: tuple[Span, ...]
    timeline: tuple[Moment, ...]
    trigger: tuple[str, ...]
    diagnosis: Diagnosis | None
    """The last diagnosis that named a fault, else the last one."""
    runs: tuple[RunDone, ...]
    refusals: tuple[str, ...]
    approvals: tuple[ApprovalDone, ...]
    recovery: tuple[str, ...]
    responders: tuple[str, ...]
    went_well: tuple[str, ...]
    went_badly: tuple[str, ...]
    lucky: tuple[str, ...]
    actions: tuple[ActionItem, ...]
    alerts: tuple[AlertSeen, ...]
    events: int
