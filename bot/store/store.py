"""The store: opened once, written in short transactions, read beside them."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import StoreUnavailableError
from bot.store.engine import READS, database_url, open_engine
from bot.store.tables import SCHEMA_TURN, VERSION_TABLE
from bot.store.transaction import Transaction

T = TypeVar("T")


class Store:
    """Events and all that hangs on them. On SQLite one thread writes, so that writers never wait for a lock."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self._url = database_url(url, password)
        self._engine: sa.Engine | None = None
        is_sqlite = self._url.get_backend_name() == "sqlite"
        self._writer = ThreadPoolExecutor(1 if is_sqlite else 4, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="store-reader")
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine; raises StoreUnavailableError before `open`."""
        if self._engine is None:
            raise StoreUnavailableError("the store is not open")
        return self._engine

    @property
    def durable_url(self) -> str:
        """The same database for the workflow engine, its secret included: never show it."""
        return self._url.render_as_string(hide_password=False)

    async def open(self) -> None:
        """Connect and bring the schema up to date; raises StoreUnavailableError."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._open)

    async def close(self) -> None:
        """Let go of every connection."""
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` and commit once; raises StoreUnavailableError, and what `work` raises, with nothing written."""
        done = await asyncio.get_running_loop().run_in_executor(self._writer, self._run, self.engine, work)
        self._wake()
        return done

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot, beside any writer."""
        reading = partial(self._run, self.engine, work, reads=True)
        return await asyncio.get_running_loop().run_in_executor(self._readers, reading)

    async def wait_for_change(self, timeout: float) -> None:  # noqa: ASYNC109 - the fallback for other processes
        """Return after this process's next commit, or after `timeout` real seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _open(self) -> None:
        if self._engine is not None:
            return
        engine = open_engine(self._url)
        try:
            with self._reported(), engine.begin() as connection:
                _migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def _run(self, engine: sa.Engine, work: Callable[[Transaction], T], *, reads: bool = False) -> T:
        options = self._options(reads=reads)
        with self._reported(), engine.connect() as connection, connection.execution_options(**options).begin():
            return work(Transaction(connection))

    def _options(self, *, reads: bool) -> dict[str, Any]:
        if reads and self._url.get_backend_name() == "postgresql":
            return {READS: True, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {READS: reads}

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            place = self._url.render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
            raise StoreUnavailableError(f"the store {place} refuses: {reason}") from None
        except SQLAlchemyError as error:
            raise StoreUnavailableError(f"the store fails: {type(error).__name__}") from None


def _migrate(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_TURN)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    if current is not None and current not in known:
        raise StoreUnavailableError(
            f"the store has schema {current}, which this version of Bellhop does not know",
            hint="start the newer version that wrote it",
        )
    command.upgrade(config, "head")
