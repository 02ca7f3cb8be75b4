"""What went well, what went badly and where luck helped, as facts; no praise and no blame."""

from collections.abc import Iterator

from bot.model.event import ActRefused, DiagnosisMade, Escalated, RecoveryVerified
from bot.model.step_event import OutcomeAsked
from bot.postmortem.durations import approvals
from bot.postmortem.facts import Impact, RunDone
from bot.postmortem.history import Events, cause, first_move, mitigation, of_kind, opened, resolution
from bot.postmortem.words import number, percent, plural
from remediation.duration import format_duration

CLOSE = 0.2
"""A prediction counts as met when it misses by at most this share of the larger value."""
LONG_WAIT = 0.25
"""Waiting for people is a finding of its own from this share of the time to resolve."""


def went_well(events: Events, runs: tuple[RunDone, ...]) -> Iterator[str]:
    """Facts that helped."""
    start, _ = opened(events)
    for event, body in of_kind(events, DiagnosisMade):
        if body.diagnosis.verdict == "fault":
            sure = percent(body.diagnosis.findings[0].confidence) if body.diagnosis.findings else "unknown"
            yield (
                f"The fault had a diagnosis {format_duration(event.at - start.at)} after the incident opened "
                f"(confidence {sure})."
            )
            break
    ended = [run for run in runs if run.result is not None]
    if ended and ended[0].result == "succeeded":
        yield f"The first runbook that ran ({ended[0].runbook}) succeeded."
    rows = [row for run in runs for row in run.effects if row.miss is not None]
    met = sum(1 for row in rows if row.miss is not None and row.miss <= CLOSE)
    if met:
        yield f"{met} of {plural(len(rows), 'predicted quantity').replace('quantitys', 'quantities')} came within \
{percent(CLOSE)} of the prediction."
    if any(body.recovered for _, body in of_kind(events, RecoveryVerified)):
        yield "Recovery was confirmed by the metrics, not assumed."


def went_badly(events: Events, runs: tuple[RunDone, ...]) -> Iterator[str]:
    """Facts that hindered."""
    yield from _waiting(events)
    yield from _diagnosis_trouble(events)
    yield from _run_trouble(runs)
    for _, refused in of_kind(events, ActRefused):
        yield f"A guard ({refused.guard}) refused {refused.runbook}: {refused.reason}"
    for _, asked in of_kind(events, OutcomeAsked):
        yield f"Nobody could tell whether step {asked.step} happened: {asked.reason}"
    for _, escalated in of_kind(events, Escalated):
        yield f"Bellhop handed over to {escalated.to}: {escalated.reason}"
    if first_move(events, "acknowledged") is None:
        yield "Nobody acknowledged the incident."


def lucky(impact: Impact) -> Iterator[str]:
    """Circumstances that nobody arranged."""
    if impact.links and not any(flow.priority == "critical" for flow in impact.flows):
        yield "No critical flow used the affected links."


def _waiting(events: Events) -> Iterator[str]:
    start, _ = opened(events)
    end = resolution(events) or mitigation(events)
    total = end.at - start.at if end else 0.0
    for asked in approvals(events):
        if asked.decision == "expired":
            yield f"Nobody decided about step {asked.step} of {asked.run} in time."
        if asked.answered_at is None or total <= 0:
            continue
        waited = asked.answered_at - asked.asked_at
        if waited / total >= LONG_WAIT:
            yield (
                f"Waiting for a decision about step {asked.step} took {format_duration(waited)}, "
                f"{percent(waited / total)} of the time from open to over."
            )


def _diagnosis_trouble(events: Events) -> Iterator[str]:
    unknown = [body.diagnosis for _, body in of_kind(events, DiagnosisMade) if body.diagnosis.verdict == "unknown"]
    missing = tuple(dict.fromkeys(name for diagnosis in unknown for name in diagnosis.missing))
    if unknown:
        because = f"; missing or stale: {', '.join(missing)}" if missing else ""
        yield f"{plural(len(unknown), 'diagnosis').replace('diagnosiss', 'diagnoses')} ended in unknown{because}."
    final = cause(events)
    if final is None:
        yield "No diagnosis was made."


def _run_trouble(runs: tuple[RunDone, ...]) -> Iterator[str]:
    for run in runs:
        for step in run.steps:
            if step.outcome in ("failed", "unknown", "no outcome recorded"):
                what = "Undo of step" if step.phase == "undo" else "Step"
                yield f"{what} {step.step} of {run.run}, attempt {step.attempt}: {step.outcome} {step.error}".rstrip()
        if run.result not in (None, "succeeded"):
            yield f"Run {run.run} ({run.runbook}) ended {run.result}: {run.reason}"
        for row in run.effects:
            if row.miss is not None and row.miss > CLOSE:
                yield (
                    f"{row.quantity}: predicted {number(row.predicted, row.unit)}, "
                    f"measured {number(row.measured, row.unit)}."
                )
