"""A store on each database: a SQLite file, and a new database of a real Postgres."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.store import Store
from tests.support.postgres import Cluster, password_of, running_cluster

BACKENDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres")))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One Postgres for the whole session."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bellhop.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """An open store on it."""
    store = Store(url, password_of(url))
    await store.open()
    yield store
    await store.close()
