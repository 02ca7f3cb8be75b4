"""`POST /alerts/…`: authenticated first, bounded, checked, on disk before the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clock import Clock
from bot.errors import BadPayloadError, StoreUnavailableError
from bot.intake.alertmanager import parse_delivery, parse_grafana
from bot.intake.counters import IntakeCounters
from bot.intake.generic import envelope, parse_generic
from bot.intake.inbox import Inbox
from bot.intake.pagerduty import parse_pagerduty
from bot.intake.verify import FRESH_S, Check, credentials, signature, stamped
from bot.intake_settings import IntakeSettings
from bot.model.alert import Delivery
from bot.store.trouble import StoreDownError

MAX_BODY = 1 << 20

Parse = Callable[..., Delivery]
Envelope = Callable[[Mapping[str, str], bytes], bytes]
PARSERS: Mapping[str, Parse] = {
    "alertmanager": parse_delivery,
    "grafana": parse_grafana,
    "pagerduty": parse_pagerduty,
    "generic": parse_generic,
}
"""Source -> what reads its bodies, at the door and again behind the inbox."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What opens a door: a check of the headers alone comes before the body is read, one of the body after.

    `fresh` is asked last: whether what is signed was signed just now.
    """

    before: Check | None = None
    after: Check | None = None
    fresh: Check | None = None


def intake_routes(settings: IntakeSettings, inbox: Inbox, clock: Clock, counters: IntakeCounters) -> list[Route]:
    """A route for each source that is configured, its secrets read once; raises UsageError when one is missing."""
    routes = []
    for source, lock in _locks(settings, clock).items():
        door = _Door(source, lock, inbox, clock, counters)
        routes.append(Route(f"/alerts/{source}", door.post, methods=["POST"]))
        if source == "generic":
            routes.append(Route(f"/alerts/{source}", _handshake, methods=["OPTIONS"]))
    return routes


def _locks(settings: IntakeSettings, clock: Clock) -> dict[str, Lock]:
    locks: dict[str, Lock] = {}
    if (own := settings.alertmanager) is not None:
        locks["alertmanager"] = Lock(before=credentials(own.bearer_token, own.basic))
    if (grafana := settings.grafana) is not None:
        if grafana.signing_secret is not None:
            header, stamp = grafana.signature_header, grafana.timestamp_header
            proof = signature([grafana.signing_secret], header, stamped_by=stamp)
            locks["grafana"] = Lock(after=proof, fresh=stamped(stamp, clock.now) if stamp else None)
        else:
            locks["grafana"] = Lock(before=credentials(grafana.bearer_token, None))
    if (pages := settings.pagerduty) is not None:
        locks["pagerduty"] = Lock(after=signature(pages.secrets, "x-pagerduty-signature", prefix="v1="))
    if (generic := settings.generic) is not None:
        locks["generic"] = Lock(before=credentials(generic.bearer_token, None))
    return locks


class _Door:
    def __init__(self, source: str, lock: Lock, inbox: Inbox, clock: Clock, counters: IntakeCounters) -> None:
        self._source = source
        self._lock = lock
        self._parse = PARSERS[source]
        self._envelope: Envelope | None = envelope if source == "generic" else None
        self._inbox = inbox
        self._clock = clock
        self._counters = counters

    async def post(self, request: Request) -> Response:
        if self._lock.before is not None and not self._lock.before(request.headers, b""):
            return self._stranger()
        body = await _bounded(request)
        if body is None:
            return self._refuse(413, f"the body is larger than {MAX_BODY} bytes", "too large")
        return self._unproved(request.headers, body) or await self._take(request.headers, body)

    def _unproved(self, headers: Mapping[str, str], body: bytes) -> Response | None:
        """The answer to a body whose signature does not fit or is not of now."""
        if self._lock.after is not None and not self._lock.after(headers, body):
            return self._stranger()
        if self._lock.fresh is not None and not self._lock.fresh(headers, body):
            return self._refuse(401, f"signed more than {FRESH_S:g} s ago or ahead: compare the clocks", "stale")
        return None

    async def _take(self, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            whole = body if self._envelope is None else self._envelope(headers, body)
            delivery = self._parse(whole, now=self._clock.now())
            await self._inbox.put(self._source, whole, received_at=self._clock.now())
        except BadPayloadError as error:
            return self._refuse(error.status, error.message, "malformed", field=error.field)
        except StoreUnavailableError as error:
            wait = {"Retry-After": str(int(error.retry_after or 5))}
            why = f": {error.why}" if isinstance(error, StoreDownError) else ""
            return self._refuse(503, f"the store does not take it now{why}; send it again", "store down", wait)
        self._counters.accepted(alerts=len(delivery.alerts))
        return Response(b'{"status":"accepted"}', media_type="application/json")

    def _stranger(self) -> Response:
        if self._lock.after is not None:
            return self._refuse(401, "wrong or missing signature", "unauthorised")
        return self._refuse(401, "wrong or missing token", "unauthorised", {"WWW-Authenticate": "Bearer"})

    def _refuse(
        self, status: int, message: str, reason: str, headers: dict[str, str] | None = None, field: str = ""
    ) -> Response:
        self._counters.refused(reason)
        content = {"error": message} | ({"field": field} if field else {})
        return Response(msgspec.json.encode(content), status, headers, "application/json")


async def _handshake(request: Request) -> Response:
    """CloudEvents' abuse protection: whoever holds the token may send; the answer reveals nothing else."""
    origin = request.headers.get("webhook-request-origin", "")
    return Response(status_code=200, headers={"Allow": "POST", "WebHook-Allowed-Origin": origin} if origin else {})


async def _bounded(request: Request) -> bytes | None:
    """The body, or None as soon as it is too large."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
