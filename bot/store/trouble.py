"""Why a database refuses, in words, and what to do about it; told apart from faults of a single statement."""

import os
import shutil
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bot.errors import StoreUnavailableError

LOCKS = Path("/proc/locks")
"""Linux's list of who locks which part of which file."""
_PRIMARY_CODE = 0xFF
_WRITE_LOCK = "120"
"""The byte of a SQLite file's `-shm` that whoever writes has locked."""
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_SHUT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SPACE = ("53100", "the disk of the database server is full", "free space there")
_SERVER = (
    _SPACE,
    ("53", "the database server has no room for more", "look at its connections and memory"),
    ("57014", "", ""),
    ("57", "the database server shuts down or starts", "look whether it comes up again"),
    ("08", "the connection to the database server broke", "look whether it runs and can be reached"),
    ("25006", "the database server only lets itself be read", "point store.url at the one that takes writes"),
    ("28", "the database server does not let Bellhop in", "look at user and password in the configuration"),
    ("3D", "the database is not there", "restore it, or look at store.url"),
    ("58", "the disk of the database server fails", "look at its log"),
)
"""How an SQLSTATE begins, what that means, and what to do; the first that fits."""
_UNFIT = ("22", "54")
"""How the SQLSTATE of values begins that do not fit their type, or go past a limit of the server."""

_TURNED_AWAY = ("40001", "40P01")
"""SQLSTATEs of a transaction that was broken off in favour of another one: serialization failure, deadlock."""


class StoreDownError(StoreUnavailableError):
    """The store as a whole takes no writes; `why` says so without naming places, for strangers."""

    def __init__(self, message: str, *, why: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.why = why


class UnfitDataError(StoreUnavailableError):
    """The store is well and will never take these values; trying again does not help."""


class TurnedAwayError(StoreUnavailableError):
    """The store is well and let another transaction go first; the same one again may pass."""


def place_of(url: sa.URL) -> str:
    """The URL without anything secret."""
    return url.set(query={}).render_as_string(hide_password=True)


def trouble_of(url: sa.URL, error: DBAPIError) -> StoreDownError | None:
    """What is wrong with the store; None when it is well and the statement was not."""
    found = _of_sqlite(url, error.orig) if url.get_backend_name() == "sqlite" else _of_server(url, error)
    if found is None:
        return None
    why, hint = found
    return StoreDownError(f"the store {place_of(url)} refuses: {first_line(error)}", why=why, hint=hint)


def refusal_of(url: sa.URL, error: DBAPIError) -> StoreUnavailableError:
    """What a refused statement raises: an outage, a lost turn, values that are never taken, or nothing of these."""
    trouble = trouble_of(url, error)
    if trouble is not None:
        return trouble
    unfit = isinstance(error, sa.exc.DataError) or _state(error).startswith(_UNFIT)
    turned_away = TurnedAwayError if _state(error) in _TURNED_AWAY else StoreUnavailableError
    kind = UnfitDataError if unfit else turned_away
    return kind(f"the store {place_of(url)} refuses: {first_line(error)}")


def first_line(error: DBAPIError) -> str:
    """What the database says, without the statement."""
    told = str(error.orig).strip().splitlines() if error.orig else []
    return told[0] if told else type(error).__name__


def _of_sqlite(url: sa.URL, error: object) -> tuple[str, str] | None:
    code = getattr(error, "sqlite_errorcode", None)
    path = Path(str(url.database)).absolute()
    match None if code is None else code & _PRIMARY_CODE:
        case held if held in _LOCKED:
            return "another program keeps the database locked", _who_holds(path)
        case disk if disk in _DISK:
            return (
                "the disk or its quota is full, or the disk fails",
                f"free space for {path}, or raise its quota{_left(path)}",
            )
        case shut if shut in _SHUT:
            return "the database file cannot be written", f"make {path} and its folder writable for Bellhop"
        case broken if broken in _BROKEN:
            return "the database file is damaged", f"stop Bellhop and put a backup in the place of {path}"
        case _:
            return None


def _of_server(url: sa.URL, error: DBAPIError) -> tuple[str, str] | None:
    where = f"{url.host or 'the local socket'}:{url.port or 5432}"
    state = _state(error)
    if not state:
        lost = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        gone = "the database server does not answer"
        return (gone, f"look whether the server at {where} runs and can be reached") if lost else None
    known = next(((why, hint) for begins, why, hint in _SERVER if state.startswith(begins)), ("", ""))
    return (known[0], f"{known[1]} (the server is {where})") if known[0] else None


def _state(error: DBAPIError) -> str:
    """The SQLSTATE; '' where the server gave none."""
    return getattr(error.orig, "sqlstate", None) or ""


def _left(path: Path) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return ""
    return f"; its disk has {free / 1e6:.0f} MB left"


def _who_holds(path: Path) -> str:
    """Which other processes hold the lock, as far as this machine tells."""
    names = [f"{pid} ({_name(pid)})" for pid in holders(path)]
    if names:
        return f"it is held by process {', '.join(names)}: let that finish, or end it"
    return f"find who holds it with `fuser {path}`, and let that finish or end it"


def holders(path: Path) -> tuple[int, ...]:
    """The other processes that lock a SQLite file against writers; none where the system does not say."""
    try:
        lines = LOCKS.read_text(encoding="ascii").splitlines()
        shared = (path.parent / f"{path.name}-shm").stat().st_ino
    except (OSError, UnicodeDecodeError):
        return ()
    found = (line.split() for line in lines)
    pids = {
        int(words[4])
        for words in found
        if len(words) == 8 and words[3:4] == ["WRITE"] and words[5].endswith(f":{shared}") and words[6] == _WRITE_LOCK
    }
    return tuple(sorted(pids - {0, os.getpid()}))


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "?"
