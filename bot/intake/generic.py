"""`POST /alerts/generic`: a small JSON of Bellhop's own, or a CloudEvent 1.0 (structured or binary) around it.

An alert:  {"id": "qber-17", "title": "QBER above 5%", "link": "ams-utr", "severity": "critical",
            "status": "firing", "starts_at": "2026-11-23T03:33:13Z", "description": "…", "url": "https://…"}
Its end:   the same id and starts_at with "status": "resolved" and, where known, "ends_at".
A change:  {"id": "chg-9", "change": "firmware", "node": "utr", "title": "4.2.1", "at": "2026-11-23T03:20:00Z"}

`link`, `node` or `flow` says what it is about; changes are firmware, configuration, calibration or maintenance. In a
CloudEvent, what the data leave out comes from the envelope: `subject` ("link/ams-utr"), `time`, `type`, `severitytext`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bot.errors import BadPayloadError
from bot.intake.wire import LONGEST_ID, decoded, identifier, instant, misfit, without_nul
from bot.model.alert import Alert, Change, Delivery
from bot.model.network import Subject

_KINDS = ("link", "node", "flow")
_SPOKEN = ("title", "severity", *_KINDS)


class _Small(msgspec.Struct, kw_only=True):
    id: str
    title: str = ""
    description: str = ""
    severity: str = ""
    status: Literal["firing", "resolved"] = "firing"
    change: Literal["firmware", "configuration", "calibration", "maintenance", ""] = ""
    link: str = ""
    node: str = ""
    flow: str = ""
    starts_at: str = ""
    ends_at: str = ""
    at: str = ""
    url: str = ""


class _CloudEvent(msgspec.Struct, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    severitytext: str = ""
    data: dict[str, Any] = {}


def envelope(headers: Mapping[str, str], body: bytes) -> bytes:
    """A CloudEvent in binary mode as a structured one, so that the inbox keeps it whole; anything else as it is.

    Raises BadPayloadError when the body of a binary event is not JSON.
    """
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    if "specversion" not in attributes:
        return body
    data = decoded(body, dict[str, Any]) if body else {}
    return msgspec.json.encode({**attributes, "data": data})


def parse_generic(body: bytes, *, now: float | None = None) -> Delivery:
    """Read a message; raises BadPayloadError with the path of the field that is wrong."""
    fields = decoded(body, dict[str, Any])
    place = ""
    if "specversion" in fields:
        fields, place = _unwrapped(decoded(body, _CloudEvent)), "data."
    small = _convert(fields, place)
    identifier(small.id, f"{place}id")
    for name in _SPOKEN:
        without_nul(getattr(small, name), f"{place}{name}")
    if small.change:
        return Delivery(source="generic", group_key=small.id, alerts=(), changes=(_change(small, place, now),))
    return Delivery(source="generic", group_key=small.id, alerts=(_alert(small, place, now),))


def _unwrapped(event: _CloudEvent) -> dict[str, Any]:
    if event.specversion != "1.0":
        raise BadPayloadError(f"specversion: {event.specversion!r} is not known here, only '1.0'", field="specversion")
    kind, _, name = event.subject.partition("/")
    about = {kind: name} if kind in _KINDS and name and not any(event.data.get(each) for each in _KINDS) else {}
    given = {name: value for name, value in event.data.items() if name in _Small.__struct_fields__}
    implied = {
        "id": _named(f"{event.source} {event.id}"),
        "title": event.type,
        "severity": event.severitytext.lower(),
        "starts_at": event.time,
        "at": event.time,
    }
    return {**implied, **about, **given}


def _named(whole: str) -> str:
    """What a CloudEvent is called; its source and id have no bound, so of long ones the digest."""
    return whole if len(whole) <= LONGEST_ID else f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _convert(fields: dict[str, Any], place: str) -> _Small:
    try:
        return msgspec.convert(fields, _Small)
    except msgspec.ValidationError as error:
        fault = misfit(error)
        raise BadPayloadError(f"{place}{fault.message}", field=f"{place}{fault.field}") from None


def _alert(small: _Small, place: str, now: float | None) -> Alert:
    if not small.starts_at:
        why = "is missing; with the id it tells a repeated message from a new episode"
        raise BadPayloadError(f"{place}starts_at: {why}", field=f"{place}starts_at")
    begun = instant(small.starts_at, f"{place}starts_at", now)
    ended = instant(small.ends_at, f"{place}ends_at", now) if small.ends_at and small.status == "resolved" else None
    if ended is not None and ended < begun:
        raise BadPayloadError(f"{place}ends_at: is before starts_at", field=f"{place}ends_at")
    labels = {kind: name for kind in _KINDS if (name := getattr(small, kind))}
    return Alert(
        fingerprint=f"generic:{small.id}",
        name=small.title or small.id,
        status=small.status,
        starts_at=begun,
        ends_at=ended,
        labels={**labels, **({"severity": small.severity} if small.severity else {})},
        annotations={"description": small.description} if small.description else {},
        generator_url=small.url if small.url.startswith(("https://", "http://")) else "",
    )


def _change(small: _Small, place: str, now: float | None) -> Change:
    when = small.at or small.starts_at
    if not when:
        raise BadPayloadError(f"{place}at: is missing; a change says when it was", field=f"{place}at")
    about = next((Subject(kind=kind, id=name) for kind in _KINDS if (name := getattr(small, kind))), None)  # type: ignore[arg-type]
    if about is None:
        raise BadPayloadError(f"{place}link: a change names a link, node or flow", field=f"{place}link")
    return Change(
        id=small.id,
        subject=about,
        kind=small.change,
        description=small.title or small.description,
        at=instant(when, f"{place}at", now),
    )
