"""Engines for the two databases: SQLite made durable and patient, Postgres through psycopg."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.errors import StoreUnavailableError
from bot.store.trouble import StoreDownError, trouble_of

READS = "bellhop_reads"
"""The execution option of a connection that only reads."""
_BUSY_S = 10
"""So long a writer waits for another program to let go of a SQLite file; then the store counts as locked."""
_DURABLE_BUSY_S = 30
_CONNECT_S = 5
_DURABLE_CONNECTIONS = 20
_PRIMARY_CODE = 0xFF
_DISK_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_WAL_TRIES, _WAL_PAUSE_S = 100, 0.05
_PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # otherwise INSERT OR REPLACE removes an event past the trigger that forbids it
    f"busy_timeout={_BUSY_S * 1000}",
)


def database_url(url: str, password: str | None) -> URL:
    """The URL with its driver and secret; show it only through `render_as_string(hide_password=True)`."""
    made = make_url(url)
    if made.drivername == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    return made.set(password=password) if password else made


def open_engine(url: URL) -> sa.Engine:
    """An engine; for SQLite the file is made first, readable by its owner only."""
    if url.get_backend_name() != "sqlite":
        patience = {"connect_timeout": _CONNECT_S}
        return sa.create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=8, connect_args=patience)
    path = Path(str(url.database)).absolute()
    _make_file(path)
    inode = _inode(path)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})
    sa.event.listen(engine, "connect", _prepare)

    def begin(connection: sa.Connection) -> None:
        # SQLite would go on writing to a file that was deleted, and lose it all with the last connection.
        if _inode(path) != inode:
            gone = "the database file is gone or was replaced"
            hint = "put it back and start again"
            raise StoreDownError(f"the store {path} is gone or was replaced", why=gone, hint=hint)
        readonly = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "begin", begin)
    return engine


def open_durable_engine(url: str, note: Callable[[StoreDownError], None] | None = None) -> sa.Engine | None:
    """The workflow engine's own connections to a SQLite file; None for Postgres, where its usual ones will do.

    A disk that is full or fails is told to it as a locked database, which it waits for, with a warning each time;
    otherwise it would end the workflow at hand with that error, for good. `note` hears of each refusal.
    """
    made = make_url(url)
    if made.get_backend_name() != "sqlite":
        return None
    patience = {"timeout": _DURABLE_BUSY_S, "check_same_thread": False}
    engine = sa.create_engine(made, pool_size=_DURABLE_CONNECTIONS, max_overflow=0, connect_args=patience)
    sa.event.listen(engine, "connect", _prepare_durable)

    def refused(context: sa.engine.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        down = trouble_of(made, error) if isinstance(error, DBAPIError) else None
        if down is not None and note is not None:
            note(down)
        _wait_for_disk(context)

    sa.event.listen(engine, "handle_error", refused)
    return engine


def _prepare_durable(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _wait_for_disk(context: sa.engine.ExceptionContext) -> None:
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & _PRIMARY_CODE in _DISK_CODES:
        locked = sqlite3.OperationalError(f"database is locked: {error}")
        raise OperationalError(context.statement, None, locked) from error


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailableError(f"the store {path} cannot be opened: {error.strerror}") from None


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own connection
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: Any) -> None:  # noqa: ANN401 - the driver's own connection
    """Turn the write-ahead log on. Of several that do so to a fresh file SQLite turns some away without waiting."""
    for _ in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(_WAL_PAUSE_S)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
