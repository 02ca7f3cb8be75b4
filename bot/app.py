"""The composition root: the one place where objects are built and told of each other."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from starlette.routing import Route

from bot.chat.app import SlackDoor
from bot.clock import Clock, SystemClock
from bot.controllers import build_controller
from bot.diagnosis.rules import load_rules
from bot.errors import StoreUnavailableError
from bot.flow.acts import Acts
from bot.flow.approval import Approvals
from bot.flow.desk import Desk
from bot.flow.durable import PUBLISH_WORKFLOW, RUN_WORKFLOW, DurableClient, DurableWorker, prepare
from bot.flow.guarding import Guarding
from bot.flow.intake import IntakeWorker
from bot.flow.journal import Journal
from bot.flow.ledger import Ledger
from bot.flow.lifespan import Lifespan
from bot.flow.modes import Modes
from bot.flow.observe import Observer
from bot.flow.outage import OutageRecorder
from bot.flow.pausing import Pausing
from bot.flow.propose import Proposer
from bot.flow.publish import Publisher, PublishingAgain
from bot.flow.recovery import Recovery
from bot.flow.requests import Requests
from bot.flow.respond import RESPOND_WORKFLOW, Responder
from bot.flow.retention import Retention
from bot.flow.run import Runner
from bot.flow.shadow import Shadow
from bot.flow.steering import Steering
from bot.flow.surroundings import Surroundings
from bot.flow.switches import Switches
from bot.flow.watchdog import Watchdog
from bot.intake.counters import IntakeCounters
from bot.intake.door import intake_routes
from bot.intake.inbox import Inbox
from bot.intake.reconcile import reconciler
from bot.network_file import load_network
from bot.settings import PersonSettings, Settings
from bot.store import Store
from bot.store.executors import Executor, hold_executor
from bot.telemetry.build import build_telemetry
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.vitals import checks, counters
from bot.web import health_routes, web_routes
from remediation.load import load_library
from remediation.playbooks import load_playbooks

_TAKE_OVER_EVERY_S = 3.0


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
        self.pausing = Pausing(settings.guards.pause_file)
        self.modes = Modes(settings.runbooks)
        self.proposer = Proposer(
            journal=self.journal,
            observer=self.observer,
            library=self.library,
            client=self._client,
            modes=self.modes,
        )
        self.desk = Desk(
            journal=self.journal,
            observer=self.observer,
            proposer=self.proposer,
            publisher=self.publisher,
            client=self._client,
            people=_everybody(settings),
            switches=Switches(
                journal=self.journal,
                client=self._client,
                pausing=self.pausing,
                modes=self.modes,
                library=self.library,
                network=self.network,
            ),
            requests=Requests(journal=self.journal, proposer=self.proposer, network=self.network, rota=settings.rota),
            steering=Steering(
                journal=self.journal,
                client=self._client,
                proposer=self.proposer,
                modes=self.modes,
                people={each.id: each for each in _everybody(settings)},
            ),
            playbooks=load_playbooks(settings.runbooks.directory),
        )
        self.slack = (
            SlackDoor(settings.slack, desk=self.desk, store=self.store, clock=self.clock) if settings.slack else None
        )
        self.retention: Retention | None = None
        """What forgets, once started."""
        self._executor: Executor | None = None
        self._worker: DurableWorker | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._controllers = contextlib.AsyncExitStack()

    async def open(self) -> None:
        """Open the store; raises StoreUnavailableError."""
        await self.store.open()
        if not await self.store.has_workflows():
            await asyncio.to_thread(prepare, self.store.durable_url)

    async def start(self) -> None:
        """Open the store, take up what a killed process left, and go on from there."""
        await self.open()
        executor = self._executor = await hold_executor(self.store)
        outages = OutageRecorder(self.journal)
        worker = self._worker = DurableWorker(self.store.durable_url, executor=executor.name, outages=outages)
        if isinstance(self.telemetry, EmbeddedTelemetry):
            await self.telemetry.recall()
            self.telemetry.start()
        responder, runner, watchdog = self._flow(worker)
        self.run_beside("outages", outages.work())
        again = PublishingAgain(worker=worker, journal=self.journal, publisher=self.publisher)
        await worker.launch(
            {RUN_WORKFLOW: runner.run, RESPOND_WORKFLOW: responder.respond, PUBLISH_WORKFLOW: again.work}
        )
        self.run_beside("take-over", _take_over(worker, executor, watchdog))
        alertmanager = self.settings.intake.alertmanager
        intake = IntakeWorker(
            journal=self.journal,
            network=self.network,
            join_window_s=self.settings.incidents.join_window,
            respond=responder.start,
            publish=self._client.enqueue_publication,
            reconcile=reconciler(alertmanager.api) if alertmanager and alertmanager.api else None,
            counters=self.intake_counters,
        )
        self.run_beside("intake", intake.work())
        kept_s = self.settings.store.retention
        self.retention = Retention(store=self.store, worker=worker, keep_s=kept_s, clock=self.clock)
        self.run_beside("retention", self.retention.work())
        if self.slack is not None:
            await self.slack.start()
            self.run_beside("slack", self.slack.notify())

    def run_beside(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a worker until the bot closes; its failure is the bot's."""
        self._tasks.append(asyncio.create_task(work, name=name))

    def routes(self) -> list[Route]:
        """Every HTTP route of a started bot."""
        settings = self.settings
        vitals = checks(self.journal, self.telemetry, self.clock)
        routes = health_routes(vitals, counters(self.intake_counters, self.store, self.telemetry))
        routes += intake_routes(settings.intake, self.inbox, self.clock, self.intake_counters)
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
        await self._controllers.aclose()
        if self._executor is not None:
            await self._executor.release()
        await self.store.close()

    def _flow(self, worker: DurableWorker) -> tuple[Responder, Runner, Watchdog]:
        controller = build_controller(self.settings, self.clock, self._controllers)
        guarding = Guarding(
            store=self.store,
            observer=self.observer,
            modes=self.modes,
            surroundings=Surroundings(
                journal=self.journal, observer=self.observer, controller=controller, clock=self.clock
            ),
            settings=self.settings.guards,
            pausing=self.pausing,
            ended=worker.finished,
            clock=self.clock,
        )
        recovery = Recovery(
            worker=worker,
            journal=self.journal,
            observer=self.observer,
            publisher=self.publisher,
            guarding=guarding,
            ledger=Ledger(modes=self.modes, settings=self.settings.guards, clock=self.clock),
            settings=self.settings.incidents,
            clock=self.clock,
        )
        acts = Acts(
            journal=self.journal,
            observer=self.observer,
            controller=controller,
            guarding=guarding,
            clock=self.clock,
        )
        lifespan = Lifespan(journal=self.journal, guarding=guarding, client=self._client)
        approvals = Approvals(worker=worker, journal=self.journal, clock=self.clock)
        shadow = Shadow(worker=worker, journal=self.journal, observer=self.observer, guarding=guarding)
        runner = Runner(
            worker=worker,
            lifespan=lifespan,
            acts=acts,
            approvals=approvals,
            recovery=recovery,
            shadow=shadow,
        )
        responder = Responder(worker=worker, journal=self.journal, observer=self.observer, proposer=self.proposer)
        watchdog = Watchdog(worker=worker, journal=self.journal, lifespan=lifespan, responder=responder)
        return responder, runner, watchdog


def _everybody(settings: Settings) -> tuple[PersonSettings, ...]:
    """Those whom web tokens name, and the people of the configuration, which has the last word on an id."""
    tokens = settings.web.tokens if settings.web is not None else ()
    named = (PersonSettings(id=f"web:{each.name}", name=each.name, roles=each.roles) for each in tokens)
    return (*named, *settings.people)


async def _take_over(worker: DurableWorker, executor: Executor, watchdog: Watchdog) -> None:
    """Every few seconds, carry on with what a dead server of the same store left; keeps this one's lock alive."""
    while True:
        with contextlib.suppress(StoreUnavailableError):
            await worker.take_over(executor.dead)
            await watchdog.look()
        await asyncio.sleep(_TAKE_OVER_EVERY_S)
