"""The routes over a desk in memory, and a clock that stands."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bot.clock import FastClock
from bot.settings import Secret, WebSettings, WebToken
from bot.web import web_routes
from tests.support.desk import MemoryDesk
from tests.support.incident_story import START
from tests.web.visitor import TOKENS, Client


@pytest.fixture
def clock() -> FastClock:
    """A clock that stands at the story's start."""
    clock = FastClock(start=START, speed=1.0)
    clock.stop()
    return clock


@pytest.fixture
async def client(tmp_path: Path, clock: FastClock) -> AsyncIterator[Client]:
    """Builds clients for the routes over a desk; each person's token is `token-of-NAME`."""
    tokens = []
    for name, roles in TOKENS.items():
        (tmp_path / name).write_text(f"token-of-{name}\n")
        tokens.append(WebToken(name=name, token=Secret(file=tmp_path / name), roles=roles))
    made: list[httpx.AsyncClient] = []

    def make(desk: MemoryDesk) -> httpx.AsyncClient:
        app = Starlette(routes=web_routes(WebSettings(tokens=tuple(tokens)), desk, clock))
        made.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bellhop.test"))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()
