"""The door over a real store on each database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.store import Store
from tests.intake.door import Door, open_door
from tests.support.postgres import Cluster, password_of, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One Postgres for the whole session."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'bellhop.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store."""
    store = Store(url, password_of(url))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def door(store: Store, tmp_path: Path) -> AsyncIterator[Door]:
    """The running door."""
    async with open_door(store, tmp_path) as door:
        yield door
