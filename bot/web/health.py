"""How the bot itself fares: alive, ready (and if not, why), and its own metrics for Prometheus."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.web.api import json

Check = Callable[[], Awaitable[str]]
"""'' when all is well, else one line that says what is not."""


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of the bot: `read` gives its value for each set of labels (pairs of name and value)."""

    name: str
    help: str
    kind: str
    read: Callable[[], Mapping[tuple[tuple[str, str], ...], float]]


def health_routes(checks: Mapping[str, Check], counters: tuple[Counter, ...] = ()) -> list[Route]:
    """/healthz, /readyz and /metrics; open to all, since they say nothing about incidents."""

    async def alive(request: Request) -> Response:
        del request
        return json({"status": "ok"})

    async def ready(request: Request) -> Response:
        del request
        found = {name: await check() for name, check in checks.items()}
        reasons = {name: reason for name, reason in found.items() if reason}
        return json({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)

    async def metrics(request: Request) -> Response:
        del request
        return PlainTextResponse(exposition(counters), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


def exposition(counters: tuple[Counter, ...]) -> str:
    """The metrics in Prometheus' text format, version 0.0.4."""
    lines: list[str] = []
    for counter in counters:
        lines += [f"# HELP {counter.name} {_escaped(counter.help)}", f"# TYPE {counter.name} {counter.kind}"]
        for labels, value in counter.read().items():
            pairs = ",".join(f'{name}="{_quoted(text)}"' for name, text in labels)
            lines.append(f"{counter.name}{{{pairs}}} {value:.17g}" if pairs else f"{counter.name} {value:.17g}")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
