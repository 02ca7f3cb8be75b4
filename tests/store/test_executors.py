"""Executor ids: held by one living process each, and free at once when it dies."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import RefusedError, StoreUnavailableError
from bot.store import Store
from bot.store.executors import Executor, hold_executor
from tests.support.postgres import Cluster, password_of

HOLDER = """
import asyncio, os, sys
from bot.store import Store
from bot.store.executors import Executor, hold_executor

async def main():
    store = Store(sys.argv[1], os.environ.get("PASSWORD"))
    await store.open()
    executor = await hold_executor(store)
    print(executor.name, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""A server reduced to what matters here; it ends by being killed."""


@pytest.fixture
async def other(url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Another process that holds an executor id on the same database, and that id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        url,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={"PASSWORD": password_of(url) or ""},
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        name = (await process.stdout.readline()).decode().strip()
    yield process, name
    if process.returncode is None:
        process.kill()
        await process.wait()


Other = tuple[asyncio.subprocess.Process, str]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_second_server_on_one_sqlite_file_is_refused_until_the_first_is_gone(
    other: Other, store: Store
) -> None:
    """The error names the process that is in the way; kill -9 is enough to free the way."""
    process, name = other
    with pytest.raises(RefusedError, match=f"process {process.pid}.*keep the store in Postgres"):
        await hold_executor(store)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    executor = await hold_executor(store)
    assert (name, executor.name) == ("bellhop", "bellhop")
    await executor.release()


async def test_an_id_can_be_held_again_after_release(store: Store) -> None:
    """Releasing twice does no harm; the lock is no obstacle to a new start."""
    for _ in range(2):
        executor = await hold_executor(store)
        await executor.release()
        await executor.release()


async def test_another_path_to_the_same_sqlite_file_is_the_same_store(tmp_path: Path) -> None:
    """A symbolic link does not make two servers out of one file."""
    (tmp_path / "link.db").symlink_to(tmp_path / "bellhop.db")
    stores = [Store(f"sqlite:///{tmp_path / name}") for name in ("bellhop.db", "link.db")]
    for store in stores:
        await store.open()
    executor = await hold_executor(stores[0])
    with pytest.raises(RefusedError, match="already works on the store"):
        await hold_executor(stores[1])
    await executor.release()
    for store in stores:
        await store.close()


async def test_an_executor_needs_an_open_store(url: str) -> None:
    """A clear error instead of a lock on nothing."""
    with pytest.raises(StoreUnavailableError, match="not open"):
        await hold_executor(Store(url, password_of(url)))


async def until_dead(ours: Executor, name: str) -> None:
    """Wait until Postgres has ended the session of a process or connection that is gone."""
    async with asyncio.timeout(10):
        while name not in await ours.dead([name]):  # noqa: ASYNC110 - Postgres tells nobody that a session ended
            await asyncio.sleep(0.01)


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_on_postgres_each_server_has_an_id_that_dies_with_it(other: Other, store: Store) -> None:
    """The living are seen as living, also by themselves; of a killed process the id is free at once."""
    process, name = other
    ours, neighbour = await hold_executor(store), await hold_executor(store)
    names = [name, ours.name, neighbour.name, "bellhop"]
    assert len(set(names)) == 4
    assert await ours.dead(names) == ("bellhop",)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await until_dead(ours, name)
    await neighbour.release()
    await until_dead(ours, neighbour.name)
    assert await ours.dead(names) == (name, neighbour.name, "bellhop")
    await ours.release()


@pytest.mark.needs("postgres")
async def test_an_id_is_taken_again_after_postgres_was_away(cluster: Cluster) -> None:
    """Its lock went with the session; asking who is dead brings it back, so that nobody takes over a living server."""
    url = cluster.database()
    store = Store(url, password_of(url))
    await store.open()
    ours, other = await hold_executor(store), await hold_executor(store)
    cluster.stop()
    try:
        for executor in (ours, other):
            with pytest.raises(StoreUnavailableError, match="executor id"):
                await executor.dead(["bellhop"])
    finally:
        cluster.start()
    assert await ours.dead([other.name]) == (other.name,)
    assert await other.dead([ours.name]) == ()
    assert await ours.dead([other.name]) == ()
    await ours.release()
    await other.release()
    await store.close()
