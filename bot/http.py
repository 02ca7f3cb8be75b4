"""The bot's HTTP port: one Starlette application, served by uvicorn beside the workers."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from bot.errors import UsageError

if TYPE_CHECKING:
    from bot.app import Bellhop


def http_app(bellhop: "Bellhop") -> Starlette:
    """All routes of a started bot."""
    return Starlette(routes=bellhop.routes())


async def serve_http(bellhop: "Bellhop", *, announce: Callable[[str], None]) -> None:
    """Start the bot, listen, and go on until told to stop or a worker fails."""
    settings = bellhop.settings.http
    try:
        await bellhop.start()
        server = _server(http_app(bellhop), settings.host, settings.port)
        server.config.load()
        _stop_on_signals(server)
        serving = asyncio.create_task(_announced(server, announce))
        failing = asyncio.create_task(bellhop.failed())
        await asyncio.wait([serving, failing], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        if failing.done():
            failing.result()
        failing.cancel()
    finally:
        await bellhop.close()


@asynccontextmanager
async def running(app: ASGIApp, port: int, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve `app` beside the caller; yields its address once it answers."""
    server = _server(app, host, port)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
                raise UsageError(f"port {port} on {host} cannot be listened on")
            await asyncio.sleep(0.01)
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    return uvicorn.Server(config)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """SIGTERM and Ctrl-C end the serving and then the bot; uvicorn's own handling would end the process first."""
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _announced(server: uvicorn.Server, announce: Callable[[str], None]) -> None:
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers no event for this
        await asyncio.sleep(0.02)
    if server.started:
        announce(f"http://{server.config.host}:{server.config.port}")
    await task
