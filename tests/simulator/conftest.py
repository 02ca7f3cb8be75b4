"""A simulated network under a clock that only the test moves, its controller on loopback, and a watcher of /metrics."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from bot.clock import FastClock
from bot.model.telemetry import Window
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.catalogue import CATALOGUE
from bot.telemetry.embedded import EmbeddedTelemetry

START = 1_767_225_600.0
SCRAPE_S = 15.0


@pytest.fixture
def clock() -> FastClock:
    """Stands still until it leaps."""
    clock = FastClock(start=START, speed=1.0)
    clock.stop()
    return clock


@pytest.fixture
def simulation() -> Simulation:
    """The shipped network, seed 1."""
    return Simulation(demo_network(), seed=1, start=START)


@asynccontextmanager
async def served(simulation: Simulation, clock: FastClock, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """The network on a free loopback port, and a client of it."""
    config = uvicorn.Config(create_app(simulation, clock, token), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for this
            await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        yield client
    server.should_exit = True
    await task


@pytest.fixture
async def controller(simulation: Simulation, clock: FastClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the network's HTTP side."""
    async with served(simulation, clock, None) as client:
        yield client


@pytest.fixture
async def guarded(simulation: Simulation, clock: FastClock) -> AsyncIterator[httpx.AsyncClient]:
    """The same, where changes need the token `s3cret`."""
    async with served(simulation, clock, "s3cret") as client:
        yield client


@pytest.fixture
async def watch(controller: httpx.AsyncClient, clock: FastClock) -> AsyncIterator[Callable[[float], Awaitable[Window]]]:
    """Lets seconds pass with a scrape each 15, then gives the latest of every signal; rates over two minutes."""
    source = EmbeddedTelemetry([str(controller.base_url)], clock=clock, rate_window_s=120.0)

    async def pass_by(seconds: float) -> Window:
        until = clock.now() + seconds
        while clock.now() < until:
            clock.leap(SCRAPE_S)
            await source.scrape_once()
        return await source.latest(list(CATALOGUE), at=clock.now())

    yield pass_by
    await source.aclose()


@pytest.fixture
def operate(controller: httpx.AsyncClient, clock: FastClock) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Asks for an operation, lets time pass until its job is over, and gives the job."""

    async def act(operation: str, target: str, **parameters: object) -> dict[str, Any]:
        kind, _, name = target.partition(":")
        content = {"operation": operation, "target": {"kind": kind, "id": name}, "parameters": parameters}
        key = f"{operation}-{target}-{clock.now()}"
        answer = await controller.post("/api/v1/operations", json=content, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        for _ in range(60):
            clock.leap(5)
            job: dict[str, Any] = (await controller.get(f"/api/v1/operations/{key}")).json()
            if job["state"] != "running":
                return job
        raise AssertionError(f"{operation} does not end")

    return act
