"""The far side of the crash test: a warm, broken network in a process of its own that outlives every bot."""

import asyncio
import mmap
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from tests.scenarios.crash.points import Point

_TICK_S = 0.005
_FORM = "d"


class SharedClock:
    """One time for several processes. It moves only while a bot's event loop turns: a busy machine slows it down.

    Implements `bot.clock.Clock`.
    """

    def __init__(self, *, start: float, speed: float) -> None:
        self._memory = mmap.mmap(-1, struct.calcsize(_FORM))
        self._speed = speed
        self.set(start)

    def set(self, instant: float) -> None:
        """Let it be `instant`, Unix seconds."""
        struct.pack_into(_FORM, self._memory, 0, instant)

    def now(self) -> float:
        """Unix seconds of the simulated day."""
        instant: float = struct.unpack_from(_FORM, self._memory, 0)[0]
        return instant

    def real_seconds(self, seconds: float) -> float:
        """Seconds of this clock on the wall, at its full speed."""
        return seconds / self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed."""
        until = self.now() + seconds
        while self.now() < until:  # noqa: ASYNC110 - shared memory fires no event
            await asyncio.sleep(_TICK_S / 2)

    async def turn(self) -> None:
        """Move it on for as long as this is awaited; only one process may."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(_TICK_S)
            self.set(self.now() + min(time.monotonic() - began, 2 * _TICK_S) * self._speed)


class Armed(msgspec.Struct, frozen=True):
    """Which process dies at which requests to the controller."""

    process: int
    points: tuple[str, ...]


class Deadly:
    """ASGI around the simulated network: keeps every scrape, and kills a bot that asks for an armed operation."""

    def __init__(self, app: ASGIApp, *, clock: SharedClock, folder: Path, tell: Callable[[str], None]) -> None:
        self._app = app
        self._clock = clock
        self._folder = folder
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        asked = (scope.get("method"), scope.get("path"))
        if asked == ("GET", "/metrics"):
            await self._app(scope, receive, self._kept(send))
        elif asked == ("POST", "/api/v1/operations"):
            await self._deadly(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _kept(self, send: Send) -> Send:
        async def keep(message: Message) -> None:
            if message["type"] == "http.response.body":
                line = msgspec.json.encode((self._clock.now(), message["body"].decode()))
                with (self._folder / "scrapes").open("ab") as file:
                    file.write(line + b"\n")
            await send(message)

        return keep

    async def _deadly(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()
        what = f"request {msgspec.json.decode(first['body'])['operation']}"
        self._passed(Point(what, "before"))

        async def again() -> Message:
            return first

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._passed(Point(what, "after"))
            await send(message)

        await self._app(scope, again, answer)

    def _passed(self, point: Point) -> None:
        """The controller has not yet seen the request, or has acted on it and not yet answered."""
        self._tell(f"seen {point}")
        armed = msgspec.json.decode((self._folder / "armed").read_bytes(), type=Armed)
        if str(point) in armed.points:
            self._tell(f"died {point}")
            os.kill(armed.process, signal.SIGKILL)


def serve_network(
    simulation: Simulation, *, clock: SharedClock, listener: socket.socket, folder: Path, tell: Callable[[str], None]
) -> None:
    """Answer on an open socket until this process is killed."""
    app = Deadly(create_app(simulation, clock), clock=clock, folder=folder, tell=tell)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
