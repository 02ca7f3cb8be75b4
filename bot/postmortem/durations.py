"""How long it took to detect, acknowledge, mitigate and resolve; what did not happen has no duration."""

from collections.abc import Iterator

from bot.model.event import ApprovalAnswered, ApprovalAsked, ApprovalExpired, Event
from bot.model.guard_event import GlassBroken
from bot.postmortem.facts import ApprovalDone, Span
from bot.postmortem.history import Events, first_move, mitigation, of_kind, onset, opened, resolution


def spans(events: Events) -> tuple[Span, ...]:
    """The durations that can be told from `events`, in the order of an incident's life."""
    return tuple(_spans(events))


def _spans(events: Events) -> Iterator[Span]:
    start, _ = opened(events)
    began = onset(events)
    if began is not None and began[0] <= start.at:
        yield Span(name="Time to detect", start=began[1], end="incident opened", seconds=start.at - began[0])
    ends: tuple[tuple[str, Event | None], ...] = (
        ("Time to acknowledge", first_move(events, "acknowledged")),
        ("Time to mitigate", mitigation(events)),
        ("Time to resolve", resolution(events)),
    )
    for name, end in ends:
        if end is not None:
            yield Span(name=name, start="incident opened", end=_words(end), seconds=end.at - start.at)
    waited = [each.answered_at - each.asked_at for each in approvals(events) if each.answered_at is not None]
    if waited:
        yield Span(
            name="Waiting for people", start="approval asked", end="approval answered or expired", seconds=sum(waited)
        )


def _words(event: Event) -> str:
    kind = event.body.__struct_config__.tag
    after = getattr(event.body, "after", None) or getattr(event.body, "result", "")
    return f"{kind}: {after} (by {event.by})"


def approvals(events: Events) -> tuple[ApprovalDone, ...]:
    """Every question to people with its answer; a step that was asked twice is two questions."""
    asked = list(of_kind(events, ApprovalAsked))
    return tuple(_answered(events, event, body, _until(asked, place)) for place, (event, body) in enumerate(asked))


def _until(asked: list[tuple[Event, ApprovalAsked]], place: int) -> float:
    """The seq at which the same step is asked again, or infinity."""
    body = asked[place][1]
    later = (event.seq for event, other in asked[place + 1 :] if (other.run, other.step) == (body.run, body.step))
    return next(later, float("inf"))


def _answered(events: Events, event: Event, body: ApprovalAsked, until: float) -> ApprovalDone:
    by: list[str] = []
    decision, answered_at = "open", None
    broken_by = broken_why = ""
    for other in events:
        if not event.seq < other.seq < until:
            continue
        match other.body:
            case GlassBroken(run=body.run, step=body.step, reason=reason):
                broken_by, broken_why = other.by, reason
            case ApprovalAnswered(run=body.run, step=body.step, decision="approved"):
                by.append(other.by)
                if len(set(by)) >= body.count and decision == "open":
                    decision, answered_at = "approved", other.at
            case ApprovalAnswered(run=body.run, step=body.step, decision="rejected") if decision == "open":
                by.append(other.by)
                decision, answered_at = "rejected", other.at
            case ApprovalExpired(run=body.run, step=body.step) if decision == "open":
                decision, answered_at = "expired", other.at
    return ApprovalDone(
        run=body.run,
        step=body.step,
        title=body.title,
        role=body.role,
        asked_at=event.at,
        answered_at=answered_at,
        decision=decision,
        by=tuple(dict.fromkeys(by)),
        broken_by=broken_by,
        broken_why=broken_why,
    )
