"""The store: opened once, written in short transactions, read beside them; knows whether it takes writes."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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
from bot.store.trouble import StoreDownError, TurnedAwayError, refusal_of

T = TypeVar("T")
_TURNS = 5
"""So often a transaction is begun that the server keeps breaking off in favour of others."""


@dataclass(frozen=True)
class Outage:
    """Why the store takes no writes: the whole line, the reason in words for strangers, and what to do."""

    message: str
    why: str
    hint: str
    noticed_after_s: float
    """For so many real seconds the first of those refused had been waiting."""

    def error(self) -> StoreDownError:
        """What those get whom it kept from writing."""
        return StoreDownError(f"{self.message}; nothing was written", why=self.why, hint=self.hint)


class Store:
    """Events and all that hangs on them. On SQLite one thread writes, so that writers never wait for a lock."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self._url = database_url(url, password)
        self._engine: sa.Engine | None = None
        is_sqlite = self._url.get_backend_name() == "sqlite"
        self._writer = ThreadPoolExecutor(1 if is_sqlite else 4, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="store-reader")
        self._waiters: set[asyncio.Future[None]] = set()
        self._delivered = asyncio.Event()
        self._attended = False
        self._noting = threading.Lock()
        self.outage: Outage | None = None
        """What keeps the store from taking writes now, as far as anybody tried."""
        self.outages = 0
        """How many there were in this process."""
        self.commits = 0
        """How many there were in this process."""

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

    def attend(self, *, attended: bool) -> None:
        """Whether somebody sits outages out with `recover`; if so all other writers are refused at once in one."""
        self._attended = attended

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` and commit once; raises StoreUnavailableError, and what `work` raises, with nothing written.

        `work` is run again where the server broke it off for another transaction's sake, as in a deadlock.
        Only where the connection to a server breaks in the commit itself it may have been written all the same.
        """
        self._refuse_in_outage()
        writing = partial(self._write, self.engine, lambda transaction: (work(transaction), transaction.delivered))
        done, delivered = await self._in_thread(self._writer, writing)
        if delivered:
            self._delivered.set()
        return done

    async def recover(self, work: Callable[[Transaction], T]) -> T:
        """Try to end an outage with `work`, so that it stands before everything else; raises StoreUnavailableError."""
        return await self._in_thread(self._writer, partial(self._write, self.engine, work, recovers=True))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a snapshot, beside any writer."""
        return await self._in_thread(self._readers, partial(self._run, self.engine, work, reads=True))

    async def has_workflows(self) -> bool:
        """Whether the workflow engine's tables are in the database."""
        schema = None if self._url.get_backend_name() == "sqlite" else "dbos"
        return await self.read(lambda seen: sa.inspect(seen.connection).has_table("workflow_status", schema=schema))

    async def wait_for_change(self, timeout: float) -> None:  # noqa: ASYNC109 - the fallback for other processes
        """Return after this process's next commit, when an outage begins, or after `timeout` real seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.discard(waiter)

    async def wait_for_delivery(self, timeout: float) -> None:  # noqa: ASYNC109 - the fallback for other processes
        """Return once bodies were put into the inbox since this last returned, or after `timeout` real seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._delivered.wait(), timeout)
        self._delivered.clear()

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Do it in a thread; whoever waits for a change hears of a commit and of an outage."""
        before = (self.commits, self.outage)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            if (self.commits, self.outage) != before:
                self._wake()

    def _write(self, engine: sa.Engine, work: Callable[[Transaction], T], *, recovers: bool = False) -> T:
        if not recovers:
            self._refuse_in_outage()
        done = self._run_in_turn(engine, work)
        with self._noting:
            self.commits += 1
            if recovers or not self._attended:
                self.outage = None
        return done

    def _run_in_turn(self, engine: sa.Engine, work: Callable[[Transaction], T]) -> T:
        for _ in range(_TURNS - 1):
            with suppress(TurnedAwayError):
                return self._run(engine, work)
        return self._run(engine, work)

    def note(self, error: StoreDownError) -> None:
        """Somebody else could not write into the same database; from any thread."""
        self._note(Outage(error.message, error.why, error.hint, 0.0), self.commits)

    def _refuse_in_outage(self) -> None:
        """Nobody but who recovers waits for a store that is known to be down."""
        outage = self.outage
        if self._attended and outage is not None:
            raise outage.error()

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
        began, commits, is_over = time.monotonic(), self.commits, False
        try:
            with self._reported(), engine.connect() as connection, connection.execution_options(**options).begin():
                done = work(Transaction(connection))
                is_over = not reads and connection.dialect.name == "postgresql"
        except StoreDownError as error:
            outage = Outage(error.message, error.why, error.hint, time.monotonic() - began)
            self._note(outage, commits)
            if reads or is_over:
                raise
            raise outage.error() from None
        return done

    def _note(self, outage: Outage, commits: int) -> None:
        """Remember an outage, unless somebody else has written meanwhile: then it was only this one's bad luck."""
        with self._noting:
            if self.outage is None and self.commits == commits:
                self.outage = outage
                self.outages += 1

    def _options(self, *, reads: bool) -> dict[str, Any]:
        if reads and self._url.get_backend_name() == "postgresql":
            return {READS: True, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {READS: reads}

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise refusal_of(self._url, error) from None
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
