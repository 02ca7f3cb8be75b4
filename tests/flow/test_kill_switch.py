"""Several servers on one Postgres: neither a person at the kill switch nor an act waits for an incident of others."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.model.event import ApprovalAsked, Entry, NoteAdded
from bot.model.step_event import RunEnded
from bot.store import Store, Transaction
from tests.flow.stage import ALICE, ASKED, PATIENCE_S, Stage, runbook, staged, throttle
from tests.support.postgres import PASSWORD, Cluster, running_cluster

pytestmark = pytest.mark.needs("postgres")
MOVE = {
    "id": "move",
    "action": "flow.reroute",
    "with": {"flow": "key-exchange", "route": ["ams-rtm", "rtm-ein"]},
    "timeout": "5m",
}
"""The flow's alternate route in the demo network."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One Postgres for this file."""
    with running_cluster() as cluster:
        yield cluster


@asynccontextmanager
async def on_postgres(cluster: Cluster, folder: Path, *runbooks: dict[str, Any]) -> AsyncIterator[Stage]:
    """The bot with its store in a new database."""
    secret = folder / "password"
    secret.write_text(PASSWORD)
    async with staged(folder, *runbooks, store={"url": cluster.database(), "password": {"file": str(secret)}}) as stage:
        yield stage


@asynccontextmanager
async def held_elsewhere(stage: Stage, incident: str) -> AsyncIterator[None]:
    """While another server writes into the incident and has not committed."""
    store = Store(stage.bellhop.settings.store.url, PASSWORD)
    await store.open()
    holds, let_go = threading.Event(), threading.Event()

    def write(transaction: Transaction) -> None:
        entry = Entry(at=stage.clock.now(), by="bellhop", body=NoteAdded(text="at work"), key="at work")
        transaction.append(incident, [entry])
        holds.set()
        let_go.wait(2 * PATIENCE_S)

    writing = asyncio.create_task(store.transact(write))
    await asyncio.to_thread(holds.wait, PATIENCE_S)
    try:
        yield
    finally:
        let_go.set()
        await writing
        await store.close()


async def test_who_pauses_and_resumes_waits_for_nobody_and_hears_which_runs_are_under_way(
    cluster: Cluster, tmp_path: Path
) -> None:
    """While another server is in the midst of writing into the run's incident."""
    async with on_postgres(cluster, tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        switches = stage.bellhop.desk.switches
        async with held_elsewhere(stage, incident), asyncio.timeout(PATIENCE_S / 2):
            answer = await switches.pause(ALICE, "now")
            assert (answer.done, answer.message) == (True, f"Bellhop is paused: {run} stops before the next act")
            assert (await switches.resume(ALICE)).done


async def test_a_flow_is_moved_while_others_write_into_another_incident(cluster: Cluster, tmp_path: Path) -> None:
    """The guard of its route looks at every open incident, and waits for none."""
    async with on_postgres(cluster, tmp_path, runbook("move", MOVE)) as stage:
        other, incident = await stage.incident("link", "ens-grn"), await stage.incident("link", "ams-utr")
        async with held_elsewhere(stage, other):
            await stage.run(incident, "move")
            assert (await stage.happened(incident, RunEnded)).result == "succeeded"
        assert stage.acts == ["flow.reroute"]
