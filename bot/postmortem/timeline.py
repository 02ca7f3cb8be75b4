"""Each event as one line that a person reads; used by the report and by the web pages."""

from bot.model.approval_wording import agreed_words, tally_words
from bot.model.diagnosis import Diagnosis
from bot.model.event import (
    ActRefused,
    AlertAttached,
    AlertResolved,
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalExpired,
    ChangeSeen,
    DiagnosisMade,
    EffectMeasured,
    Escalated,
    Event,
    EventBody,
    IncidentOpened,
    KeysQuarantined,
    NoteAdded,
    PlanProposed,
    PostmortemPublished,
    RecoveryVerified,
    RunStarted,
    SeverityChanged,
    StateChanged,
    SubjectChanged,
)
from bot.model.guard_event import (
    BreakerOpened,
    GlassBroken,
    ModeChanged,
    PromotionProposed,
    ReviewClosed,
    RunPaused,
    RunResumed,
    ShadowRecorded,
    SkipAsked,
    WishRefused,
)
from bot.model.plan_wording import roles_words
from bot.model.step_event import AbortAsked, OutcomeAsked, OutcomeTold, RunEnded, StepEnded, StepStarted
from bot.model.store_event import StoreWasUnavailable
from bot.model.time import format_instant
from bot.model.wording import confirmed_words, doubt_words, quarantine_words, settled_words
from bot.postmortem.facts import Moment
from bot.postmortem.history import Events
from bot.postmortem.words import evidence, finding, number, plural


def timeline(events: Events) -> tuple[Moment, ...]:
    """One moment per event, in order."""
    return tuple(moment(event) for event in events)


def moment(event: Event) -> Moment:
    """What happened, in one line, with what was known."""
    return Moment(
        seq=event.seq,
        at=event.at,
        by=event.by,
        text=sentence(event.body),
        why=event.why,
        evidence=_known(event.body),
    )


def sentence(body: EventBody) -> str:
    """One line of plain text (it may quote hostile text: the templates escape it)."""
    return _about_incident(body) or _about_run(body) or _about_guards(body) or _about_people(body)


def _about_incident(body: EventBody) -> str:  # noqa: C901, PLR0911 - one case per event is the table
    match body:
        case IncidentOpened():
            return f"Incident opened as {body.severity}: {body.title}"
        case AlertAttached():
            return f"Alert {body.alert.name} attached: {body.reason}"
        case AlertResolved():
            return f"Alert {body.name} is over"
        case StateChanged():
            return f"State: {body.before} → {body.after}"
        case SeverityChanged():
            return f"Severity: {body.before} → {body.after}"
        case SubjectChanged():
            return f"The fault sits elsewhere: {body.before} → {body.after}"
        case DiagnosisMade():
            return f"Diagnosis: {body.diagnosis.summary}"
        case KeysQuarantined():
            return f"{quarantine_words(body.links, body.since)} (Bellhop cannot): {body.reason}"
        case ChangeSeen():
            return f"Change on {body.subject} ({body.kind}): {body.description}"
        case RecoveryVerified():
            return f"Recovery {'confirmed' if body.recovered else 'not confirmed'}: {body.reason}"
        case PostmortemPublished():
            return f"Postmortem drafted: {body.place}"
        case _:
            return ""


def _about_run(body: EventBody) -> str:  # noqa: PLR0911 - one case per event is the table
    match body:
        case PlanProposed():
            return f"Plan proposed: {body.title} ({body.run}, {body.runbook})"
        case RunStarted():
            return f"Run {body.run} started ({body.runbook})"
        case ActRefused():
            return f"Refused by {body.guard}: {body.runbook}{' ' + body.step if body.step else ''}: {body.reason}"
        case StepStarted():
            return f"{_phase(body.phase)} {body.step}, attempt {body.attempt}: {body.title} ({body.action})"
        case StepEnded():
            tail = f": {body.error}" if body.error else ""
            return f"{_phase(body.phase)} {body.step} {body.outcome}{confirmed_words(body.envelope)}{tail}"
        case OutcomeAsked():
            return f"People are asked: {doubt_words(body.step, looks=body.looks)} {body.reason}"
        case RunEnded():
            return f"Run {body.run} ended: {body.result}{': ' + body.reason if body.reason else ''}"
        case StoreWasUnavailable():
            since, until = format_instant(body.since), format_instant(body.until)
            return f"The store took no writes from {since} to {until}: {body.reason}"
        case EffectMeasured():
            return (
                f"{body.quantity}: before {number(body.before, body.unit)}, predicted "
                f"{number(body.predicted, body.unit)}, measured {number(body.measured, body.unit)}"
            )
        case _:
            return ""


def _about_guards(body: EventBody) -> str:  # noqa: C901, PLR0911 - one case per event is the table
    match body:
        case RunPaused():
            return f"Run {body.run} waits before {body.step}: {body.reason}"
        case RunResumed():
            return f"Run {body.run} goes on with {body.step}"
        case BreakerOpened():
            return f"{body.runbook} is switched off until a person resets it: {', '.join(body.runs)} failed in a row"
        case ShadowRecorded():
            return f"Not done, only recorded: {body.step} of {body.run} would {body.would}"
        case ModeChanged():
            return f"{body.runbook} on {body.target}: mode {body.before} → {body.after}"
        case PromotionProposed():
            return f"{body.runbook} on {body.target} met its predictions {body.matches} times: {body.after} is proposed"
        case GlassBroken():
            return f"Break-glass: {body.step} of {body.run} went ahead on one person's word: {body.reason}"
        case ReviewClosed():
            return f"Review of {body.step} of {body.run} closed: letting it go ahead was {body.verdict}: {body.note}"
        case WishRefused():
            return f"Refused to {body.wish} ({body.step} of {body.run}): {body.reason}"
        case SkipAsked():
            return f"{_what(body)} {body.step} of {body.run} is to be skipped: {body.reason}"
        case _:
            return ""


def _about_people(body: EventBody) -> str:  # noqa: PLR0911 - one case per event is the table
    match body:
        case ApprovalAsked():
            who = f"{plural(body.count, 'person')} with the role {roles_words(body.role)}".replace("persons", "people")
            return f"Approval asked for {body.step} ({body.title}): {who}"
        case ApprovalAnswered():
            missing = tally_words(body.given, body.wanted) if body.decision == "approved" else ""
            return f"{body.step} {body.decision}{f' ({missing})' if missing else ''}"
        case ApprovalExpired():
            agreed = agreed_words(body.approved_by, body.wanted)
            return f"The time to approve {body.step} was over{f'; {agreed}' if agreed else ''}"
        case AbortAsked():
            return f"{body.run} is to be stopped: {body.reason}"
        case OutcomeTold():
            told = settled_words(f"{body.step} of {body.run}", happened=body.happened, looks=body.looks)
            return f"{told}, a person says"
        case Escalated():
            return f"Escalated to {body.to}: {body.reason}"
        case NoteAdded():
            return f"Note: {body.text}"
        case _:
            raise TypeError(f"no words for {type(body).__name__}")


def _what(body: SkipAsked) -> str:
    return "The verification" if body.verifies else "Step"


def _phase(phase: str) -> str:
    return "Undo of" if phase == "undo" else "Step"


def _known(body: EventBody) -> tuple[str, ...]:
    match body:
        case DiagnosisMade():
            return _diagnosis_lines(body.diagnosis)
        case AlertAttached():
            text = body.alert.annotations.get("summary") or body.alert.annotations.get("description", "")
            return (text,) if text else ()
        case _:
            return ()


def _diagnosis_lines(diagnosis: Diagnosis) -> tuple[str, ...]:
    missing = (f"missing or stale: {', '.join(diagnosis.missing)}",) if diagnosis.missing else ()
    if not diagnosis.findings:
        return missing
    first = diagnosis.findings[0]
    return (finding(first), *(evidence(item) for item in first.evidence), *missing)
