"""What was done: every runbook run with its steps and the effect that was predicted and measured."""

from bot.model.event import ActRefused, EffectMeasured, Event, PlanProposed, RunStarted
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from bot.model.wording import confirmed_words
from bot.postmortem.facts import EffectRow, RunDone, StepDone
from bot.postmortem.history import Events, of_kind


def runs(events: Events) -> tuple[RunDone, ...]:
    """Every proposed run, in order of proposal."""
    return tuple(_run(events, event, body) for event, body in of_kind(events, PlanProposed))


def refusals(events: Events) -> tuple[str, ...]:
    """What guards turned down, a sentence each."""
    return tuple(
        f"{body.runbook}{' ' + body.step if body.step else ''} was refused by {body.guard}: {body.reason}"
        for _, body in of_kind(events, ActRefused)
    )


def _run(events: Events, event: Event, body: PlanProposed) -> RunDone:
    started = next((each.at for each, start in of_kind(events, RunStarted) if start.run == body.run), None)
    ended = next(((each.at, end) for each, end in of_kind(events, RunEnded) if end.run == body.run), None)
    return RunDone(
        run=body.run,
        runbook=body.runbook,
        title=body.title,
        plan_hash=body.plan_hash,
        proposed_by=event.by,
        started_at=started,
        ended_at=ended[0] if ended else None,
        result=ended[1].result if ended else None,
        reason=ended[1].reason if ended else "",
        steps=_steps(events, body.run),
        effects=_effects(events, body.run),
    )


def _steps(events: Events, run: str) -> tuple[StepDone, ...]:
    ends = {
        (body.step, body.phase, body.attempt): (event, body)
        for event, body in of_kind(events, StepEnded)
        if body.run == run
    }
    begun = [(event, body) for event, body in of_kind(events, StepStarted) if body.run == run]
    known = {(body.step, body.phase, body.attempt) for _, body in begun}
    passed_over = [pair for key, pair in ends.items() if key not in known]
    rows = [_step(event, body, ends.get((body.step, body.phase, body.attempt))) for event, body in begun]
    rows += [_unstarted(event, body) for event, body in passed_over]
    return tuple(sorted(rows, key=lambda row: row.at))


def _step(event: Event, body: StepStarted, end: tuple[Event, StepEnded] | None) -> StepDone:
    return StepDone(
        step=body.step,
        title=body.title,
        action=body.action,
        phase=body.phase,
        attempt=body.attempt,
        at=event.at,
        seconds=end[0].at - event.at if end else None,
        outcome=end[1].outcome if end else "no outcome recorded",
        error=end[1].error if end else "",
        confirmed=confirmed_words(end[1].envelope) if end else "",
    )


def _unstarted(event: Event, body: StepEnded) -> StepDone:
    """A step that was passed over or refused before it began."""
    return StepDone(
        step=body.step,
        title="",
        action="",
        phase=body.phase,
        attempt=body.attempt,
        at=event.at,
        seconds=None,
        outcome=body.outcome,
        error=body.error,
    )


def _effects(events: Events, run: str) -> tuple[EffectRow, ...]:
    return tuple(
        EffectRow(
            quantity=body.quantity,
            unit=body.unit,
            before=body.before,
            predicted=body.predicted,
            measured=body.measured,
        )
        for _, body in of_kind(events, EffectMeasured)
        if body.run == run
    )
