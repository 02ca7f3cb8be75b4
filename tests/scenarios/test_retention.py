"""What the store forgets after its time, so that it stops growing, and what it never forgets."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import FastClock
from bot.flow.durable import DurableWorker, Json
from bot.flow.journal import Journal
from bot.flow.retention import Retention
from bot.model.event import IncidentOpened, StateChanged
from bot.model.network import Subject
from bot.settings import StoreSettings
from bot.store import GuardRows, Store
from tests.scenarios.stored import until
from tests.support.postgres import Cluster, password_of, running_cluster

DAY_S = 86400.0
KEPT_S = 90 * DAY_S
RUN = "INC-1-R1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Postgres."""
    with running_cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bellhop.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database()


@dataclass
class Kept:
    """A store with a worker on it, and a clock that stands at the present until it leaps."""

    store: Store
    worker: DurableWorker
    clock: FastClock

    @property
    def retention(self) -> Retention:
        """What is under test."""
        return Retention(store=self.store, worker=self.worker, keep_s=KEPT_S, clock=self.clock)

    async def incident(self, *, closed: bool) -> str:
        """An incident with a workflow that answered it and one that ran, both over."""
        journal = Journal(self.store, self.clock)
        opened = IncidentOpened(title="a title", severity="sev2", subject=Subject(kind="link", id="ams-rtm"))
        entries = [journal.entry(opened, key="opened")]
        if closed:
            entries.append(journal.entry(StateChanged(before="triggered", after="resolved"), key="over"))
        incident = await self.store.transact(lambda transaction: transaction.open_incident(entries))
        for workflow in (f"respond:{incident}", f"{incident}-R1"):
            await self.worker.start("run", id=workflow, argument={"some": "state" * 50})
            await until(lambda workflow=workflow: self._over(workflow), within_s=30)  # type: ignore[misc]
        return incident

    async def _over(self, workflow: str) -> bool | None:
        return await self.worker.finished(workflow) or None

    async def rows(self) -> dict[str, int]:
        """How many rows each of DBOS's tables has that hang on a workflow."""
        schema = "dbos" if self.store.engine.dialect.name == "postgresql" else None
        names = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs", "notifications")
        return await self.store.read(
            lambda transaction: {
                name: transaction.connection.execute(
                    sa.select(sa.func.count()).select_from(sa.table(name, schema=schema))
                ).scalar_one()
                for name in names
            }
        )

    async def workflows(self) -> set[str]:
        """The ids that the workflow engine still knows, ended so long ago that all may go."""
        return set(await self.worker.ended(before=self.clock.now(), limit=1000))


@asynccontextmanager
async def kept(url: str) -> AsyncIterator[Kept]:
    """Open, with one workflow of two steps."""
    store = Store(url, password_of(url))
    await store.open()
    worker = DurableWorker(store.durable_url, executor="bellhop")

    async def look() -> Json:
        return {"seen": 1}

    async def workflow(argument: Json) -> Json:
        await worker.step("look", look)
        await worker.receive(0)
        return {"ok": True}

    await worker.launch({"run": workflow})
    try:
        yield Kept(store, worker, FastClock(start=time.time(), speed=1))
    finally:
        await worker.close()
        await store.close()


async def test_old_workflows_of_closed_incidents_go_with_all_their_rows(url: str) -> None:
    """After ninety days nothing of them is left, while every event of the incident is."""
    async with kept(url) as here:
        empty = await here.rows()
        incident = await here.incident(closed=True)
        events = await Journal(here.store, here.clock).events(incident)
        here.clock.leap(KEPT_S - DAY_S)
        assert await here.retention.forget() == 0
        here.clock.leap(2 * DAY_S)
        assert await here.retention.forget() == 2
        assert await here.rows() == empty
        assert await Journal(here.store, here.clock).events(incident) == events


async def test_nothing_of_an_open_incident_is_forgotten_however_old(url: str) -> None:
    """Ten years later its response and its run are still known, so that neither begins anew."""
    async with kept(url) as here:
        closed, open_ = await here.incident(closed=True), await here.incident(closed=False)
        here.clock.leap(3650 * DAY_S)
        assert await here.retention.forget() == 2
        assert await here.workflows() == {f"respond:{open_}", f"{open_}-R1"}
        assert not await here.worker.finished(f"{closed}-R1")


async def test_a_run_that_still_holds_a_lock_is_kept(url: str) -> None:
    """A guard asks whether the holder's workflow is over; forgotten, it would hold its link for ever."""
    async with kept(url) as here:
        await here.incident(closed=True)
        await here.store.transact(
            lambda transaction: GuardRows(transaction).take(["link:ams-rtm"], run=RUN, runbook="f1", at=0.0)
        )
        here.clock.leap(KEPT_S + DAY_S)
        assert await here.retention.forget() == 1
        assert await here.workflows() == {RUN}
        assert await here.worker.finished(RUN)


async def test_growth_is_bounded_when_incidents_come_and_go(url: str) -> None:
    """Of four generations, each a retention apart, the store holds the workflows of one."""
    async with kept(url) as here:
        counts = []
        for _ in range(4):
            await here.incident(closed=True)
            counts.append(await here.rows())
            here.clock.leap(KEPT_S + DAY_S)
            await here.retention.forget()
        assert counts[0] == counts[-1]


async def test_used_nonces_are_forgotten_after_their_time_only(url: str) -> None:
    """A press of a button counts once for ninety days; its signature is good for five minutes."""
    async with kept(url) as here:
        pressed = here.clock.now()

        async def counts_again() -> bool:
            return await here.store.transact(lambda transaction: transaction.use_nonce("press", pressed))

        assert await counts_again()
        here.clock.leap(KEPT_S - DAY_S)
        await here.retention.forget()
        assert not await counts_again()
        here.clock.leap(2 * DAY_S)
        await here.retention.forget()
        assert await counts_again()


def test_ninety_days_unless_the_configuration_says_otherwise() -> None:
    """Written as every other length of time."""
    assert StoreSettings().retention == KEPT_S
    assert StoreSettings.model_validate({"retention": "30d"}).retention == 30 * DAY_S
