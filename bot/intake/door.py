"""`POST /alerts/alertmanager`: authenticated first, bounded, checked, on disk before the answer."""

import base64
import binascii
import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clock import Clock
from bot.errors import BadPayloadError, StoreUnavailableError
from bot.intake.alertmanager import parse_delivery
from bot.intake.counters import IntakeCounters
from bot.intake.inbox import Inbox
from bot.settings import AlertmanagerSettings

MAX_BODY = 1 << 20


def alertmanager_routes(
    settings: AlertmanagerSettings, inbox: Inbox, clock: Clock, counters: IntakeCounters
) -> list[Route]:
    """The route, its secrets read once; raises UsageError when one is missing."""
    door = _Door(settings, inbox, clock, counters)
    return [Route("/alerts/alertmanager", door.post, methods=["POST"])]


class _Door:
    def __init__(self, settings: AlertmanagerSettings, inbox: Inbox, clock: Clock, counters: IntakeCounters) -> None:
        self._accepted = _accepted(settings)
        self._inbox = inbox
        self._clock = clock
        self._counters = counters

    async def post(self, request: Request) -> Response:
        if not self._knows(request.headers.get("authorization", "")):
            return self._refuse(401, "wrong or missing token", "unauthorised", {"WWW-Authenticate": "Bearer"})
        body = await _bounded(request)
        if body is None:
            return self._refuse(413, f"the body is larger than {MAX_BODY} bytes", "too large")
        try:
            delivery = parse_delivery(body, now=self._clock.now())
            await self._inbox.put("alertmanager", body, received_at=self._clock.now())
        except BadPayloadError as error:
            return self._refuse(error.status, error.message, "malformed", field=error.field)
        except StoreUnavailableError as error:
            wait = {"Retry-After": str(int(error.retry_after or 5))}
            return self._refuse(503, "the store does not take it now; send it again", "store down", wait)
        self._counters.accepted(alerts=len(delivery.alerts))
        return Response(b'{"status":"accepted"}', media_type="application/json")

    def _knows(self, shown: str) -> bool:
        kind, _, value = shown.partition(" ")
        if kind.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode("latin-1")
            except (binascii.Error, ValueError):
                return False
        candidate = f"{kind.lower()} {value}".encode("latin-1", "replace")
        # Every secret is compared, so that the time taken tells nothing.
        matches = [hmac.compare_digest(candidate, each) for each in self._accepted]
        return True in matches

    def _refuse(
        self, status: int, message: str, reason: str, headers: dict[str, str] | None = None, field: str = ""
    ) -> Response:
        self._counters.refused(reason)
        content = {"error": message} | ({"field": field} if field else {})
        return Response(msgspec.json.encode(content), status, headers, "application/json")


def _accepted(settings: AlertmanagerSettings) -> tuple[bytes, ...]:
    found: list[bytes] = []
    if settings.bearer_token is not None:
        found.append(b"bearer " + settings.bearer_token.read().encode())
    if settings.basic is not None:
        found.append(f"basic {settings.basic.user}:{settings.basic.password.read()}".encode())
    return tuple(found)


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
