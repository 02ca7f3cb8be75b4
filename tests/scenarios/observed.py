"""The simulated network under a real Prometheus that has watched it for a while already."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.clock import FastClock
from bot.http import free_port, running
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from tests.support.lab import Lab, configuration, until
from tests.support.prometheus import backfill, running_prometheus

PAST_S = 300.0
"""Real seconds of healthy history: as many as a diagnosis looks at."""
RATE_WINDOW_S = 5.0


@dataclass
class Observed:
    """The lab, and the Prometheus that scrapes it every second."""

    lab: Lab
    prometheus: str
    speed: float

    def configuration(self, folder: Path, **blocks: Any) -> dict[str, Any]:
        """bellhop.yaml for a bot that asks this Prometheus."""
        telemetry = {
            "source": "prometheus",
            "prometheus": {"url": self.prometheus},
            "scrape_interval": "1s",
            "rate_window": f"{RATE_WINDOW_S:g}s",
            "step": "1s",
            "history": f"{PAST_S:g}s",
        }
        return configuration(folder, self.lab, **{"telemetry": telemetry, **blocks})

    async def break_link(self, mode: str, link: str) -> None:
        """Inject a fault, and wait until a rate window is full of it."""
        simulation, seen_s = self.lab.simulation, (RATE_WINDOW_S + 1) * self.speed
        simulation.inject(mode, link, severity=0.7)
        broken = simulation.time
        await until(lambda: simulation.time - broken > seen_s, f"the telemetry shows {mode} on {link}")


@asynccontextmanager
async def observed_lab(folder: Path, *, speed: float, seed: int = 3, **prometheus: Any) -> AsyncIterator[Observed]:
    """Live through the past at once, then go on at `speed` simulated seconds in a real one.

    `prometheus` goes to running_prometheus: rules, alertmanagers.
    """
    past_s = PAST_S * speed
    now = float(int(time.time()))
    simulation = Simulation(demo_network(), seed=seed, start=now - past_s)
    history = openmetrics_history(simulation, start=now - past_s, end=now, step=speed)
    database = backfill("".join(_at_speed(history, end=now, speed=speed)), folder)
    clock = FastClock(start=now, speed=speed)
    clock.leap(speed * (time.time() - now))
    port = free_port()
    async with (
        running(create_app(simulation, clock), port) as address,
        running_prometheus(folder, targets=[f"127.0.0.1:{port}"], database=database, **prometheus) as server,
    ):
        await _scraped(server)
        yield Observed(Lab(simulation, address), server, speed)


async def _scraped(server: str) -> None:
    """A new Prometheus lets seconds pass before its first scrape: wait until a rate window is full of them."""
    query = {"query": f"count_over_time(up[{RATE_WINDOW_S:g}s]) >= {RATE_WINDOW_S:g}"}
    async with httpx.AsyncClient(trust_env=False, base_url=server) as client:

        async def full() -> bool:
            answer = await client.get("/api/v1/query", params=query)
            return bool(answer.json()["data"]["result"])

        await until(full, "Prometheus scrapes the network")


def _at_speed(lines: Iterable[str], *, end: float, speed: float) -> Iterator[str]:
    """OpenMetrics lines with simulated instants as lines with the real instants of a scrape."""
    for line in lines:
        if line.startswith("#"):
            yield line
        else:
            sample, _, instant = line.rstrip("\n").rpartition(" ")
            yield f"{sample} {end - (end - float(instant)) / speed:.3f}\n"
