"""Opening a store: fresh, again, by several at once, and what stands in the way."""

import asyncio
import shutil
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import StoreUnavailableError
from bot.model.event import Entry
from bot.store import Store
from tests.support.incident_story import START, bodies
from tests.support.postgres import Cluster, password_of

FIRST = Entry(at=START, by="bellhop", body=bodies()[0][2], key="opened")


async def test_several_may_open_a_fresh_store_at_once_and_later_again(url: str) -> None:
    """One makes the schema, the others find it; what was written is there after closing."""
    stores = [Store(url, password_of(url)) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    incident = await stores[0].transact(lambda transaction: transaction.open_incident([FIRST]))
    for store in stores:
        await store.close()
    again = Store(url, password_of(url))
    await again.open()
    assert await again.read(lambda transaction: transaction.incident_ids()) == (incident,)
    await again.close()


async def test_a_schema_from_a_later_version_is_left_alone(store: Store, url: str) -> None:
    """An older program must not write into what it does not know."""
    await store.transact(
        lambda transaction: (
            transaction.connection.execute(sa.text("UPDATE bellhop_schema SET version_num = '9999'")).rowcount
        )
    )
    older = Store(url, password_of(url))
    with pytest.raises(StoreUnavailableError, match=r"schema 9999.*newer version"):
        await older.open()
    await older.close()


async def test_a_sqlite_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Alerts and plans are nobody else's business; missing folders are made."""
    file = tmp_path / "a" / "b" / "bellhop.db"
    store = Store(f"sqlite:///{file}")
    await store.open()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await store.close()


async def test_what_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    """A text file, and a folder."""
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at " * 40)
    for name in ("notes.txt", "."):
        store = Store(f"sqlite:///{tmp_path / name}")
        with pytest.raises(StoreUnavailableError) as caught:
            await store.open()
        assert "\n" not in str(caught.value)
        await store.close()


async def test_a_deleted_sqlite_file_is_noticed_before_anything_is_lost_in_it(tmp_path: Path) -> None:
    """SQLite alone would go on writing into the deleted file; one put in its place is not ours either."""
    folder = tmp_path / "data"
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    await store.transact(lambda transaction: transaction.open_incident([FIRST]))
    shutil.rmtree(folder)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="gone or was replaced"):
            await store.transact(lambda transaction: transaction.open_incident([FIRST]))
        folder.mkdir(exist_ok=True)
        (folder / "bellhop.db").touch()
    await store.close()


@pytest.mark.needs("postgres")
async def test_a_wrong_password_is_told_without_showing_it(cluster: Cluster) -> None:
    """The one line names the place, never the secret."""
    store = Store(cluster.database(), "hunter2-wrong")
    with pytest.raises(StoreUnavailableError, match="password authentication failed") as caught:
        await store.open()
    assert "hunter2" not in str(caught.value)
    await store.close()


@pytest.mark.needs("postgres")
async def test_a_postgres_that_comes_back_is_used_again(cluster: Cluster) -> None:
    """While it is away every call fails clearly; afterwards nothing needs a restart."""
    url = cluster.database()
    store = Store(url, password_of(url))
    await store.open()
    cluster.stop()
    try:
        with pytest.raises(StoreUnavailableError, match="refuses"):
            await store.transact(lambda transaction: transaction.open_incident([FIRST]))
    finally:
        cluster.start()
    assert await store.transact(lambda transaction: transaction.open_incident([FIRST])) == "INC-1"
    await store.close()
