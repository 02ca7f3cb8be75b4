"""Questions that every part of the report asks of the event list."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from bot.model.diagnosis import Diagnosis
from bot.model.event import (
    AlertAttached,
    DiagnosisMade,
    Event,
    IncidentOpened,
    KeysQuarantined,
    Severity,
    SeverityChanged,
    State,
    StateChanged,
    SubjectChanged,
)
from bot.model.network import Network, Subject
from bot.model.step_event import RunEnded

BodyT = TypeVar("BodyT")
Events = Sequence[Event]


def of_kind(events: Events, kind: type[BodyT]) -> Iterator[tuple[Event, BodyT]]:
    """The events whose body is a `kind`, in order, with that body."""
    return ((event, event.body) for event in events if isinstance(event.body, kind))


def opened(events: Events) -> tuple[Event, IncidentOpened]:
    """The first event of an incident; raises ValueError when the list has none."""
    for pair in of_kind(events, IncidentOpened):
        return pair
    raise ValueError("these events do not open an incident")


def present(events: Events) -> tuple[State, Severity, Subject]:
    """State, severity and subject as they stand after the last event."""
    _, body = opened(events)
    state: State = "triggered"
    severity, subject = body.severity, body.subject
    for event in events:
        match event.body:
            case StateChanged(after=state):
                pass
            case SeverityChanged(after=severity):
                pass
            case SubjectChanged(after=subject):
                pass
    return state, severity, subject


def first_move(events: Events, *states: State) -> Event | None:
    """The event of the first move into one of `states`."""
    return next((event for event, body in of_kind(events, StateChanged) if body.after in states), None)


def resolution(events: Events) -> Event | None:
    """The move into `resolved` that lasted, or None while the incident is open."""
    moves = [(event, body) for event, body in of_kind(events, StateChanged) if body.after != "postmortem published"]
    return moves[-1][0] if moves and moves[-1][1].after == "resolved" else None


def mitigation(events: Events) -> Event | None:
    """The first event after which the fault was held: a run that succeeded, or the move into `monitoring`."""
    ends = (event for event, body in of_kind(events, RunEnded) if body.result == "succeeded")
    both = [event for event in (next(ends, None), first_move(events, "monitoring")) if event is not None]
    return min(both, key=lambda event: event.seq, default=None)


def cause(events: Events) -> Diagnosis | None:
    """The last diagnosis that named a fault, else the last one, else None."""
    made = [body.diagnosis for _, body in of_kind(events, DiagnosisMade)]
    return next((each for each in reversed(made) if each.verdict == "fault"), made[-1] if made else None)


def intrusion(events: Events) -> str:
    """Why an intrusion was not excluded at some time; empty where there was never a doubt."""
    gates = (body.diagnosis.security for _, body in of_kind(events, DiagnosisMade))
    asked = (body.reason for _, body in of_kind(events, KeysQuarantined))
    return next((gate.reason for gate in gates if gate is not None), None) or next(asked, "")


def onset(events: Events) -> tuple[float, str] | None:
    """When the fault began and who says so: the evidence of the cause, else the first alert."""
    diagnosis = cause(events)
    if diagnosis is not None and diagnosis.findings:
        onsets = [item.onset for item in diagnosis.findings[0].evidence if item.onset is not None]
        if onsets:
            return min(onsets), "the earliest shift in the evidence"
    starts = [body.alert.starts_at for _, body in of_kind(events, AlertAttached)]
    return (min(starts), "the first alert's start") if starts else None


def links_of(events: Events, network: Network) -> tuple[str, ...]:
    """The links that the incident touched: subjects, alerts and diagnoses, as far as the network knows them."""
    names: dict[str, None] = {}
    for event in events:
        match event.body:
            case IncidentOpened(subject=subject) | SubjectChanged(after=subject):
                names.update(dict.fromkeys(_links_under(subject, network)))
            case AlertAttached(alert=alert):
                names[alert.labels.get("link", "")] = None
            case DiagnosisMade(diagnosis=diagnosis):
                names[diagnosis.link] = None
    return tuple(name for name in names if name in network.links)


def _links_under(subject: Subject, network: Network) -> tuple[str, ...]:
    match subject.kind:
        case "link":
            return (subject.id,)
        case "node":
            return tuple(link.id for link in network.links_of(subject.id))
        case "flow":
            flow = network.flows.get(subject.id)
            return flow.route if flow else ()
        case _:
            return ()
