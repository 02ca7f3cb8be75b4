"""From events to the incident as it stands: each kind of event has one small function that moves the view on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from bot.model import event as events
from bot.model import guard_event as guards
from bot.model import step_event as steps
from bot.model.event import Event
from bot.model.incident import AlertState, Incident, PendingApproval, PendingOutcome, Review, RunView
from remediation.asking import fills

replace = msgspec.structs.replace


def replay(history: Iterable[Event]) -> Incident:
    """The incident after `history`; raises ValueError when it does not begin with `incident opened`."""
    rest = iter(history)
    first = next(rest, None)
    if first is None or not isinstance(first.body, events.IncidentOpened):
        raise ValueError("an incident's history begins with the event 'incident opened'")
    view = Incident(
        id=first.incident,
        title=first.body.title,
        state="triggered",
        severity=first.body.severity,
        subject=first.body.subject,
        opened_at=first.at,
        last_seq=first.seq,
        asked=first.body.asked,
    )
    for event in rest:
        view = apply(view, event)
    return view


def apply(view: Incident, event: Event) -> Incident:
    """The incident one event later."""
    step = _STEPS.get(type(event.body))
    moved = step(view, event, event.body) if step else view
    return replace(moved, last_seq=event.seq)


def _attached(view: Incident, _: Event, body: events.AlertAttached) -> Incident:
    return replace(view, alerts={**view.alerts, body.alert.episode: AlertState(alert=body.alert)})


def _over(view: Incident, _: Event, body: events.AlertResolved) -> Incident:
    known = view.alerts.get(body.episode)
    if known is None:
        return view
    return replace(view, alerts={**view.alerts, body.episode: replace(known, ended_at=body.ended_at)})


def _state(view: Incident, event: Event, body: events.StateChanged) -> Incident:
    view = replace(view, state=body.after)
    if body.after == "acknowledged" and view.acknowledged_at is None:
        view = replace(view, acknowledged_at=event.at, acknowledged_by=event.by)
    if body.after in ("monitoring", "resolved") and view.mitigated_at is None:
        view = replace(view, mitigated_at=event.at)
    if body.after == "resolved":
        view = replace(view, resolved_at=event.at)
    if body.after in ("triggered", "mitigating"):
        view = replace(view, resolved_at=None)
    return view


def _severity(view: Incident, _: Event, body: events.SeverityChanged) -> Incident:
    return replace(view, severity=body.after)


def _subject(view: Incident, _: Event, body: events.SubjectChanged) -> Incident:
    return replace(view, subject=body.after)


def _diagnosis(view: Incident, _: Event, body: events.DiagnosisMade) -> Incident:
    return replace(view, diagnosis=body.diagnosis)


def _quarantined(view: Incident, _: Event, body: events.KeysQuarantined) -> Incident:
    return replace(view, quarantined=tuple(sorted({*view.quarantined, *body.links})))


def _proposed(view: Incident, event: Event, body: events.PlanProposed) -> Incident:
    run = RunView(
        run=body.run,
        runbook=body.runbook,
        title=body.title,
        plan_hash=body.plan_hash,
        plan=body.plan,
        requested_by="" if event.by == "bellhop" else event.by,
        mode=body.mode,
        retry_of=body.retry_of,
        begins_at=body.begins_at,
    )
    return replace(view, runs={**view.runs, body.run: run})


def _run(view: Incident, run: str, **changes: Any) -> Incident:  # noqa: ANN401 - fields of RunView
    known = view.runs.get(run)
    return replace(view, runs={**view.runs, run: replace(known, **changes)}) if known else view


def _started(view: Incident, event: Event, body: events.RunStarted) -> Incident:
    return _run(view, body.run, started_at=event.at)


def _ended(view: Incident, event: Event, body: steps.RunEnded) -> Incident:
    view = _run(view, body.run, ended_at=event.at, result=body.result, reason=body.reason)
    return replace(
        view,
        approvals=tuple(each for each in view.approvals if each.run != body.run),
        outcomes=tuple(each for each in view.outcomes if each.run != body.run),
    )


def _asked(view: Incident, event: Event, body: events.ApprovalAsked) -> Incident:
    """A question is open, perhaps once more after its time was over: who agreed before has agreed."""
    before = next((each for each in view.approvals if (each.run, each.step) == (body.run, body.step)), None)
    pending = PendingApproval(
        run=body.run,
        step=body.step,
        title=body.title,
        role=body.role,
        count=body.count,
        plan_hash=body.plan_hash,
        asked_at=event.at,
        expires_at=body.expires_at,
        acts=body.acts,
        approved_by=before.approved_by if before else (),
        approved_roles=before.approved_roles if before else (),
    )
    return replace(view, approvals=(*_without(view, body.run, body.step), pending))


def _answered(view: Incident, event: Event, body: events.ApprovalAnswered) -> Incident:
    pending = next((each for each in view.approvals if (each.run, each.step) == (body.run, body.step)), None)
    if pending is None:
        return view
    left = _without(view, body.run, body.step)
    moved = pending
    if event.by not in pending.approved_by:
        roles = body.roles or pending.roles[:1]
        by, filled_by = (*pending.approved_by, event.by), (*pending.approved_roles, roles)
        moved = replace(pending, approved_by=by, approved_roles=filled_by)
    filled = fills(moved.roles, moved.count, tuple(frozenset(roles) for roles in moved.approved_roles))
    if body.decision == "rejected" or filled >= moved.count * len(moved.roles):
        return replace(view, approvals=left)
    return replace(view, approvals=(*left, moved))


def _broken(view: Incident, event: Event, body: guards.GlassBroken) -> Incident:
    asked = next((each for each in view.approvals if (each.run, each.step) == (body.run, body.step)), None)
    review = Review(
        run=body.run,
        step=body.step,
        title=asked.title if asked else body.step,
        by=event.by,
        reason=body.reason,
        roles=asked.roles if asked else (),
        opened_at=event.at,
    )
    return replace(view, approvals=_without(view, body.run, body.step), reviews=(*view.reviews, review))


def _reviewed(view: Incident, _: Event, body: guards.ReviewClosed) -> Incident:
    return replace(view, reviews=tuple(each for each in view.reviews if (each.run, each.step) != (body.run, body.step)))


def _skip_asked(view: Incident, event: Event, body: guards.SkipAsked) -> Incident:
    known = view.runs.get(body.run)
    skips = {**(known.skips if known else {}), body.step: f"skipped by {event.by}: {body.reason}"}
    view = _run(view, body.run, skips=skips)
    return replace(view, approvals=_without(view, body.run, body.step))


def _abort_asked(view: Incident, event: Event, body: steps.AbortAsked) -> Incident:
    """A wish to end the run answers what it asked about its acts; what is taken back is asked about again."""
    view = _doubts_of_acts_over(view, body.run)
    return _run(view, body.run, abort=f"stopped by {event.by}: {body.reason}")


def _paused(view: Incident, _: Event, body: guards.RunPaused) -> Incident:
    return _run(view, body.run, stands_still=True)


def _resumed(view: Incident, _: Event, body: guards.RunResumed) -> Incident:
    return _run(view, body.run, stands_still=False)


def _begun(view: Incident, _: Event, body: steps.StepStarted) -> Incident:
    known = view.runs.get(body.run)
    if body.phase == "undo":
        view = _doubts_of_acts_over(view, body.run)
    if known is None or body.action in known.begun:
        return view
    return _run(view, body.run, begun=(*known.begun, body.action))


def _expired(view: Incident, _: Event, body: events.ApprovalExpired) -> Incident:
    return replace(view, approvals=_without(view, body.run, body.step))


def _outcome_asked(view: Incident, _: Event, body: steps.OutcomeAsked) -> Incident:
    pending = PendingOutcome(
        run=body.run, step=body.step, phase=body.phase, attempt=body.attempt, reason=body.reason, looks=body.looks
    )
    return replace(view, outcomes=(*_other_doubts(view, body.run, body.step), pending))


def _outcome_told(view: Incident, _: Event, body: steps.OutcomeTold) -> Incident:
    return replace(view, outcomes=_other_doubts(view, body.run, body.step))


def _published(view: Incident, _: Event, body: events.PostmortemPublished) -> Incident:
    return replace(view, postmortem=body.place)


def _doubts_of_acts_over(view: Incident, run: str) -> Incident:
    """Once a run is taken back, nobody need say any more what became of its acts."""
    return replace(view, outcomes=tuple(each for each in view.outcomes if each.run != run or each.phase == "undo"))


def _other_doubts(view: Incident, run: str, step: str) -> tuple[PendingOutcome, ...]:
    return tuple(each for each in view.outcomes if (each.run, each.step) != (run, step))


def _without(view: Incident, run: str, step: str) -> tuple[PendingApproval, ...]:
    return tuple(each for each in view.approvals if (each.run, each.step) != (run, step))


_STEPS: Mapping[type, Callable[[Incident, Event, Any], Incident]] = {
    events.AlertAttached: _attached,
    events.AlertResolved: _over,
    events.StateChanged: _state,
    events.SeverityChanged: _severity,
    events.SubjectChanged: _subject,
    events.DiagnosisMade: _diagnosis,
    events.KeysQuarantined: _quarantined,
    events.PlanProposed: _proposed,
    events.RunStarted: _started,
    steps.RunEnded: _ended,
    events.ApprovalAsked: _asked,
    events.ApprovalAnswered: _answered,
    events.ApprovalExpired: _expired,
    guards.GlassBroken: _broken,
    guards.ReviewClosed: _reviewed,
    guards.SkipAsked: _skip_asked,
    steps.AbortAsked: _abort_asked,
    guards.RunPaused: _paused,
    guards.RunResumed: _resumed,
    steps.StepStarted: _begun,
    steps.OutcomeAsked: _outcome_asked,
    steps.OutcomeTold: _outcome_told,
    events.PostmortemPublished: _published,
}
"""Kinds of event that change the view; the others only stand in the timeline."""
