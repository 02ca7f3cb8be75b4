"""One event of every kind there is, made from the types of its fields, so that a new kind is never forgotten."""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from bot.model.alert import Alert
from bot.model.diagnosis import Diagnosis
from bot.model.event import Event, EventBody
from bot.model.network import Subject
from tests.support.incident_story import LINK, START, alert, diagnosis

_PLAIN: Mapping[Any, Any] = {
    str: "words",
    float: START,
    int: 1,
    bool: True,
    Subject: LINK,
    Alert: alert(),
    Diagnosis: diagnosis(),
}


def every_kind() -> tuple[type, ...]:
    """The members of the union of all events."""
    return tuple(_members(EventBody))


def one_of_each() -> tuple[Event, ...]:
    """An event of each kind, in the order of the union."""
    return tuple(
        Event(incident="INC-1", seq=place, at=START + place, by="cli:alice", body=_made(kind))
        for place, kind in enumerate(every_kind(), start=1)
    )


def _members(union: Any) -> Iterator[type]:
    for each in get_args(union):
        yield from _members(each) if isinstance(each, types.UnionType) else (each,)


def _made(kind: type) -> Any:
    needed = (each for each in msgspec.structs.fields(kind) if each.required)
    return kind(**{each.name: _value(each.type) for each in needed})


def _value(wanted: Any) -> Any:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted in _PLAIN:
        return _PLAIN[wanted]
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return (_value(arguments[0]),)
    if origin in (types.UnionType, Union):
        return _value(arguments[0])
    return {}
