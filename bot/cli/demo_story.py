"""The demo's stage: a simulated network, a real bot beside it, a fault, and a terminal that tells the story."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from bot.app import Bellhop
from bot.cli.demo_alert import Burn, alert_body
from bot.cli.story import line
from bot.clock import FastClock
from bot.http import free_port, http_app, running
from bot.model.event import ApprovalAsked, Event
from bot.model.incident import Incident, RunView
from bot.model.person import Person
from bot.settings import Settings
from bot.simulator.scenarios import SCENARIOS, Scenario, demo_network, demo_network_path
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry

_TIME_LIMIT_S = 88.0
_WARM_UP_S = 2400.0
_SCRAPE_S = 15.0
_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    scenario: str
    speed: float
    auto_approve: bool
    web: bool
    seed: int
    output: Path
    runbooks: Path | None = None
    """A folder of runbooks; those that ship where there is none."""
    rules: Path | None = None
    """A folder of rules beside those that ship."""


class Demo:
    """Plays one scenario from a healthy network to a written postmortem."""

    def __init__(self, options: Options, console: Console | None = None) -> None:
        self._options = options
        self._scenario: Scenario = SCENARIOS[options.scenario]
        self._console = console or Console(highlight=False, soft_wrap=False)
        self._clock = FastClock(start=float(int(time.time())) - _WARM_UP_S, speed=options.speed)
        self._token = secrets.token_urlsafe(16)
        self._person = Person(id="cli:you", name="you", roles=("approver", "operator", "security"))
        self._thinking_s = 0.0
        self.injected_at: float | None = None
        """When the fault began, Unix s."""
        self.events: list[Event] = []
        """What happened to the incident, in order."""

    async def play(self) -> bool:
        """Whether the incident ended resolved, within the time limit."""
        async with AsyncExitStack() as stack:
            simulator = await self._simulator(stack)
            bellhop = await self._bellhop(stack, simulator)
            address = await stack.enter_async_context(running(http_app(bellhop), self._port))
            self._say(f"[bold]bot[/bold] listens on {address}")
            if self._options.web:
                self._say(f"[bold]pages[/bold] at {address}/ · sign in with the token [bold]{self._token}[/bold]")
            alert = asyncio.create_task(self._trouble(bellhop, simulator, address))
            stack.callback(alert.cancel)
            resolved = await self._follow(bellhop, alert)
            if self._options.web and self._console.is_terminal:
                await asyncio.to_thread(self._console.input, f"          the pages stay at {address}/ until Enter ")
            return resolved

    async def _simulator(self, stack: AsyncExitStack) -> str:
        network = demo_network()
        simulation = Simulation(network, seed=self._options.seed, start=self._clock.now())
        self._clock.stop()
        address = await stack.enter_async_context(running(create_app(simulation, self._clock), free_port()))
        self._say(
            f"[bold]network[/bold] {network.name}: {len(network.nodes)} nodes, {len(network.links)} links, "
            f"{len(network.flows)} flows, simulated at {self._options.speed:g}× on {address}"
        )
        return address

    async def _bellhop(self, stack: AsyncExitStack, simulator: str) -> Bellhop:
        folder = self._options.output / self._options.scenario
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await asyncio.to_thread(folder.mkdir, parents=True)
        token = folder / ".token"
        token.write_text(self._token, encoding="utf-8")
        token.chmod(0o600)
        self._port = free_port()
        settings = _settings(folder, simulator, self._port, token, options=self._options)
        bellhop = Bellhop(settings, self._clock)
        stack.push_async_callback(bellhop.close)
        await self._warm_up(bellhop, simulator)
        await bellhop.start()
        return bellhop

    async def _warm_up(self, bellhop: Bellhop, simulator: str) -> None:
        """Let simulated minutes pass at once, scraping as usual, so that there is a baseline to compare with."""
        telemetry = bellhop.telemetry
        if not isinstance(telemetry, EmbeddedTelemetry):
            raise TypeError(telemetry)
        with self._console.status("gathering a baseline"):
            for _ in range(int(_WARM_UP_S / _SCRAPE_S)):
                self._clock.leap(_SCRAPE_S)
                await telemetry.scrape_once()
        self._clock.go()
        self._say(f"[bold]telemetry[/bold] scraped {simulator}/metrics: {_WARM_UP_S / 60:.0f} quiet minutes")

    async def _trouble(self, bellhop: Bellhop, simulator: str, address: str) -> None:
        """Inject the fault; when the objective burns, post what Alertmanager would post."""
        scenario = self._scenario
        async with httpx.AsyncClient(timeout=10) as client:
            fault = {"mode": scenario.mode, "subject": scenario.subject, "severity": scenario.severity}
            (
                await client.post(f"{simulator}/api/v1/faults", json={**fault, "shape": scenario.shape})
            ).raise_for_status()
            self.injected_at = self._clock.now()
            self._say(f"[bold red]fault[/bold red] {scenario.mode} on {scenario.subject}: {scenario.story}")
            burn = await self._burning(bellhop)
            self._say(
                f"[red]SLO[/red] {burn.link} fails {burn.failing:.1%} of transfers against a promise of "
                f"{burn.objective:.1%}: burn rate {burn.rate:.0f}"
            )
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            body = alert_body(burn, at=self._clock.now())
            answer = await client.post(f"{address}/alerts/alertmanager", content=body, headers=headers)
            answer.raise_for_status()
            self._say(f"[bold]alert[/bold] posted to {address}/alerts/alertmanager: {answer.status_code}")

    async def _burning(self, bellhop: Bellhop) -> Burn:
        while True:
            window = await bellhop.telemetry.latest(["logical_success_ratio"], at=self._clock.now())
            if burn := Burn.worst(window, bellhop.network):
                return burn
            await self._clock.sleep(_STEP_S)

    async def _follow(self, bellhop: Bellhop, alert: "asyncio.Task[None]") -> bool:
        began = time.monotonic()
        told = 0
        async for incident in self._incidents(bellhop, alert):
            view = await bellhop.desk.incident(incident)
            for event in await bellhop.desk.events(incident, told):
                told = event.seq
                self.events.append(event)
                if (said := line(event)) is not None:
                    self._console.print(said)
                if isinstance(event.body, ApprovalAsked):
                    await self._approve(bellhop, event.body)
            if view.state == "postmortem published":
                return self._end(view.postmortem, time.monotonic() - began)
            if stopped := _stopped(view):
                self._say(f"[bold red]not resolved[/bold red]: {stopped.run} ended {stopped.result}: {stopped.reason}")
                return False
            if time.monotonic() - began - self._thinking_s > _TIME_LIMIT_S:
                self._say(f"[bold red]not resolved[/bold red] within {_TIME_LIMIT_S:.0f} s: {incident} is {view.state}")
                return False
        return False

    async def _incidents(self, bellhop: Bellhop, alert: "asyncio.Task[None]") -> AsyncIterator[str]:
        """The demo's one incident, each time something may have happened to it."""
        while True:
            if alert.done():
                alert.result()
            for view in await bellhop.desk.incidents(open_only=False):
                yield view.id
            await bellhop.store.wait_for_change(0.2)

    async def _approve(self, bellhop: Bellhop, question: ApprovalAsked) -> None:
        """Ask the person at the terminal; simulated time stands still meanwhile."""
        self._clock.stop()
        began = time.monotonic()
        yes = self._options.auto_approve or await asyncio.to_thread(self._ask, question)
        self._thinking_s += time.monotonic() - began
        self._clock.go()
        decide = bellhop.desk.approve if yes else bellhop.desk.reject
        answer = await decide(
            question.run, question.step, self._person, plan_hash=question.plan_hash, key=secrets.token_hex(8)
        )
        if not answer.done:
            self._say(f"[yellow]{answer.message}[/yellow]")

    def _ask(self, question: ApprovalAsked) -> bool:
        prompt = f"          approve [bold]{question.step}[/bold] of {question.run}? [y/N] "
        try:
            return self._console.input(prompt).strip().lower() in ("y", "yes")
        except EOFError:
            self._say("nobody answers at this terminal; use --auto-approve in scripts")
            return False

    def _end(self, postmortem: str, seconds: float) -> bool:
        self._say(f"[bold green]done[/bold green] in {seconds:.0f} s. Read the postmortem: {postmortem}")
        return True

    def _say(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.gmtime(self._clock.now()))
        self._console.print(f"[dim]{stamp}[/dim]  {text}", soft_wrap=True)


def _stopped(view: Incident) -> RunView | None:
    """A run that ended without success: the demo's story is over, people take it from there."""
    return next((run for run in view.runs.values() if run.result not in (None, "succeeded")), None)


def _settings(folder: Path, simulator: str, port: int, token: Path, *, options: Options) -> Settings:
    content: dict[str, Any] = {
        "network": demo_network_path(),
        "store": {"url": f"sqlite:///{folder / 'bellhop.db'}"},
        "http": {"port": port},
        "intake": {"alertmanager": {"bearer_token": {"file": token}}},
        "telemetry": {
            "source": "embedded",
            "exporters": [simulator],
            "scrape_interval": _SCRAPE_S,
            "history": _WARM_UP_S,
        },
        "controller": {"kind": "simulator", "url": simulator},
        "people": [{"id": "cli:you", "name": "you", "roles": ["approver", "operator", "security"]}],
        "postmortems": folder,
        "runbooks": {"directory": options.runbooks, "rules": options.rules},
    }
    if options.web:
        roles = ["operator", "approver"]
        content["web"] = {"tokens": [{"name": "you", "token": {"file": token}, "roles": roles}]}
    return Settings.model_validate(content)
