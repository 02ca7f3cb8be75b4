"""Each event in one line, for the incident's thread."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.chat.text import escape, moment, number, who
from bot.model import event as events
from bot.model import guard_event as guards
from bot.model import step_event as steps
from bot.model import store_event as stores
from bot.model.approval_wording import agreed_words, tally_words
from bot.model.event import Event
from bot.model.plan_wording import roles_words
from bot.model.time import format_clock
from bot.model.wording import confirmed_words, doubt_words, settled_words


def thread_line(event: Event) -> str | None:
    """What happened, when (UTC) and by whom; None for what the message itself says already."""
    tell = _LINES.get(type(event.body))
    if tell is None:
        return None
    at = format_clock(event.at)
    by = "" if event.by == "bellhop" else f" · {who(event.by)}"
    why = f" · {escape(event.why)}" if event.why else ""
    return f"`{at}` {tell(event.body)}{by}{why}"


def is_loud(event: Event) -> bool:
    """Whether the channel must hear of it too: somebody is waited for."""
    return isinstance(event.body, _LOUD)


_LOUD = (
    events.ApprovalAsked,
    steps.OutcomeAsked,
    events.Escalated,
    events.KeysQuarantined,
    guards.BreakerOpened,
    guards.PromotionProposed,
    guards.GlassBroken,
)


def _alert(body: events.AlertAttached) -> str:
    summary = body.alert.annotations.get("summary", "")
    return f"Alert *{escape(body.alert.name)}*: {escape(summary or body.reason)}"


def _diagnosis(body: events.DiagnosisMade) -> str:
    found = body.diagnosis
    if not found.findings:
        return f"Diagnosis ({found.verdict}): {escape(found.summary)}"
    first = found.findings[0]
    return (
        f"Diagnosis: *{escape(first.mode)} {escape(first.name)}* on {escape(first.subject)}, "
        f"confidence {first.sureness}: {escape(found.summary)}"
    )


def _step_ended(body: steps.StepEnded) -> str:
    undo = "Undo of " if body.phase == "undo" else ""
    error = f": {escape(body.error)}" if body.error else ""
    seen = f" {escape(told)}" if (told := confirmed_words(body.envelope)) else ""
    return f"{undo}{escape(body.step)} of {escape(body.run)} *{body.outcome}*{seen}{error}"


def _step_started(body: steps.StepStarted) -> str:
    undo = "undo " if body.phase == "undo" else ""
    again = f", attempt {body.attempt}" if body.attempt > 1 else ""
    return f"{escape(body.run)}: {undo}{escape(body.title)} ({escape(body.action)}{again}) …"


def _approval_asked(body: events.ApprovalAsked) -> str:
    return (
        f"*Approval needed* for {escape(body.title)} (`{escape(body.run)}` step `{escape(body.step)}`): "
        f"{body.count} by the role {escape(roles_words(body.role))}, until {moment(body.expires_at)}"
    )


def _answered(body: events.ApprovalAnswered) -> str:
    missing = tally_words(body.given, body.wanted) if body.decision == "approved" else ""
    return f"{escape(body.step)} of {escape(body.run)} *{body.decision}*{f' ({missing})' if missing else ''}"


def _expired(body: events.ApprovalExpired) -> str:
    agreed = agreed_words(body.approved_by, body.wanted, person=who)
    late = f"decided in time on {escape(body.step)} of {escape(body.run)}"
    return f"Too few {late} ({agreed})" if agreed else f"Nobody {late}"


def _effect(body: events.EffectMeasured) -> str:
    return (
        f"{escape(body.quantity)}: before {number(body.before, body.unit)}, "
        f"predicted {number(body.predicted, body.unit)}, measured {number(body.measured, body.unit)}"
    )


def _refused(body: events.ActRefused) -> str:
    step = f" step {escape(body.step)}" if body.step else ""
    return f"Refused: {escape(body.runbook)}{step} ({escape(body.guard)}): {escape(body.reason)}"


def _recovery(body: events.RecoveryVerified) -> str:
    return f"Recovery {'confirmed' if body.recovered else 'not seen'}: {escape(body.reason)}"


def _ended(body: steps.RunEnded) -> str:
    return f"{escape(body.runbook)} ({escape(body.run)}) ended: *{body.result}*: {escape(body.reason)}"


def _asked(body: steps.OutcomeAsked) -> str:
    return f"{escape(body.run)}: *{escape(doubt_words(body.step, looks=body.looks))}* {escape(body.reason)}"


def _told(body: steps.OutcomeTold) -> str:
    return escape(settled_words(f"{body.step} of {body.run}", happened=body.happened, looks=body.looks))


_LINES: Mapping[type, Callable[[Any], str]] = {
    events.AlertAttached: _alert,
    events.AlertResolved: lambda body: f"Alert {escape(body.name)} is over",
    events.StateChanged: lambda body: f"{body.before} → *{body.after}*",
    events.SeverityChanged: lambda body: f"Severity {body.before} → *{body.after}*",
    events.SubjectChanged: lambda body: f"Fault located: {escape(body.before)} → *{escape(body.after)}*",
    events.DiagnosisMade: _diagnosis,
    events.KeysQuarantined: lambda body: (
        f":lock: *Keys of {escape(', '.join(body.links))} made since {moment(body.since)} must not be used: "
        f"quarantine them*, Bellhop cannot: {escape(body.reason)}. Guide: `/bellhop runbook suspected-intrusion`"
    ),
    events.ChangeSeen: lambda body: (
        f"Change nearby on {escape(body.subject)} at {moment(body.changed_at)}: {escape(body.kind)}: "
        f"{escape(body.description)}"
    ),
    events.PlanProposed: lambda body: f"Proposed: *{escape(body.runbook)}* ({escape(body.run)}): {escape(body.title)}",
    events.RunStarted: lambda body: f"{escape(body.runbook)} ({escape(body.run)}) started",
    events.ActRefused: _refused,
    events.ApprovalAsked: _approval_asked,
    events.ApprovalAnswered: _answered,
    events.ApprovalExpired: _expired,
    steps.StepStarted: _step_started,
    steps.StepEnded: _step_ended,
    steps.AbortAsked: lambda body: f"{escape(body.run)} is to be stopped: {escape(body.reason)}",
    steps.OutcomeAsked: _asked,
    steps.OutcomeTold: _told,
    steps.RunEnded: _ended,
    events.EffectMeasured: _effect,
    events.RecoveryVerified: _recovery,
    events.Escalated: lambda body: f"*Escalated* to {escape(body.to)}: {escape(body.reason)}",
    events.NoteAdded: lambda body: f"Note: {escape(body.text, 2000)}",
    events.PostmortemPublished: lambda body: f"Postmortem: {escape(body.place)}",
    guards.RunPaused: lambda body: f"{escape(body.run)} waits before {escape(body.step)}: {escape(body.reason)}",
    guards.RunResumed: lambda body: f"{escape(body.run)} goes on with {escape(body.step)}",
    guards.BreakerOpened: lambda body: (
        f"*{escape(body.runbook)} is switched off*: {escape(', '.join(body.runs))} failed in a row; look at them, "
        f"then `/bellhop reset {escape(body.runbook)}`"
    ),
    guards.ShadowRecorded: lambda body: f"Would have: {escape(body.step)} of {escape(body.run)}: {escape(body.would)}",
    guards.ModeChanged: lambda body: f"{escape(body.runbook)} on {escape(body.target)}: {body.before} → *{body.after}*",
    guards.PromotionProposed: lambda body: (
        f"{escape(body.runbook)} on {escape(body.target)} met its predictions {body.matches} times in a row; "
        f"to let it {body.after} instead of {body.before}: "
        f"`bellhop runbook promote {escape(body.runbook)} {escape(body.target)}`"
    ),
    guards.GlassBroken: lambda body: (
        f"*Break-glass*: {escape(body.step)} of {escape(body.run)} goes ahead on one person's word: "
        f"{escape(body.reason, 1000)}; its review is mandatory"
    ),
    guards.ReviewClosed: lambda body: (
        f"*Review closed*: that {escape(body.step)} of {escape(body.run)} went ahead was *{body.verdict}*: "
        f"{escape(body.note, 1000)}"
    ),
    guards.WishRefused: lambda body: (
        f"Refused to {body.wish} ({escape(body.step)} of {escape(body.run)}): {escape(body.reason)}"
    ),
    guards.SkipAsked: lambda body: (
        f"{'The verification' if body.verifies else 'Step'} {escape(body.step)} of {escape(body.run)} "
        f"is to be skipped: {escape(body.reason)}"
    ),
    stores.StoreWasUnavailable: lambda body: (
        f"*The store took no writes* from {moment(body.since)} to {moment(body.until)}: {escape(body.reason)}; "
        "what waited goes on"
    ),
}
"""Every event but `incident opened`, which is the message itself."""
