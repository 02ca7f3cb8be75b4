"""/metrics and the controller over HTTP. The network lives on whenever somebody asks, up to the clock's now."""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.clock import Clock
from bot.errors import BadPayloadError, NotFoundError
from bot.simulator import exporter, views
from bot.simulator.operation import Parameter, Request
from bot.simulator.operations import check
from bot.simulator.simulation import Simulation

_LARGEST_BODY = 65536
Handler = Callable[[HttpRequest], Awaitable[Response]]
_VIEWS: Mapping[str, Callable[[Simulation, str], dict[str, Any]]] = {
    "link": views.link,
    "node": views.node,
    "flow": views.flow,
}


def create_app(simulation: Simulation, clock: Clock, token: str | None = None) -> Starlette:
    """The simulated network's HTTP side. With a `token`, whatever changes something needs it as bearer."""
    door = _Door(simulation, clock, token)
    routes = [
        Route("/metrics", door.metrics),
        Route("/healthz", door.health),
        Route("/api/v1/network", door.network),
        Route("/api/v1/operations", door.ledger),
        Route("/api/v1/operations", door.submit, methods=["POST"]),
        Route("/api/v1/operations/{key:path}", door.job),
        Route("/api/v1/faults", door.faults),
        Route("/api/v1/faults", door.inject, methods=["POST"]),
        Route("/api/v1/faults/{id}", door.remove, methods=["DELETE"]),
        *(Route(f"/api/v1/{kind}s/{{id}}", door.part(kind)) for kind in _VIEWS),
    ]
    handlers: Mapping[Any, Any] = {BadPayloadError: _bad, NotFoundError: _missing}
    return Starlette(routes=routes, exception_handlers=handlers)


class _Door:
    def __init__(self, simulation: Simulation, clock: Clock, token: str | None) -> None:
        self._simulation = simulation
        self._clock = clock
        self._token = token

    async def metrics(self, request: HttpRequest) -> Response:
        return PlainTextResponse(exporter.exposition(self._now()), headers={"Content-Type": exporter.CONTENT_TYPE})

    async def health(self, request: HttpRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def network(self, request: HttpRequest) -> Response:
        return JSONResponse(views.network(self._now()))

    def part(self, kind: str) -> Handler:
        """The handler of links, nodes or flows."""

        async def answer(request: HttpRequest) -> Response:
            simulation, name = self._now(), request.path_params["id"]
            if name not in getattr(simulation.network, f"{kind}s"):
                raise NotFoundError(f"there is no {kind} {name}")
            return JSONResponse(_VIEWS[kind](simulation, name), headers={"ETag": self._etag(kind, name)})

        return answer

    async def ledger(self, request: HttpRequest) -> Response:
        return JSONResponse([views.job(job) for job in self._now().ledger.jobs])

    async def job(self, request: HttpRequest) -> Response:
        return JSONResponse(views.job(self._now().ledger.job(request.path_params["key"])))

    async def submit(self, request: HttpRequest) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= 200:
            raise BadPayloadError(
                "the header Idempotency-Key is needed, of 1 to 200 characters", field="Idempotency-Key"
            )
        wanted = _operation(await _body(request))
        simulation = self._now()
        if (known := simulation.ledger.known(key, wanted)) is not None:
            return JSONResponse(views.job(known))
        check(wanted, simulation)
        match, tag = request.headers.get("if-match"), self._etag(wanted.kind, wanted.id)
        if match is not None and match != "*" and tag not in [part.strip() for part in match.split(",")]:
            raise BadPayloadError(f"{wanted.kind} {wanted.id} has changed: it is {tag}", field="If-Match", status=412)
        return JSONResponse(views.job(simulation.ledger.submit(key, wanted, simulation)), status_code=202)

    async def faults(self, request: HttpRequest) -> Response:
        return JSONResponse([views.fault(fault) for fault in self._now().faults.values()])

    async def inject(self, request: HttpRequest) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        body = await _body(request)
        severity = body.get("severity", 0.7)
        if fault := Parameter().fault(severity):
            raise BadPayloadError(f"severity {fault}", field="severity", status=422)
        words = {name: _text(body, name, default) for name, default in _FAULT_WORDS.items()}
        mode, subject = words.pop("mode"), words.pop("subject")
        try:
            injected = self._now().inject(mode, subject, severity=severity, **words)  # type: ignore[arg-type]
        except NotFoundError as missing:
            raise BadPayloadError(str(missing), field="subject", status=404) from missing
        return JSONResponse(views.fault(injected), status_code=201)

    async def remove(self, request: HttpRequest) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        return JSONResponse(views.fault(self._now().remove(request.path_params["id"])))

    def _now(self) -> Simulation:
        self._simulation.advance_to(self._clock.now())
        return self._simulation

    def _etag(self, kind: str, name: str) -> str:
        return f'"{kind}-{name}-{self._simulation.ledger.version(kind, name)}"'

    def _refused(self, request: HttpRequest) -> Response | None:
        if self._token is None:
            return None
        given = request.headers.get("authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return None
        error = {"error": "this needs the bearer token that the simulator was started with", "field": "Authorization"}
        return JSONResponse(error, status_code=401, headers={"WWW-Authenticate": "Bearer"})


_FAULT_WORDS: Mapping[str, str | None] = {"mode": None, "subject": None, "shape": "step", "cause": "policy"}


async def _body(request: HttpRequest) -> dict[str, Any]:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LARGEST_BODY:
            raise BadPayloadError(f"the body is larger than {_LARGEST_BODY} bytes", field="body", status=413)
    try:
        body = json.loads(content)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as wrong:
        raise BadPayloadError("the body is not JSON, or its texts are not Unicode", field="body") from wrong
    if not isinstance(body, dict):
        raise BadPayloadError("the body must be a JSON object", field="body")
    return body


def _operation(body: dict[str, Any]) -> Request:
    target = body.get("target")
    if not isinstance(target, dict):
        raise BadPayloadError("target must be an object with kind and id", field="target", status=422)
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadPayloadError("parameters must be an object", field="parameters", status=422)
    kind, name = _text(target, "kind", None, "target."), _text(target, "id", None, "target.")
    return Request(_text(body, "operation", None), kind, name, parameters)


def _text(body: dict[str, Any], name: str, default: str | None, path: str = "") -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadPayloadError(f"{path}{name} must be a text", field=f"{path}{name}", status=422)
    return value


async def _bad(request: HttpRequest, error: Exception) -> Response:
    if not isinstance(error, BadPayloadError):
        raise error
    return JSONResponse({"error": error.message, "field": error.field}, status_code=error.status)


async def _missing(request: HttpRequest, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=404)
