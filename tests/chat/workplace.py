"""A bot's chat side put together on a real store and a Slack that behaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.chat.client import SlackClient
from bot.chat.notifier import Notifier
from bot.model.diagnosis import Diagnosis
from bot.model.event import Entry, EventBody
from bot.model.maintenance import Maintenance
from bot.model.person import Answer, Person
from bot.model.runbook import PlaybookInfo, RunbookInfo, RunbookStep
from bot.settings import SlackSettings
from bot.store import Store
from tests.support.desk import MemoryDesk
from tests.support.incident_story import LINK, START, bodies, diagnosis
from tests.support.slack.workspace import Workspace

ROLES = {"slack:U2": ("approver", "operator")}
"""Everybody else has none."""


class Requests:
    """Remembers what was asked for."""

    def __init__(self, asked: list[tuple[str, ...]]) -> None:
        self._asked = asked

    def on_call(self) -> str:
        """One."""
        return "ada is on call"

    async def maintain(self, name: str, seconds: float, by: Person, reason: str) -> Answer:
        """Remembers it."""
        self._asked.append(("maintain", name, f"{seconds:g}", by.id, reason))
        return Answer(done=True, message="under maintenance")

    async def end_maintenance(self, name: str, by: Person) -> Answer:
        """Remembers it."""
        self._asked.append(("end maintenance", name, by.id))
        return Answer(done=True, message="is back")

    async def maintenance(self) -> tuple[Maintenance, ...]:
        """One."""
        return (Maintenance(subject=LINK, starts_at=START, ends_at=START + 60, reason="<lasers>", by="ada"),)

    async def replenish(self, link: str, by: Person, *, key: str) -> Answer:
        """Remembers it."""
        self._asked.append(("replenish", link, by.id))
        return Answer(done=True, message="starts")

    async def reroute(self, flow: str, by: Person, *, key: str, back: bool = False) -> Answer:
        """Remembers it."""
        self._asked.append(("reroute back" if back else "reroute", flow, by.id))
        return Answer(done=True, message="starts")


class ChatDesk(MemoryDesk):
    """The desk of the web tests, with what only chat asks for."""

    @property
    def requests(self) -> "Requests":
        """What it remembers of requests."""
        return Requests(self.asked)

    async def person(self, id: str) -> Person:  # noqa: A002
        """Known people have roles."""
        return Person(id=id, name=id, roles=ROLES.get(id, ()))

    async def runbooks(self) -> tuple[RunbookInfo, ...]:
        """One."""
        step = RunbookStep(
            id="realign", title="Realign the link", action="link.realign", risk="reversible", asks="1 × approver"
        )
        return (RunbookInfo(name="f1-excess-loss", title="Realign a lossy link", handles=("F1",), steps=(step,)),)

    async def playbooks(self) -> tuple[PlaybookInfo, ...]:
        """One."""
        return (PlaybookInfo(name="flood", title="Flood"),)

    async def diagnose(self, link: str) -> Diagnosis:
        """The story's, whatever the link."""
        self.asked.append(("diagnose", link))
        return diagnosis()

    async def escalate(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """Remembers it."""
        return await self._did(id, "escalate", by.id, why)

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Remembers it."""
        self.asked.append(("abort", run, by.id, why))
        return Answer(done=True, message="stops")

    async def settle(self, run: str, step: str, by: Person, *, happened: bool, key: str) -> Answer:
        """Remembers it."""
        del key
        self.asked.append(("settle", run, step, by.id, str(happened)))
        return Answer(done=True, message="settled")


def slack_settings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, channel: str, mode: str = "socket") -> SlackSettings:  # fmt: skip  # noqa: E501
    """Settings whose secrets stand in the environment, as in production."""
    for name in ("bot_token", "app_token", "signing_secret"):
        monkeypatch.setenv(f"TEST_{name.upper()}", getattr(workspace, name))
    secrets = {name: {"env": f"TEST_{name.upper()}"} for name in ("bot_token", "app_token", "signing_secret")}
    return SlackSettings.model_validate(
        {"mode": mode, "channel": channel, "api_url": workspace.base_url.rstrip("/"), **secrets}
    )


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[Store]:
    """A SQLite file in `folder`."""
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def entries(told: Sequence[tuple[float, str, EventBody]], first: int = 1) -> list[Entry]:
    """The story as entries."""
    return [
        Entry(at=START + at, by=by, body=body, key=str(place)) for place, (at, by, body) in enumerate(told, start=first)
    ]


async def open_incident(store: Store, count: int) -> str:
    """An incident with the story's first `count` events."""
    return await store.transact(lambda transaction: transaction.open_incident(entries(bodies()[:count])))


async def go_on(store: Store, incident: str, start: int, stop: int | None = None) -> None:
    """The story's events behind the first `start`."""
    more = entries(bodies()[start:stop], start + 1)
    await store.transact(lambda transaction: transaction.append(incident, more))


def notifier(store: Store, settings: SlackSettings) -> Notifier:
    """One that does not wait between calls."""
    client = SlackClient(settings, pace=0.0, timeout=5)
    return Notifier(
        store=store, client=client, channel=settings.channel, recheck=0.05, first_wait=0.01, longest_wait=0.05
    )


@asynccontextmanager
async def working(teller: Notifier) -> AsyncIterator[None]:
    """The notifier beside the test; stopped at the end as a closing bot stops it."""
    task = asyncio.create_task(teller.work())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
