"""One life of the bot: a forked process with the world around it, which ends when it is killed or the story is over."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from dbos import DBOS

from bot.app import Bellhop
from bot.model.event import RecoveryVerified
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.step_event import StepStarted
from tests.scenarios.crash.plant import Armed, SharedClock
from tests.scenarios.crash.points import Fate, Points

PERSON = Person(id="cli:tester", name="tester", roles=("approver", "operator", "security"))
ASKER = Person(id="cli:asker", name="asker", roles=("operator",))
"""Somebody else, because who asks for a run may not approve it."""
_LOOK_EVERY_S = 0.02
_GOING = ["PENDING", "ENQUEUED", "DELAYED"]
"""The states of DBOS's workflows that are not over."""


@dataclass(frozen=True)
class Story:
    """What is the same in every life."""

    runbook: str
    subject: str
    """What a person asks about, where the runbook is asked for."""
    alert: bytes
    """Nothing where no alert begins it."""
    network: str
    """Where the simulated network answers."""
    folder: Path


class Life:
    """Starts the bot on its store, delivers the alert, and does what people do, until nothing is left to do."""

    def __init__(self, bellhop: Bellhop, clock: SharedClock, story: Story) -> None:
        self._bellhop = bellhop
        self._clock = clock
        self._subject = story.subject
        self._alert = story.alert
        self._runbook = story.runbook
        self._folder = story.folder
        self._network = story.network

    def live(self, tell: Callable[[str], None], fate: Fate) -> None:
        """From start to the end of the story, unless its fate is another."""
        logging.disable(logging.WARNING)
        armed = Armed(os.getpid(), tuple(map(str, fate.targets)))
        (self._folder / "armed").write_bytes(msgspec.json.encode(armed))
        Points(tell, fate).watch()
        asyncio.run(self._live())

    async def _live(self) -> None:
        await self._bellhop.start()
        turning = asyncio.create_task(self._clock.turn())
        if self._alert:
            await self._bellhop.inbox.put("alertmanager", self._alert, received_at=self._clock.now())
        failing = asyncio.create_task(self._bellhop.failed())
        people = asyncio.create_task(self._people())
        await asyncio.wait([failing, people, turning], return_when=asyncio.FIRST_COMPLETED)
        for task in (failing, people):
            if task.done():
                task.result()
        os._exit(0)

    async def _people(self) -> None:
        while not await self._over():
            await self._ask()
            for view in await self._bellhop.desk.incidents(open_only=False):
                await self._approve(view)
                await self._settle(view)
            await self._bellhop.store.wait_for_change(_LOOK_EVERY_S)

    async def _over(self) -> bool:
        """Whether people see an end, and no workflow has anything left to do."""
        views = await self._bellhop.desk.incidents(open_only=False)
        if not self._asked(views) or not all([await self._told(view) for view in views]):
            return False
        going = await DBOS.list_workflows_async(status=_GOING, load_input=False, load_output=False)
        return not going

    def _asked(self, views: Iterable[Incident]) -> bool:
        return any(run.runbook == self._runbook for view in views for run in view.runs.values())

    async def _told(self, view: Incident) -> bool:
        runs = [run for run in view.runs.values() if run.requested_by or run.runbook == self._runbook]
        if not runs or any(run.ended_at is None for run in runs):
            return False
        events = await self._bellhop.desk.events(view.id)
        return view.state != "monitoring" or any(isinstance(event.body, RecoveryVerified) for event in events)

    async def _ask(self) -> None:
        """A person presses the button of a runbook that no diagnosis starts, until there is a run."""
        desk, views = self._bellhop.desk, await self._bellhop.desk.incidents(open_only=False)
        if self._asked(views):
            return
        match self._runbook:
            case "replenish-link":
                await desk.requests.replenish(self._subject, ASKER, key="once")
            case "reroute-flow":
                await desk.requests.reroute(self._subject, ASKER, key="once")
            case "restore-flow":  # a flow must be away before it can come back
                away = any(run.ended_at for view in views for run in view.runs.values())
                await desk.requests.reroute(self._subject, ASKER, key=f"back {away}", back=away)
            case "unknown":
                for view in views:
                    await desk.run(view.id, ASKER, self._runbook)

    async def _approve(self, view: Incident) -> None:
        for each in view.approvals:
            await self._bellhop.desk.approve(each.run, each.step, PERSON, plan_hash=each.plan_hash, key="once")

    async def _settle(self, view: Incident) -> None:
        """Look at the controller's own record, as a person would."""
        for each in view.outcomes:
            bodies = [event.body for event in await self._bellhop.desk.events(view.id)]
            begun = [body for body in bodies if isinstance(body, StepStarted) and body.run == each.run]
            key = next(body.key for body in begun if (body.step, body.phase) == (each.step, each.phase))
            happened = any(job["key"] == key for job in await self._ledger())
            await self._bellhop.desk.settle(each.run, each.step, PERSON, happened=happened, key=str(each.attempt))

    async def _ledger(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            found: list[dict[str, Any]] = (await client.get(f"{self._network}/api/v1/operations")).json()
            return found
