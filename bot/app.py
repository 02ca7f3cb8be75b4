"""The composition root: the one place where objects are built and told of each other."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import httpx
from starlette.routing import Route

from bot.chat.app import SlackDoor
from bot.clock import Clock, SystemClock
from bot.diagnosis.rules import load_rules
from bot.errors import StoreUnavailableError
from bot.far import open_client
from bot.flow.acts import Acts
from bot.flow.approval import Approvals
from bot.flow.desk import Desk
from bot.flow.durable import RUN_WORKFLOW, DurableClient, DurableWorker
from bot.flow.guarding import Guarding
from bot.flow.intake import IntakeWorker
from bot.flow.journal import Journal
from bot.flow.observe import Observer
from bot.flow.propose import Proposer
from bot.flow.publish import Publisher
from bot.flow.recovery import Recovery
from bot.flow.respond import RESPOND_WORKFLOW, Responder
from bot.flow.run import Runner
from bot.intake.counters import IntakeCounters
from bot.intake.door import alertmanager_routes
from bot.intake.inbox import Inbox
from bot.intake.reconcile import reconciler
from bot.network_file import load_network
from bot.settings import ControllerSettings, Settings
from bot.store import Store
from bot.store.executors import Executor, hold_executor
from bot.telemetry.build import build_telemetry
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.vitals import checks, counters
from bot.web import health_routes, web_routes
from remediation.contract import Controller
from remediation.controllers.simulator import SimulatorController
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.load import load_library

_TAKE_OVER_EVERY_S = 60.0


class Bellhop:
    """A bot on one configuration. `open` reads and answers; `start` also executes."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.network = load_network(settings.network)
        self.rules = load_rules(settings.runbooks.rules)
        self.library = load_library(settings.runbooks.directory)
        password = settings.store.password
        self.store = Store(settings.store.url, password.read() if password else None)
        self._client = DurableClient(self.store.durable_url)
        self.telemetry = build_telemetry(settings.telemetry, self.clock)
        self.journal = Journal(self.store, self.clock)
        self.inbox = Inbox(self.store)
        self.intake_counters = IntakeCounters()
        self.observer = Observer(
            telemetry=self.telemetry,
            network=self.network,
            rules=self.rules,
            settings=settings.telemetry,
            clock=self.clock,
        )
        self.publisher = Publisher(journal=self.journal, network=self.network, folder=settings.postmortems)
        self.proposer = Proposer(
            journal=self.journal,
            observer=self.observer,
            library=self.library,
            client=self._client,
            automatic=settings.runbooks.auto,
        )
        self.desk = Desk(
            journal=self.journal,
            observer=self.observer,
            proposer=self.proposer,
            publisher=self.publisher,
            client=self._client,
            people=settings.people,
        )
        self.slack = (
            SlackDoor(settings.slack, desk=self.desk, store=self.store, clock=self.clock) if settings.slack else None
        )
        self._executor: Executor | None = None
        self._worker: DurableWorker | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._controller_client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Open the store; raises StoreUnavailableError."""
        await self.store.open()

    async def start(self) -> None:
        """Open the store, take up what a killed process left, and go on from there."""
        await self.open()
        executor = self._executor = await hold_executor(self.store)
        worker = self._worker = DurableWorker(self.store.durable_url, executor=executor.name)
        if isinstance(self.telemetry, EmbeddedTelemetry):
            self.telemetry.start()
        responder, runner = self._flow(worker)
        await worker.launch({RUN_WORKFLOW: runner.run, RESPOND_WORKFLOW: responder.respond})
        await responder.resume()
        self.run_beside("take-over", _take_over(worker, executor))
        alertmanager = self.settings.intake.alertmanager
        intake = IntakeWorker(
            journal=self.journal,
            network=self.network,
            join_window_s=self.settings.incidents.join_window,
            respond=responder.start,
            reconcile=reconciler(alertmanager.api) if alertmanager and alertmanager.api else None,
        )
        self.run_beside("intake", intake.work())
        if self.slack is not None:
            await self.slack.start()
            self.run_beside("slack", self.slack.notify())

    def run_beside(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a worker until the bot closes; its failure is the bot's."""
        self._tasks.append(asyncio.create_task(work, name=name))

    def routes(self) -> list[Route]:
        """Every HTTP route of a started bot."""
        settings = self.settings
        routes = health_routes(checks(self.journal, self.telemetry, self.clock), counters(self.intake_counters))
        if settings.intake.alertmanager is not None:
            routes += alertmanager_routes(settings.intake.alertmanager, self.inbox, self.clock, self.intake_counters)
        if self.slack is not None:
            routes += self.slack.routes()
        secure = (settings.http.public_url or "").startswith("https://")
        return routes + web_routes(settings.web, self.desk, self.clock, secure=secure)

    async def failed(self) -> None:
        """Wait until a worker ends, and raise what ended it."""
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def close(self) -> None:
        """Stop; what is under way goes on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.slack is not None:
            await self.slack.close()
        if self._worker is not None:
            await self._worker.close()
        self._client.close()
        await self.telemetry.aclose()
        if self._controller_client is not None:
            await self._controller_client.aclose()
        if self._executor is not None:
            await self._executor.release()
        await self.store.close()

    def _flow(self, worker: DurableWorker) -> tuple[Responder, Runner]:
        recovery = Recovery(
            worker=worker,
            journal=self.journal,
            observer=self.observer,
            publisher=self.publisher,
            settings=self.settings.incidents,
            clock=self.clock,
        )
        guarding = Guarding(journal=self.journal, observer=self.observer, library=self.library, clock=self.clock)
        acts = Acts(
            journal=self.journal,
            observer=self.observer,
            controller=self._controller(),
            guarding=guarding,
            clock=self.clock,
        )
        approvals = Approvals(worker=worker, journal=self.journal, clock=self.clock)
        runner = Runner(worker=worker, acts=acts, approvals=approvals, recovery=recovery)
        responder = Responder(worker=worker, journal=self.journal, observer=self.observer, proposer=self.proposer)
        return responder, runner

    def _controller(self) -> Controller:
        settings: ControllerSettings | None = self.settings.controller
        if settings is None:
            return UnconfiguredController()
        self._controller_client = open_client(settings)
        return SimulatorController(self._controller_client)


async def _take_over(worker: DurableWorker, executor: Executor) -> None:
    """Now and every minute, carry on with what a dead server of the same store left; keeps this one's lock alive."""
    while True:
        with contextlib.suppress(StoreUnavailableError):
            await worker.take_over(executor.dead)
        await asyncio.sleep(_TAKE_OVER_EVERY_S)
