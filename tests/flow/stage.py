"""A whole bot in this process, on a real SQLite file and on the simulated network over HTTP, with runbooks made up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bot.app import Bellhop
from bot.clock import FastClock
from bot.flow.desk import Desk
from bot.http import free_port, running
from bot.model.diagnosis import Diagnosis, Finding
from bot.model.event import DiagnosisMade, Entry, Event, IncidentOpened
from bot.model.network import Subject
from bot.model.person import Answer, Person
from bot.settings import Settings
from bot.simulator.scenarios import demo_network, demo_network_path
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry

Body = TypeVar("Body")
SPEED = 60.0
"""Simulated seconds in a real one."""
PATIENCE_S = 30.0
_QUIET_SCRAPES = 60
ALICE = Person(id="cli:alice", name="Alice", roles=("approver",))
BOB = Person(id="cli:bob", name="Bob", roles=("approver",))
CAROL = Person(id="cli:carol", name="Carol", roles=("security",))
DAVE = Person(id="cli:dave", name="Dave", roles=("viewer",))
_AUTO = {"auto": True, "min_confidence": 0.8}


def runbook(name: str, *steps: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A runbook on the incident's subject."""
    inputs = {"place": {"type": "text", "default": "{{ incident.subject.id }}"}}
    return {
        "apiVersion": "bellhop/v1",
        "kind": "Runbook",
        "metadata": {"name": name, "title": f"The runbook {name}"},
        "spec": {"inputs": inputs, "steps": list(steps), **spec},
    }


def throttle(**more: Any) -> dict[str, Any]:
    """A step that holds flows back on the subject, a link."""
    given = {"link": "{{ inputs.place }}", "priority": "best-effort", "rate": 0}
    return {"id": "throttle", "action": "flow.throttle", "with": given, "timeout": "5m", **more}


def release(**more: Any) -> dict[str, Any]:
    """A step that lets them go."""
    given = {"link": "{{ inputs.place }}"}
    return {"id": "release", "action": "flow.unthrottle", "with": given, "timeout": "5m", **more}


ASKED = {"approval": {"required": True, "timeout": "24h"}}


@dataclass
class Stage:
    """The bot, the network, and what happened."""

    bellhop: Bellhop
    simulation: Simulation
    clock: FastClock

    @property
    def acts(self) -> list[str]:
        """The operations that the controller was ever asked for."""
        return [job.request.operation for job in self.simulation.ledger.jobs]

    async def incident(
        self, kind: str, place: str, *, mode: str = "F4", confidence: float = 0.9, runbook: str = "unknown"
    ) -> str:
        """An incident with a diagnosis that somebody made up."""
        subject = Subject(kind=kind, id=place)  # type: ignore[arg-type]
        link = place if kind == "link" else self.bellhop.network.links_of(place)[0].id
        finding = Finding(mode=mode, name=mode, confidence=confidence, subject=subject, evidence=(), runbook=runbook)
        made = Diagnosis(link=link, at=self.clock.now(), verdict="fault", summary="made up", findings=(finding,))
        bodies = (IncidentOpened(title="made up", severity="sev3", subject=subject), DiagnosisMade(diagnosis=made))
        entries = [Entry(at=self.clock.now(), by="bellhop", body=body, key=str(at)) for at, body in enumerate(bodies)]
        return await self.bellhop.store.transact(lambda transaction: transaction.open_incident(entries))

    async def run(self, incident: str, name: str, by: Person = ALICE) -> str:
        """Start a runbook by hand; the run."""
        answer = await self.bellhop.desk.run(incident, by, name)
        assert answer.done, answer.message
        return answer.message.split()[0]

    async def bodies(self, incident: str, kind: type[Body]) -> list[Body]:
        """The events of one kind, in order."""
        return [each.body for each in await self.bellhop.desk.events(incident) if isinstance(each.body, kind)]

    async def happened(
        self, incident: str, kind: type[Body], suits: Callable[[Body], object] = lambda body: True, count: int = 1
    ) -> Body:
        """The latest event of a kind that suits, as soon as there are `count` of them."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = [body for body in await self.bodies(incident, kind) if suits(body)]
            if len(found) >= count:
                return found[-1]
            await self.bellhop.store.wait_for_change(0.2)
        raise AssertionError(_story(await self.bellhop.desk.events(incident)))

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until a condition, plain or async, holds."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"waited in vain: {what}")


def _story(events: Sequence[Event]) -> str:
    return "\n".join(f"{event.seq} {event.by} {event.body}"[:300] for event in events)


@asynccontextmanager
async def staged(
    folder: Path, *runbooks: dict[str, Any], dead: Callable[[Desk], Awaitable[Answer]] | None = None, **blocks: Any
) -> AsyncIterator[Stage]:
    """The bot at work with these runbooks; `blocks` of its configuration.

    In a folder where one ran before it goes on from there; `dead` is what somebody does to its store before it starts.
    """
    books = folder / "books"
    await asyncio.to_thread(_write, books, runbooks)
    clock = FastClock(start=float(int(time.time())), speed=SPEED)
    simulation = Simulation(demo_network(), seed=5, start=clock.now())
    async with running(create_app(simulation, clock), free_port()) as address:
        settings = Settings.model_validate(
            {
                "network": demo_network_path(),
                "store": {"url": f"sqlite:///{folder / 'bellhop.db'}"},
                "telemetry": {"source": "embedded", "exporters": [address], "scrape_interval": "15s"},
                "controller": {"kind": "simulator", "url": address},
                "incidents": {"recovery_timeout": "2m", "recovery_hold": "15s"},
                "postmortems": folder,
                **blocks,
                "runbooks": {"directory": books, **blocks.get("runbooks", {})},
            }
        )
        bellhop = Bellhop(settings, clock)
        try:
            await _warm_up(bellhop, clock)
            if dead is not None:
                await bellhop.open()
                answer = await dead(bellhop.desk)
                assert answer.done, answer.message
            await bellhop.start()
            yield Stage(bellhop, simulation, clock)
        finally:
            await bellhop.close()


async def _warm_up(bellhop: Bellhop, clock: FastClock) -> None:
    """Some minutes of quiet telemetry, at once."""
    assert isinstance(bellhop.telemetry, EmbeddedTelemetry)
    for _ in range(_QUIET_SCRAPES):
        clock.leap(15.0)
        await bellhop.telemetry.scrape_once()


def _write(folder: Path, runbooks: Sequence[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    for each in runbooks:
        (folder / f"{each['metadata']['name']}.yaml").write_text(
            yaml.safe_dump(json.loads(json.dumps(each))), encoding="utf-8"
        )
