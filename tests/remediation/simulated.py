"""A network in trouble and a runbook that deals with it, in simulated time that passes only when nobody is busy."""

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, Literal

import httpx
import numpy as np

from bot.diagnosis.rules import load_rules
from bot.flow.observe import IncidentReadings, Observer
from bot.model.diagnosis import Diagnosis
from bot.settings import TelemetrySettings
from bot.simulator import exporter
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry
from remediation.contract import Json, Ports
from remediation.controllers.simulator import SimulatorController
from remediation.execute import perform
from remediation.machine import Act, Ask, Finish, RunState, Together, Wait, next_instruction, record
from remediation.registry import ACTIONS

START = 1_770_000_000.0
QUIET_S = 2400.0
SCRAPE_S = 15.0
EXPORTER = "http://simulated"
PROMISED = "logical_success_ratio"
_TURNS = 100
"""Turns of the event loop after which everybody waits for time: no part here waits for anything else."""


class SimulatedTime:
    """A clock whose time jumps to the next one that somebody waits for."""

    def __init__(self) -> None:
        self._now = START
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def real_seconds(self, seconds: float) -> float:
        """Nothing here waits on the wall."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has jumped so far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._waiting, (self._now + max(0.0, seconds), self._number, future))
        await future

    async def drive(self, work: Coroutine[Any, Any, Json]) -> Json:
        """Let time pass until `work` is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if not task.done() and self._waiting:
                self._now, _, future = heapq.heappop(self._waiting)
                if not future.done():
                    future.set_result(None)
        return task.result()


class Messages:
    """Keeps what people are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    async def tell(self, channel: Literal["notify", "page", "ticket"], to: str, text: str, *, key: str) -> None:
        """Remember it."""
        del key
        self.told.append((channel, to, text))


class Trouble:
    """The demo network with a scenario's fault, watched by telemetry; `approves` answers every question."""

    def __init__(self, scenario: str, *, seed: int = 7, cause: Literal["policy", "demand"] = "policy") -> None:
        self.scenario = SCENARIOS[scenario]
        self._cause = cause
        self.network = demo_network()
        self.time = SimulatedTime()
        self.simulation = Simulation(self.network, seed=seed, start=START)
        self.telemetry = EmbeddedTelemetry([EXPORTER], clock=self.time)
        self.messages = Messages()
        self.asked: list[Ask] = []
        self.acts: list[Act] = []
        self.observer = Observer(
            telemetry=self.telemetry,
            network=self.network,
            rules=load_rules(None),
            settings=TelemetrySettings(source="embedded", exporters=(EXPORTER,), history=QUIET_S),
            clock=self.time,
        )
        self._scraping: asyncio.Task[None] | None = None
        self.onset = 0.0

    async def begin(self) -> str:
        """Let the network be quiet, inject the fault, and give the link whose objective burns fast first."""
        self._scraping = asyncio.create_task(self._scrape())
        await self.wait(QUIET_S)
        fault = self.scenario
        self.simulation.inject(fault.mode, fault.subject, severity=fault.severity, shape=fault.shape, cause=self._cause)
        self.onset = self.time.now()
        while (link := await self._burning()) is None:
            await self.wait(5.0)
        await self.wait(30.0)
        return link

    async def diagnose(self, link: str) -> Diagnosis:
        """What the shipped rules say."""
        return await self.observer.diagnose(link)

    async def run(self, state: RunState, *, approves: bool = True) -> Finish:
        """Carry a run out to its end."""
        transport = httpx.ASGITransport(create_app(self.simulation, self.time))
        async with httpx.AsyncClient(transport=transport, base_url=EXPORTER) as client:
            readings = IncidentReadings(self.observer, baseline_before=self.onset)
            ports = Ports(SimulatorController(client), readings, self.messages, self.time)
            while not isinstance(instruction := next_instruction(state), Finish):
                result: Json = {}
                if isinstance(instruction, Act):
                    self.acts.append(instruction)
                    result = await self.time.drive(perform(instruction, ports, ACTIONS))
                elif isinstance(instruction, Together):
                    self.acts += instruction.acts
                    result = await self.time.drive(self._together(instruction, ports))
                elif isinstance(instruction, Ask):
                    self.asked.append(instruction)
                    result = {"decision": "approved" if approves else "rejected", "by": ["alice"]}
                elif isinstance(instruction, Wait):
                    await self.wait(instruction.seconds)
                state = record(state, instruction, dict(result))
            return instruction

    async def do(self, act: Act) -> Json:
        """The envelope of one act that is part of no run."""
        transport = httpx.ASGITransport(create_app(self.simulation, self.time))
        async with httpx.AsyncClient(transport=transport, base_url=EXPORTER) as client:
            readings = IncidentReadings(self.observer, baseline_before=self.onset)
            ports = Ports(SimulatorController(client), readings, self.messages, self.time)
            return await self.time.drive(perform(act, ports, ACTIONS))

    async def _together(self, instruction: Together, ports: Ports) -> Json:
        async def do(act: Act) -> Json:
            return {**await perform(act, ports, ACTIONS), "at": self.time.now()}

        return {"acts": await asyncio.gather(*(do(act) for act in instruction.acts))}

    async def success(self) -> dict[str, float]:
        """The promised signal of every link now."""
        signal = (await self.telemetry.latest([PROMISED], at=self.time.now())).signals[PROMISED]
        return dict(zip(signal.subjects, signal.values[:, -1].tolist(), strict=True))

    async def wait(self, seconds: float) -> None:
        """Let simulated seconds pass."""

        async def pause() -> Json:
            await self.time.sleep(seconds)
            return {}

        await self.time.drive(pause())

    async def end(self) -> None:
        """Stop watching."""
        if self._scraping is not None:
            self._scraping.cancel()
            await asyncio.gather(self._scraping, return_exceptions=True)
        await self.telemetry.aclose()

    async def _burning(self) -> str | None:
        """The worst link, once it fails 14.4 times as much as it promises: the page of a 30-day objective."""
        values = {link: value for link, value in (await self.success()).items() if np.isfinite(value)}
        worst = min(values, key=values.__getitem__)
        return worst if 1 - values[worst] >= 14.4 * (1 - self.network.links[worst].slo.logical_success) else None

    async def _scrape(self) -> None:
        while True:
            self.simulation.advance_to(self.time.now())
            self.telemetry.feed(EXPORTER, self.time.now(), exporter.exposition(self.simulation))
            await self.time.sleep(SCRAPE_S)
