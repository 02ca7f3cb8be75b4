"""Where a process may die: before and after each commit that writes something, known by what it writes.

Listens to SQLAlchemy's public events, so that Bellhop's own transactions and DBOS's are seen alike.
"""

import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

_WRITES = re.compile(r"\s*(?:WITH\b.*?\b)?(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+([\w.\"]+)", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(r"(check recovery|clock \S+|change:|after pause) ?\d+")
_UNIQUE = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TELLING = ("key", "function_name", "status", "recovery_attempts", "topic", "note", "resource", "result")
_LOOKS_FOR_MESSAGES = "DBOS.recv"
"""The only step of which a run has many with one name outside of loops."""
_WRITTEN, _COMMITTED = "crash written", "crash committed"
Side = Literal["before", "after"]


class Point(NamedTuple):
    """One side of a commit, or of a request to the controller."""

    what: str
    side: Side

    def __str__(self) -> str:
        return f"{self.side} {self.what}"

    @classmethod
    def parse(cls, text: str) -> "Point":
        """The point whose text this is."""
        side, _, what = text.partition(" ")
        return cls(what, "before" if side == "before" else "after")


@dataclass(frozen=True)
class Fate:
    """What becomes of one life."""

    targets: frozenset[Point] = frozenset()
    """It dies at the first of these."""
    at: int | None = None
    """It dies at the point that comes as number so and so."""
    stops: str = ""
    """It stands still, until it is sent SIGCONT, at the first point whose text contains this."""


class Points:
    """Tells each point that this process passes, and ends it without any cleanup where its fate is."""

    def __init__(self, tell: Callable[[str], None], fate: Fate) -> None:
        self._tell = tell
        self._fate = fate
        self._stops = fate.stops
        self._count = 0
        self._turn = threading.Lock()

    def watch(self) -> None:
        """From now on, for every engine of this process."""
        sa.event.listen(Engine, "before_cursor_execute", self._executing)
        sa.event.listen(Engine, "commit", self._committing)
        sa.event.listen(Engine, "rollback", self._forgetting)
        sa.event.listen(Pool, "checkin", self._returned)

    def passed(self, point: Point) -> None:
        """Die here, or go on."""
        with self._turn:
            self._tell(f"seen {point}")
            self._count += 1
            if point in self._fate.targets or self._count == self._fate.at:
                self._tell(f"died {point}")
                os.kill(os.getpid(), signal.SIGKILL)
            if self._stops and self._stops in str(point):
                self._stops = ""
                os.kill(os.getpid(), signal.SIGSTOP)

    def _executing(  # noqa: PLR0917 - SQLAlchemy's signature
        self, connection: sa.Connection, cursor: object, statement: str, parameters: object, context: Any, many: bool
    ) -> None:
        del cursor, parameters, many
        if (written := _WRITES.match(statement)) is not None:
            given = getattr(context, "compiled_parameters", None) or [{}]
            marks: list[str] = connection.info.setdefault(_WRITTEN, [])
            marks.append(_mark(written[2], written[1].split()[0].lower(), given[0]))

    def _committing(self, connection: sa.Connection) -> None:
        if marks := connection.info.pop(_WRITTEN, None):
            what = _named(" + ".join(dict.fromkeys(marks)))
            self.passed(Point(what, "before"))
            connection.info[_COMMITTED] = what

    def _forgetting(self, connection: sa.Connection) -> None:
        connection.info.pop(_WRITTEN, None)

    def _returned(self, connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        """A connection comes back to its pool at once after its commit."""
        del connection
        if what := entry.info.pop(_COMMITTED, None):
            self.passed(Point(what, "after"))


def _mark(table: str, act: str, given: Mapping[str, Any]) -> str:
    name = table.replace('"', "").rpartition(".")[2].removeprefix("bellhop_")
    told = [str(given[each]) for each in _TELLING if given.get(each) not in (None, "")]
    if given.get("function_name") == _LOOKS_FOR_MESSAGES:
        told.append(str(given.get("function_id", "")))
    return " ".join([act, name, *told])


def _named(what: str) -> str:
    """One name for all turns of a loop, and no random identities."""
    return _UNIQUE.sub("*", _COUNTED.sub(r"\1 n", what)).replace("\n", " ")
