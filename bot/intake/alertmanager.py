"""Alertmanager's webhook message, version 4, and Grafana's, version 1. Unknown fields are ignored."""

from typing import Literal

import msgspec

from bot.errors import BadPayloadError
from bot.intake.wire import decoded, identifier, instant, labels_without_nul
from bot.model.alert import Alert, Delivery

_NO_END = "0001-01-01T00:00:00"
_MAX_ALERTS = 10_000
MAX_FINGERPRINT = 128


class _WireAlert(msgspec.Struct, kw_only=True, rename="camel"):
    status: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str
    ends_at: str = ""
    generator_url: str = msgspec.field(default="", name="generatorURL")
    fingerprint: str


class _WireMessage(msgspec.Struct, kw_only=True, rename="camel"):
    version: str
    group_key: str
    alerts: list[_WireAlert]
    receiver: str = ""
    truncated_alerts: int = 0
    external_url: str = msgspec.field(default="", name="externalURL")


def parse_delivery(body: bytes, *, now: float | None = None) -> Delivery:
    """Read a message; raises BadPayloadError with the path of the field that is wrong.

    `now`, Unix seconds, bounds the future; without it nothing does, for a body that was judged when it came.
    """
    return _parse(body, "alertmanager", "4", now)


def parse_grafana(body: bytes, *, now: float | None = None) -> Delivery:
    """Grafana's webhook message, version 1: Alertmanager's with more fields. Raises BadPayloadError."""
    return _parse(body, "grafana", "1", now)


def _parse(body: bytes, source: Literal["alertmanager", "grafana"], version: str, now: float | None) -> Delivery:
    message = decoded(body, _WireMessage)
    if message.version != version:
        raise BadPayloadError(f"version: {message.version!r} is not known here, only '{version}'", field="version")
    if not message.alerts:
        raise BadPayloadError("alerts: is empty", field="alerts")
    if len(message.alerts) > _MAX_ALERTS:
        raise BadPayloadError(f"alerts: more than {_MAX_ALERTS}", field="alerts")
    if message.truncated_alerts < 0:
        raise BadPayloadError("truncatedAlerts: is below 0", field="truncatedAlerts")
    return Delivery(
        source=source,
        group_key=message.group_key,
        receiver=message.receiver,
        alerts=tuple(_alert(wire, f"alerts[{place}]", now) for place, wire in enumerate(message.alerts)),
        truncated=message.truncated_alerts,
        external_url=message.external_url,
    )


def _alert(wire: _WireAlert, path: str, now: float | None) -> Alert:
    if wire.status not in ("firing", "resolved"):
        raise BadPayloadError(f"{path}.status: is neither firing nor resolved", field=f"{path}.status")
    starts = instant(wire.starts_at, f"{path}.startsAt", now)
    ends = None
    if wire.ends_at and not wire.ends_at.startswith(_NO_END):
        ends = instant(wire.ends_at, f"{path}.endsAt", now)
        if ends < starts:
            raise BadPayloadError(f"{path}.endsAt: is before startsAt", field=f"{path}.endsAt")
    return Alert(
        fingerprint=identifier(wire.fingerprint, f"{path}.fingerprint", MAX_FINGERPRINT),
        name=wire.labels.get("alertname", "unnamed alert"),
        status=wire.status,  # type: ignore[arg-type]
        starts_at=starts,
        ends_at=ends if wire.status == "resolved" else None,
        labels=labels_without_nul(wire.labels, f"{path}.labels"),
        annotations=wire.annotations,
        generator_url=wire.generator_url,
    )
