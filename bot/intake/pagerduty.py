"""PagerDuty's webhooks v3: one event about one incident. A page is an alert whose episode is the incident's life."""

import msgspec

from bot.errors import BadPayloadError
from bot.intake.inbox import KEEP_S
from bot.intake.wire import decoded, identifier, instant, without_nul
from bot.model.alert import Alert, Delivery

_OVER = "incident.resolved"
_BEGINS = frozenset({"incident.triggered", "incident.reopened"})
_OLDEST_S = KEEP_S - 86400.0
"""PagerDuty signs no time but the event's own: older than this it is refused, while the inbox still knows its body."""
_URGENCY = {"high": "critical", "low": "warning"}


class _Service(msgspec.Struct):
    summary: str = ""


class _Data(msgspec.Struct, kw_only=True):
    id: str
    created_at: str = ""
    title: str = ""
    html_url: str = ""
    incident_key: str | None = ""
    urgency: str | None = ""
    service: _Service | None = None


class _Event(msgspec.Struct, kw_only=True):
    id: str
    event_type: str
    occurred_at: str
    data: _Data


class _Message(msgspec.Struct):
    event: _Event


def parse_pagerduty(body: bytes, *, now: float | None = None) -> Delivery:
    """Read a message; raises BadPayloadError. Events that begin or end nothing (a note, a ping) carry no alert."""
    event = decoded(body, _Message).event
    identifier(event.data.id, "event.data.id")
    alerts = (_alert(event, now),) if event.event_type in _BEGINS or event.event_type == _OVER else ()
    return Delivery(source="pagerduty", group_key=event.data.id, alerts=alerts)


def _alert(event: _Event, now: float | None) -> Alert:
    data, over = event.data, event.event_type == _OVER
    starts = instant(data.created_at, "event.data.created_at", now)
    occurred = _recent(event.occurred_at, now)
    ended = occurred if over else None
    title = without_nul(data.title, "event.data.title")
    service = without_nul(data.service.summary, "event.data.service.summary") if data.service else ""
    return Alert(
        fingerprint=f"pagerduty:{data.id}",
        name=title or f"PagerDuty incident {data.id}",
        status="resolved" if over else "firing",
        starts_at=starts,
        ends_at=None if ended is None else max(ended, starts),
        labels={"severity": _URGENCY.get(data.urgency or "", "critical"), "service": service},
        annotations={"mentions": f"{data.incident_key or ''} {title}"},
        generator_url=data.html_url,
    )


def _recent(text: str, now: float | None) -> float:
    occurred = instant(text, "event.occurred_at", now)
    if now is not None and occurred < now - _OLDEST_S:
        fault = f"is more than {_OLDEST_S / 86400:g} days ago"
        raise BadPayloadError(f"event.occurred_at: {fault}", field="event.occurred_at")
    return occurred
