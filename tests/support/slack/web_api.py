"""The Web API over HTTP: bodies, tokens, limits and outages; and the response URLs."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.slack.answers import answer_through
from tests.support.slack.methods import METHODS, Call, SlackError
from tests.support.slack.state import ApiCall, Json, State

STRUCTURED = ("blocks", "attachments", "metadata", "view")
"""Arguments that a form, and some clients in JSON bodies too, carry as JSON text."""


@dataclass
class Refusals:
    """What the double was told to refuse: everything (`down`), or the next calls of a method."""

    down: bool = False
    limits: dict[str, list[int]] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)


class WebApi:
    """Answers /api/METHOD and the response URLs; `announce` is awaited after each change of the state."""

    def __init__(self, state: State, refusals: Refusals, announce: Callable[[], Awaitable[None]]) -> None:
        self._state, self._refusals, self._announce = state, refusals, announce
        self.open_connection: Callable[[], str] = str
        self.base = ""

    def routes(self) -> list[web.RouteDef]:
        """Where it listens."""
        return [
            web.route("*", "/api/{method}", self._answer),
            web.post("/{kind:commands|actions}/{team}/{number}/{secret}", self._response_url),
        ]

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            arguments = await _arguments(request)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"})
        record = ApiCall(method, {name: value for name, value in arguments.items() if name != "token"})
        self._state.calls.append(record)
        response = self._refused(record) or self._called(record, _token(request, arguments))
        await self._announce()
        if self._refusals.lost.get(method, 0) > 0 and request.transport is not None:
            self._refusals.lost[method] -= 1
            request.transport.close()
        return response

    def _refused(self, record: ApiCall) -> web.Response | None:
        limits, errors = self._refusals.limits.get(record.method), self._refusals.errors.get(record.method)
        if self._refusals.down:
            record.status, record.error = 503, "down"
            return web.Response(status=503, text="Service Unavailable")
        if limits:
            record.status, record.error = 429, "ratelimited"
            headers = {"Retry-After": str(limits.pop(0))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if errors:
            record.error = errors.pop(0)
            return web.json_response({"ok": False, "error": record.error})
        return None

    def _called(self, record: ApiCall, token: str) -> web.Response:
        scopes = self._state.tokens.get(token, set())
        try:
            body = {"ok": True, **self._result(record, token, scopes)}
        except SlackError as error:
            record.error = error.error
            body = {"ok": False, "error": error.error, **error.extra}
        return web.json_response(body, headers={"x-oauth-scopes": ",".join(sorted(scopes))})

    def _result(self, record: ApiCall, token: str, scopes: set[str]) -> Json:
        if not token:
            raise SlackError("not_authed")
        if token not in self._state.tokens:
            raise SlackError("invalid_auth")
        call = Call(self._state, record.arguments, scopes, self.base)
        if record.method == "apps.connections.open":
            return self._connection(call, token)
        if record.method not in METHODS:
            raise SlackError("unknown_method", req_method=record.method)
        if token.startswith("xapp-") and record.method != "auth.test":
            raise SlackError("not_allowed_token_type")
        return METHODS[record.method](call)

    def _connection(self, call: Call, token: str) -> Json:
        if not token.startswith("xapp-"):
            raise SlackError("not_allowed_token_type")
        call.needs("connections:write")
        return {"url": self.open_connection()}

    async def _response_url(self, request: web.Request) -> web.Response:
        if self._refusals.down:
            return web.Response(status=503, text="Service Unavailable")
        try:
            body = json.loads(await request.text())
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        status, text = answer_through(self._state, f"{self.base}{request.path}", body)
        await self._announce()
        return web.Response(status=status, text=text)


def _token(request: web.Request, arguments: Json) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else str(arguments.get("token", ""))


async def _arguments(request: web.Request) -> Json:
    query: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = json.loads(await request.text() or "{}")
        if not isinstance(body, dict):
            raise ValueError("the body is not an object")
        sent = query | body
    else:
        sent = query | dict(await request.post())
    return {name: _decoded(value) if name in STRUCTURED else value for name, value in sent.items()}


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in {"[", "{"} else value
