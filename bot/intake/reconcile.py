"""When a delivery was cut, Alertmanager's own API says which alerts of the group are truly active."""

import re
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import msgspec

from bot.errors import BadPayloadError, UnavailableError
from bot.far import open_client, request_headers, tls_context
from bot.intake.alertmanager import MAX_FINGERPRINT
from bot.intake.wire import identifier, labels_without_nul, to_the_millisecond
from bot.model.alert import Alert, Delivery
from bot.settings import Far

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"'
_GROUP_LABELS = re.compile(rf"\{{(?:{_LABEL}(?:, {_LABEL})*)?\}}\Z")
"""The end of a group's key, `ROUTE:{name="value", ...}`; a value may look like anything, a whole key included."""

Client = Callable[[], httpx.AsyncClient]


class _ApiStatus(msgspec.Struct, kw_only=True):
    state: str


class _ApiAlert(msgspec.Struct, kw_only=True, rename="camel"):
    fingerprint: str
    status: _ApiStatus
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str
    generator_url: str = msgspec.field(default="", name="generatorURL")


def reconciler(far: Far) -> Callable[[Delivery], Awaitable[tuple[Alert, ...]]]:
    """A function that completes a cut delivery.

    It raises UnavailableError, so that the delivery waits, and BadPayloadError when the answer makes no sense.
    Raises UsageError when a secret or certificate cannot be read.
    """
    client = partial(open_client, far)
    request_headers(far), tls_context(far)  # a secret or certificate that is missing shows at the start

    async def reconcile(delivery: Delivery) -> tuple[Alert, ...]:
        there = await _there(client, far.url, delivery.group_key)
        known = {wire.fingerprint for wire in there}
        over = tuple(
            alert for alert in delivery.alerts if alert.status == "resolved" and alert.fingerprint not in known
        )
        # Alertmanager keeps silenced and inhibited alerts to itself: they are not over, and open nothing.
        return (*(_alert(wire) for wire in there if wire.status.state != "suppressed"), *over)

    return reconcile


async def _there(opened: Client, url: str, group_key: str) -> list[_ApiAlert]:
    """The alerts of a group that are not over; raises UnavailableError."""
    labels = _GROUP_LABELS.search(group_key)
    filters = re.findall(_LABEL, labels[0]) if labels else []
    try:
        async with opened() as client:
            answer = await client.get("/api/v2/alerts", params={"filter": filters})
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=list[_ApiAlert])
    except httpx.HTTPStatusError as error:
        raise UnavailableError(f"Alertmanager at {url} answers {error.response.status_code}") from None
    except (httpx.HTTPError, ssl.SSLError, msgspec.DecodeError) as error:
        raise UnavailableError(f"Alertmanager at {url} cannot be asked: {type(error).__name__}") from None


def _alert(wire: _ApiAlert) -> Alert:
    try:
        starts_at = to_the_millisecond(wire.starts_at)
    except (ValueError, OverflowError) as error:
        raise BadPayloadError(f"Alertmanager's API, startsAt: {error}", field="startsAt") from None
    return Alert(
        fingerprint=identifier(wire.fingerprint, "Alertmanager's API, fingerprint", MAX_FINGERPRINT),
        name=wire.labels.get("alertname", "unnamed alert"),
        status="firing",
        starts_at=starts_at,
        labels=labels_without_nul(wire.labels, "Alertmanager's API, labels"),
        annotations=wire.annotations,
        generator_url=wire.generator_url,
    )
