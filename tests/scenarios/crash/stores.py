"""The two kinds of store that a story is played on, emptied before each."""

import os
from pathlib import Path
from typing import Any, Protocol

from tests.support.postgres import PASSWORD, Cluster

_PASSWORD = "CRASH_STORE_PASSWORD"


class Database(Protocol):
    """A database under a URL that stays."""

    kind: str
    url: str
    password: str | None

    @property
    def settings(self) -> dict[str, Any]:
        """The block `store` of bellhop.yaml."""
        ...

    def renew(self) -> None:
        """Make it empty; nobody uses it now."""
        ...


class SqliteFile:
    """One file."""

    kind = "sqlite"
    password: str | None = None

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bellhop.db"
        self.url = f"sqlite:///{self._path}"

    @property
    def settings(self) -> dict[str, Any]:
        """The block `store`."""
        return {"url": self.url}

    def renew(self) -> None:
        """Delete it, with what SQLite keeps beside it."""
        for path in self._path.parent.glob(f"{self._path.name}*"):
            path.unlink()


class PostgresDatabase:
    """One database of a cluster."""

    kind = "postgres"
    password: str | None = PASSWORD

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.url = cluster.database()
        self._name = self.url.rpartition("/")[2]
        os.environ[_PASSWORD] = PASSWORD

    @property
    def settings(self) -> dict[str, Any]:
        """The block `store`."""
        return {"url": self.url, "password": {"env": _PASSWORD}}

    def renew(self) -> None:
        """Drop it with all its connections, and create it again."""
        with self._cluster.connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{self._name}"')
