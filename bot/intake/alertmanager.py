"""Alertmanager's webhook message, version 4, as the model sees it. Unknown fields are ignored."""

import math
import re

import msgspec

from bot.errors import BadPayloadError
from bot.model.alert import Alert, Delivery
from bot.model.time import parse_instant

_FIRST_YEAR_S = 946684800.0
"""2000-01-01: an alert from before is a broken clock, not an alert."""
_FAR_FUTURE_S = 400 * 86400.0
_NO_END = "0001-01-01T00:00:00"
_MAX_ALERTS = 10_000
_MAX_FINGERPRINT = 128
_FINER_THAN_MS = re.compile(r"(?<=\.\d{3})\d+")
_PATH = re.compile(r" - at `(.*)`$")


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


_decode = msgspec.json.Decoder(_WireMessage).decode


def parse_delivery(body: bytes, *, now: float | None = None) -> Delivery:
    """Read a message; raises BadPayloadError with the path of the field that is wrong.

    `now`, Unix seconds, bounds the future; without it nothing does, for a body that was judged when it came.
    """
    try:
        message = _decode(body)
    except msgspec.ValidationError as error:
        raise _misfit(error) from None
    except RecursionError:
        raise BadPayloadError("the body is nested too deeply", field="$") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPayloadError(f"the body is not JSON: {error}", field="$") from None
    if message.version != "4":
        raise BadPayloadError(f"version: {message.version!r} is not known here, only '4'", field="version")
    if not message.alerts:
        raise BadPayloadError("alerts: is empty", field="alerts")
    if len(message.alerts) > _MAX_ALERTS:
        raise BadPayloadError(f"alerts: more than {_MAX_ALERTS}", field="alerts")
    if message.truncated_alerts < 0:
        raise BadPayloadError("truncatedAlerts: is below 0", field="truncatedAlerts")
    latest = math.inf if now is None else now + _FAR_FUTURE_S
    return Delivery(
        source="alertmanager",
        group_key=message.group_key,
        receiver=message.receiver,
        alerts=tuple(_alert(wire, f"alerts[{place}]", latest) for place, wire in enumerate(message.alerts)),
        truncated=message.truncated_alerts,
        external_url=message.external_url,
    )


def _alert(wire: _WireAlert, path: str, latest: float) -> Alert:
    if wire.status not in ("firing", "resolved"):
        raise BadPayloadError(f"{path}.status: is neither firing nor resolved", field=f"{path}.status")
    if not (wire.fingerprint and wire.fingerprint.isprintable() and len(wire.fingerprint) <= _MAX_FINGERPRINT):
        fault = f"is not 1 to {_MAX_FINGERPRINT} printable characters"
        raise BadPayloadError(f"{path}.fingerprint: {fault}", field=f"{path}.fingerprint")
    starts = _instant(wire.starts_at, f"{path}.startsAt", latest)
    ends = None
    if wire.ends_at and not wire.ends_at.startswith(_NO_END):
        ends = _instant(wire.ends_at, f"{path}.endsAt", latest)
        if ends < starts:
            raise BadPayloadError(f"{path}.endsAt: is before startsAt", field=f"{path}.endsAt")
    return Alert(
        fingerprint=wire.fingerprint,
        name=wire.labels.get("alertname", "unnamed alert"),
        status=wire.status,  # type: ignore[arg-type]
        starts_at=starts,
        ends_at=ends if wire.status == "resolved" else None,
        labels=wire.labels,
        annotations=wire.annotations,
        generator_url=wire.generator_url,
    )


def to_the_millisecond(text: str) -> float:
    """Unix seconds of an RFC 3339 time, cut as Alertmanager's API cuts it, so that both name the same episode.

    Raises ValueError.
    """
    return parse_instant(_FINER_THAN_MS.sub("", text))


def _instant(text: str, path: str, latest: float) -> float:
    try:
        seconds = to_the_millisecond(text)
    except (ValueError, OverflowError) as error:
        raise BadPayloadError(f"{path}: {error}", field=path) from None
    if not _FIRST_YEAR_S <= seconds <= latest:
        raise BadPayloadError(f"{path}: {text} is absurd", field=path)
    return seconds


def _misfit(error: msgspec.ValidationError) -> BadPayloadError:
    text = str(error)
    match = _PATH.search(text)
    path = match.group(1).removeprefix("$").lstrip(".") if match else ""
    reason = _PATH.sub("", text)
    missing = re.search(r"missing required field `(.*?)`", reason)
    if missing:
        path = f"{path}.{missing.group(1)}".lstrip(".")
        return BadPayloadError(f"{path}: is missing", field=path)
    return BadPayloadError(f"{path or 'body'}: {reason[:1].lower()}{reason[1:]}", field=path or "$")
