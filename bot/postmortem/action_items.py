"""Things to do afterwards, each drawn from something that happened; owners and dates are for people."""

from collections.abc import Iterator

from bot.model.event import ActRefused, ChangeSeen, DiagnosisMade, Escalated, KeysQuarantined
from bot.model.guard_event import BreakerOpened, GlassBroken, ReviewClosed, SkipAsked
from bot.model.step_event import OutcomeAsked
from bot.model.time import format_instant
from bot.postmortem.durations import approvals
from bot.postmortem.facts import ActionItem, RunDone
from bot.postmortem.history import Events, cause, intrusion, of_kind
from bot.postmortem.lessons import CLOSE


def action_items(events: Events, runs: tuple[RunDone, ...]) -> tuple[ActionItem, ...]:
    """The list, each item once."""
    return tuple(dict.fromkeys((*_causes(events), *_runs(runs), *_people(events), *_blind_spots(events))))


def _causes(events: Events) -> Iterator[ActionItem]:
    diagnosis = cause(events)
    if diagnosis is not None and diagnosis.verdict == "fault" and diagnosis.findings:
        first = diagnosis.findings[0]
        yield ActionItem(kind="prevent", text=f"Find out why {first.name} arose on {first.subject}, and what stops it")
    for _, keys in of_kind(events, KeysQuarantined):
        links, since = ", ".join(keys.links), format_instant(keys.since)
        confirm = (
            f"Confirm who quarantined the keys that {links} made since {since}, and when: Bellhop only asked for it"
        )
        yield ActionItem(kind="mitigate", text=confirm)
        yield ActionItem(kind="mitigate", text=f"Security: release or destroy the keys of {links} since {since}")
    for _, body in of_kind(events, ChangeSeen):
        yield ActionItem(
            kind="prevent", text=f"Review the change on {body.subject} ({body.kind}) before it is made again"
        )


def _runs(runs: tuple[RunDone, ...]) -> Iterator[ActionItem]:
    for run in runs:
        undone = run.result == "rolled back" or any(step.phase == "undo" for step in run.steps)
        if undone:
            yield ActionItem(kind="mitigate", text=f"Review {run.runbook}: it was rolled back ({run.reason})")
        elif run.result in ("failed", "stopped", "unknown"):
            yield ActionItem(kind="mitigate", text=f"Repair {run.runbook}: it ended {run.result} ({run.reason})")
        elif run.result in ("rejected", "aborted"):
            yield ActionItem(
                kind="process", text=f"Ask why {run.runbook} was {run.result}, and record the answer in it"
            )
        if any(row.miss is not None and row.miss > CLOSE for row in run.effects):
            yield ActionItem(
                kind="detect", text=f"Check the capacity model against {run.run}: a prediction was not met"
            )


def _people(events: Events) -> Iterator[ActionItem]:
    for asked in approvals(events):
        if asked.decision == "expired":
            yield ActionItem(kind="process", text=f"See to it that somebody with the role {asked.role} can be reached")
    for _, refused in of_kind(events, ActRefused):
        yield ActionItem(kind="process", text=f"Check whether the guard {refused.guard} of {refused.runbook} fits")
    yield from _handed_over(events)
    yield from _reviews(events)
    for event, skip in of_kind(events, SkipAsked):
        if skip.verifies:
            done = f"{event.by} skipped the verification {skip.step} of {skip.run} ({skip.reason})"
            yield ActionItem(kind="process", text=f"Review: {done}")
        elif skip.stands:
            done = f"{event.by} skipped {skip.step} of {skip.run} ({skip.reason})"
            yield ActionItem(kind="process", text=f"Review whether {', '.join(skip.stands)} still stands: {done}")
    for _, opened in of_kind(events, BreakerOpened):
        yield ActionItem(kind="mitigate", text=f"Repair {opened.runbook}, then switch it on: it failed again and again")
    for _, doubt in of_kind(events, OutcomeAsked):
        yield ActionItem(kind="mitigate", text=f"Make the outcome of step {doubt.step} something that can be asked for")


def _handed_over(events: Events) -> Iterator[ActionItem]:
    """What people did instead of Bellhop; what they do about an intruder is not for a runbook."""
    if intrusion(events):
        return
    for _, escalated in of_kind(events, Escalated):
        yield ActionItem(kind="mitigate", text=f"Write down what {escalated.to} did, so that a runbook can do it")


def _reviews(events: Events) -> Iterator[ActionItem]:
    closed = {(body.run, body.step): (event.by, body) for event, body in of_kind(events, ReviewClosed)}
    for event, broken in of_kind(events, GlassBroken):
        done = f"{broken.step} of {broken.run} went ahead on {event.by}'s word alone ({broken.reason})"
        reviewer, review = closed.get((broken.run, broken.step), ("", None))
        if review is None:
            yield ActionItem(kind="process", text=f"Mandatory review, by somebody else: {done}")
        elif review.verdict == "justified":
            yield ActionItem(kind="done", text=f"Reviewed by {reviewer}, justified ({review.note}): {done}")
        else:
            said = f"{reviewer} finds it not justified ({review.note})"
            yield ActionItem(kind="process", text=f"See that it does not happen again: {done}; {said}")


def _blind_spots(events: Events) -> Iterator[ActionItem]:
    missing = (name for _, body in of_kind(events, DiagnosisMade) for name in body.diagnosis.missing)
    for name in dict.fromkeys(missing):
        yield ActionItem(kind="detect", text=f"Restore the signal {name}: it was missing or stale when it was needed")
    diagnosis = cause(events)
    if (diagnosis is None or diagnosis.verdict != "fault") and not intrusion(events):
        yield ActionItem(kind="detect", text="Add a rule or a signal that would have named this fault")
