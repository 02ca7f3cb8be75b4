"""Who is told of an outage of the store, and how often: through the store's own door, with real faults."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.clock import FastClock
from bot.errors import StoreUnavailableError
from bot.flow.journal import Journal
from bot.flow.outage import OutageRecorder
from bot.model.event import Entry
from bot.model.store_event import StoreWasUnavailable
from bot.store import Store
from tests.support.incident_story import START, bodies
from tests.support.lab import until
from tests.support.postgres import password_of, running_cluster
from tests.support.store_faults import Server, full, locked

FIRST = Entry(at=START, by="bellhop", body=bodies()[0][2], key="opened")
DISK = "the disk or its quota is full, or the disk fails"
SETTLED_S = 4.0
"""Outages that follow each other faster are told together."""


@asynccontextmanager
async def attended(url: str, *, start: float = START + 60.0) -> AsyncIterator[Journal]:
    """A store with a recorder beside it that looks ten times in a second."""
    store = Store(url, password_of(url))
    await store.open()
    journal = Journal(store, FastClock(start=start, speed=1.0))
    recorder = OutageRecorder(journal, probe_every_s=0.1, settled_s=SETTLED_S)
    task = asyncio.create_task(recorder.work())
    try:
        yield journal
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await store.close()


async def incident(journal: Journal) -> str:
    """A new one."""
    return await journal.store.transact(lambda transaction: transaction.open_incident([FIRST]))


async def told(journal: Journal, name: str) -> list[str]:
    """The reasons that stand in an incident's timeline."""
    return [each.body.reason for each in await journal.events(name) if isinstance(each.body, StoreWasUnavailable)]


async def befalls(journal: Journal, file: Path) -> None:
    """The disk is full until that is noticed, though nobody writes."""
    with full(os.getpid(), file.with_name(f"{file.name}-wal").stat().st_size):
        await until(lambda: journal.store.outage is not None, "the outage is noticed")
    await until(lambda: journal.store.outage is None, "the store is back")


async def test_a_full_disk_is_noticed_while_nobody_writes_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at its beginning, one at its end; others who say that they try again are not repeated."""
    file = tmp_path / "bellhop.db"
    async with attended(f"sqlite:///{file}") as journal:
        name = await incident(journal)
        with full(os.getpid(), file.with_name("bellhop.db-wal").stat().st_size):
            await until(lambda: journal.store.outage is not None, "the outage is noticed")
            logging.getLogger("dbos").warning("trying again")
            with pytest.raises(StoreUnavailableError, match="nothing was written"):
                await incident(journal)
        await until(lambda: journal.store.outage is None, "the store is back")
        assert await told(journal, name) == [DISK]
        assert await incident(journal) == "INC-2"
    lines = [record.getMessage() for record in caplog.records]
    assert [("refuses" in line, "again after" in line) for line in lines] == [(True, False), (False, True)]


async def test_outages_in_a_row_are_told_together(tmp_path: Path) -> None:
    """A disk that is full, has a little room and is full again would otherwise fill the timeline, and the log."""
    file = tmp_path / "bellhop.db"
    async with attended(f"sqlite:///{file}") as journal:
        name = await incident(journal)
        for _ in range(3):
            await befalls(journal, file)
        assert await told(journal, name) == [DISK]
        await until(lambda: _count(journal, name, 2), "the others are told", patience_s=5 * SETTLED_S)
        assert await told(journal, name) == [DISK, f"{DISK}, 2 times"]


async def _count(journal: Journal, name: str, expected: int) -> bool:
    return len(await told(journal, name)) == expected


async def test_an_incident_that_slept_for_an_hour_is_told_only_if_something_about_it_was_refused(
    tmp_path: Path,
) -> None:
    """Two incidents of two hours ago, somebody asks for one of them in the outage."""
    file = tmp_path / "bellhop.db"
    async with attended(f"sqlite:///{file}", start=START + 7200.0) as journal:
        sleeping, asked = await incident(journal), await incident(journal)
        with full(os.getpid(), file.with_name("bellhop.db-wal").stat().st_size):
            await until(lambda: journal.store.outage is not None, "the outage is noticed")
            with pytest.raises(StoreUnavailableError):
                await journal.record(asked, FIRST)
        await until(lambda: journal.store.outage is None, "the store is back")
        assert (await told(journal, sleeping), await told(journal, asked)) == ([], [DISK])


@pytest.mark.slow
async def test_nobody_queues_behind_a_lock_that_is_known(tmp_path: Path) -> None:
    """The first waits for ten seconds; ten thousand after it are refused without one such wait each."""
    file = tmp_path / "bellhop.db"
    async with attended(f"sqlite:///{file}") as journal:
        await incident(journal)
        with locked(file):
            await until(lambda: journal.store.outage is not None, "the outage is noticed")
            async with asyncio.timeout(60.0):
                refused = await asyncio.gather(*(incident(journal) for _ in range(10_000)), return_exceptions=True)
        assert {type(each).__name__ for each in refused} == {"StoreDownError"}


@pytest.mark.needs("postgres")
@pytest.mark.slow
async def test_two_servers_on_one_postgres_tell_a_crash_once() -> None:
    """Whoever comes back first."""
    with running_cluster() as cluster, contextlib.ExitStack() as stack:
        server = Server(cluster)
        stack.callback(server.end)
        url = cluster.database()
        async with attended(url) as one, attended(url) as other:
            name = await incident(one)
            with server.crashed():
                for each in (one, other):
                    await until(lambda each=each: each.store.outage is not None, "the crash is noticed")
            for each in (one, other):
                await until(lambda each=each: each.store.outage is None, "the server is back")
            assert len(await told(one, name)) == 1
