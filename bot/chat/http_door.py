"""`POST /slack/events`: what Slack sends in HTTP mode, its signature checked before anything looks at the body."""

from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH = "/slack/events"
MAX_BODY = 1 << 20


def slack_routes(app: AsyncApp, signing_secret: str) -> list[Route]:
    """The one route of HTTP mode."""
    return [Route(PATH, _Door(app, signing_secret).post, methods=["POST"])]


class _Door:
    def __init__(self, app: AsyncApp, signing_secret: str) -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret)

    async def post(self, request: Request) -> Response:
        body = await _bounded(request)
        if body is None:
            return PlainTextResponse(f"the body is larger than {MAX_BODY} bytes", 413)
        if not self._signed(request, body):
            return PlainTextResponse("wrong, missing or old signature", 401)
        try:
            bolt_request = to_async_bolt_request(request, body)
        except ValueError:
            return PlainTextResponse("body: is neither a form nor JSON in UTF-8", 400)
        return to_starlette_response(await self._app.async_dispatch(bolt_request))

    def _signed(self, request: Request, body: bytes) -> bool:
        """Slack's signature v0, at most five minutes old, compared in constant time."""
        at = request.headers.get("x-slack-request-timestamp", "")
        shown = request.headers.get("x-slack-signature", "")
        if not (at.isascii() and at.isdigit() and len(at) < 12 and shown.isascii()):
            return False
        try:
            return self._verifier.is_valid(body, at, shown)
        except UnicodeDecodeError:  # Slack signs text
            return False


async def _bounded(request: Request) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
