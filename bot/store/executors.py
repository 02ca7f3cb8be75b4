"""Who executes workflows on this store: one server per SQLite file, any number on Postgres, each under its own id."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bot.errors import RefusedError, StoreUnavailableError
from bot.store.store import Store

ONLY_EXECUTOR = "bellhop"
"""On SQLite there is one at a time, so that a restart takes up its own runs."""
_KEEPALIVE = ("tcp_keepalives_idle = 5", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 3")
"""Postgres lets go of the lock about ten seconds after a machine vanished; of a killed process at once."""


class Executor(Protocol):
    """An executor id that nobody else has while it is held."""

    name: str

    async def dead(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that no process holds: their runs can be taken over. Raises StoreUnavailableError."""
        ...

    async def release(self) -> None:
        """Let go; releasing again does nothing."""
        ...


async def hold_executor(store: Store) -> Executor:
    """Take the right to execute on an open store, until released or until this process ends.

    Raises RefusedError when another process serves the same SQLite file, StoreUnavailableError when the
    store does not answer.
    """
    url = store.engine.url
    if url.get_backend_name() == "sqlite":
        return await asyncio.to_thread(_FileExecutor, Path(str(url.database)))
    return await asyncio.to_thread(_SessionExecutor, url)


class _FileExecutor:
    name = ONLY_EXECUTOR

    def __init__(self, database: Path) -> None:
        real = database.resolve()
        self._file: int | None = _locked(real.with_name(f"{real.name}.lock"), real)

    async def dead(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name != self.name)

    async def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locked(lock: Path, database: Path) -> int:
    """The lock file, held and with this process's id in it. It is never removed: that would race."""
    try:
        file = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StoreUnavailableError(f"the lock {lock} cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        holder = os.pread(file, 20, 0).decode("ascii", "replace")
        os.close(file)
        raise RefusedError(
            f"another Bellhop server (process {holder or 'unknown'}) already works on the store {database}",
            hint="stop it first; for several servers keep the store in Postgres",
        ) from None
    except OSError as error:
        os.close(file)
        raise StoreUnavailableError(f"the lock {lock} cannot be taken: {error.strerror}") from None
    return file


class _SessionExecutor:
    def __init__(self, url: sa.URL) -> None:
        self.name = f"{ONLY_EXECUTOR}-{uuid4().hex}"
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        self._using = asyncio.Lock()
        self._session: sa.Connection | None = None
        self._asked(())

    async def dead(self, names: Iterable[str]) -> tuple[str, ...]:
        async with self._using:
            return await asyncio.to_thread(self._asked, tuple(names))

    async def release(self) -> None:
        async with self._using:
            await asyncio.to_thread(self._let_go)

    def _asked(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Which of `names` are free; a session that was lost, its lock with it, is begun anew."""
        try:
            session = self._session = self._session or self._begun()
            # A session may take its own lock once more, so its own name must not be asked for.
            return tuple(name for name in names if name != self.name and _free(session, name))
        except DBAPIError as error:
            self._let_go()
            raise _unavailable(error) from None

    def _begun(self) -> sa.Connection:
        session = self._engine.connect()
        for setting in _KEEPALIVE:
            session.exec_driver_sql(f"SET {setting}")
        if not _call(session, "pg_try_advisory_lock", self.name):
            session.close()
            raise StoreUnavailableError("another server looks at this server's executor id just now; try again")
        return session

    def _let_go(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _free(session: sa.Connection, name: str) -> bool:
    return _call(session, "pg_try_advisory_lock", name) and _call(session, "pg_advisory_unlock", name)


def _call(session: sa.Connection, function: str, name: str) -> bool:
    query = sa.select(getattr(sa.func, function)(sa.cast(_key(name), sa.BigInteger)))
    return bool(session.execute(query).scalar())


def _key(name: str) -> int:
    """The 64-bit number that Postgres knows an executor's lock by."""
    digest = hashlib.sha256(b"bellhop executor\0" + name.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _unavailable(error: DBAPIError) -> StoreUnavailableError:
    reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
    return StoreUnavailableError(f"the store does not keep this server's executor id: {reason}")
