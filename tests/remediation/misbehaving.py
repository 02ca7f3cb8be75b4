"""A controller on loopback that answers whatever a test tells it to, byte for byte, and remembers what it was asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from remediation.contract import Reading
from remediation.controllers.simulator import SimulatorController

_LONGEST_PAUSE_S = 600.0
Script = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


class LeapingTime:
    """A clock that jumps over pauses at once; deadlines, which are longer, never come."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def real_seconds(self, seconds: float) -> float:
        """Nothing here waits on the wall."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Be there at once, or never."""
        if seconds > _LONGEST_PAUSE_S:
            await asyncio.Event().wait()
        self._now += seconds
        await asyncio.sleep(0)


class NoReadings:
    """Nobody asks it."""

    async def read(self, signal: str, subject: str) -> Reading:
        """Nothing."""
        return Reading(signal=signal, subject=subject, value=None, quality="missing", age_s=0.0)


class Request:
    """One request that arrived."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").splitlines()
        self.method, self.path, _ = first.split(" ", 2)
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
        self.body = body

    @property
    def what(self) -> str:
        """`submit`, `status` or `state`; a QKD node's whole document is its status."""
        if self.method != "GET":
            return "submit"
        asks_for_status = ("/operations/" in self.path, "/experiments" in self.path, self.path.endswith(":qkd_node"))
        return "status" if any(asks_for_status) else "state"


class Misbehaving:
    """Scripts by the kind of request; the last script of a kind goes on for ever."""

    def __init__(self, **scripts: Script | list[Script]) -> None:
        well = {"submit": [answers(accepted(), status=202)], "status": [answers(job())], "state": [answers({})]}
        given = {kind: script if isinstance(script, list) else [script] for kind, script in scripts.items()}
        self.scripts: dict[str, list[Script]] = {**well, **given}
        self.patience_s = 1.0 if any({silent, drips} & set(scripts) for scripts in given.values()) else 20.0
        """How long a client may wait on the wall; only who waits for nothing needs little patience."""
        self.requests: list[Request] = []

    def count(self, what: str) -> int:
        """How many requests of a kind arrived."""
        return sum(request.what == what for request in self.requests)

    @property
    def accepted_keys(self) -> set[str]:
        """The keys of all acts that were asked for: the acts that a controller with a memory would do."""
        return {request.headers["idempotency-key"] for request in self.requests if request.what == "submit"}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request = Request(head, b"")
            request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
            self.requests.append(request)
            scripts = self.scripts[request.what]
            await (scripts.pop(0) if len(scripts) > 1 else scripts[0])(request, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(server: Misbehaving, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Its address while it listens, with these certificates where they are given."""
    listener = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()


@asynccontextmanager
async def talking(server: Misbehaving) -> AsyncIterator[SimulatorController]:
    """A client of it."""
    async with (
        listening(server) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=server.patience_s) as client,
    ):
        yield SimulatorController(client)


def accepted() -> dict[str, Any]:
    """What a controller says when it takes an act on."""
    return job("running")


def job(state: Any = "succeeded", **more: Any) -> dict[str, Any]:
    """What a controller says of an act."""
    return {"key": "k", "state": state, "result": {"level": 0.8}, "error": "", **more}


def answers(content: object, *, status: int = 200, media_type: str = "application/json", more: str = "") -> Script:
    """A whole answer, with `more` header lines; bytes are sent as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        del request
        writer.write(_head(status, len(body), media_type, more) + body)

    return script


async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers, until the other side hangs up."""
    del request
    while not writer.is_closing():  # noqa: ASYNC110 - a stream tells of its end only when it is looked at
        await asyncio.sleep(0.01)


async def resets(request: Request, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection without a word."""
    del request
    writer.transport.abort()


async def resets_within_body(request: Request, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection in the middle of a good answer."""
    del request
    writer.write(_head(200, 500, "application/json") + b'{"state": "succ')
    await writer.drain()
    writer.transport.abort()


async def answers_twice(request: Request, writer: asyncio.StreamWriter) -> None:
    """A good answer, and a second one that nobody asked for."""
    status = 202 if request.what == "submit" else 200
    for state in ("succeeded", "failed"):
        body = json.dumps(job(state)).encode()
        writer.write(_head(status, len(body), "application/json") + body)


def twice(script: Script) -> Script:
    """The same answer, and once more, which nobody asked for."""

    async def script_twice(request: Request, writer: asyncio.StreamWriter) -> None:
        await script(request, writer)
        await script(request, writer)

    return script_twice


async def floods(request: Request, writer: asyncio.StreamWriter) -> None:
    """An answer without a length that never ends, as fast as it is taken."""
    del request
    writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def garbles(request: Request, writer: asyncio.StreamWriter) -> None:
    """Speaks no HTTP."""
    del request
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


async def drips(request: Request, writer: asyncio.StreamWriter) -> None:
    """A good head and then a byte now and then, for ever."""
    del request
    writer.write(_head(200, 100_000, "application/json"))
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.2)


def _head(status: int, length: int, media_type: str, more: str = "") -> bytes:
    lines = (f"Content-Type: {media_type}", f"Content-Length: {length}", "Connection: close", *more.splitlines())
    return "\r\n".join((f"HTTP/1.1 {status} X", *lines, "", "")).encode()
