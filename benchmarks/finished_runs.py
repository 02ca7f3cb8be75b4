"""Stores for the benchmark of runs: the floor that they stand on, what they weigh, and how they are filled."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.store import Store, Transaction
from tests.support.postgres import PASSWORD, Cluster, running_cluster

COMMITS = 300
"""Of one measurement of the floor."""
Floor = Callable[[], float]
"""What a bare commit takes now, ms."""
FIRST = 1_000_000
"""The number of the first copied incident."""
OWN_ROWS = {
    "bellhop_incidents": "number = 1",
    "bellhop_events": "incident = 1",
    "bellhop_runs": "run = 'INC-1-R1'",
    **dict.fromkeys(
        ("workflow_status", "workflow_input", "workflow_output", "operation_outputs"), "workflow_uuid = 'INC-1-R1'"
    ),
}
"""Table -> which rows are one run's."""


def copy_runs(transaction: Transaction, schema: str, count: int) -> None:
    """Put `count` finished runs into the store: every row of INC-1, its run and its events, under other numbers."""
    connection = transaction.connection
    known, is_postgres = sa.inspect(connection), connection.dialect.name == "postgresql"
    recursive = f"VALUES({FIRST}) UNION ALL SELECT v + 1 FROM numbers WHERE v < {FIRST + count - 1}"
    for table, where in OWN_ROWS.items():
        place = "" if table.startswith("bellhop_") else schema
        columns = [each for each in known.get_columns(table, schema=place.rstrip(".") or None) if each["name"] != "id"]
        names = ", ".join(f'"{each["name"]}"' for each in columns)
        values = ", ".join(copied(each["name"], is_text=isinstance(each["type"], sa.String)) for each in columns)
        own = f"own AS MATERIALIZED (SELECT * FROM {place}{table} WHERE {where})"  # the table grows meanwhile
        connection.exec_driver_sql(
            f"WITH RECURSIVE numbers(v) AS ({recursive}), {own} "
            f"INSERT INTO {place}{table} ({names}) SELECT {values} FROM own, numbers"
        )
    if is_postgres:
        last = "(SELECT max(number) FROM bellhop_incidents)"
        connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('bellhop_incidents', 'number'), {last})")


def copied(name: str, *, is_text: bool) -> str:
    """A column of the new row."""
    if name in ("number", "incident"):
        return "v"
    return f"""replace("{name}", 'INC-1', 'INC-' || v)""" if is_text else f'"{name}"'


def size(store: Store) -> int:
    """Bytes that the store takes, its log written back."""
    with store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
    with sqlite3.connect(str(store.engine.url.database), timeout=30) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, page = (int(file.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
        return pages * page


def floor_sqlite(folder: Path) -> float:
    """One row committed as Bellhop commits, ms, median."""
    with sqlite3.connect(folder / "floor.db", isolation_level=None) as file:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            file.execute(f"PRAGMA {pragma}")
        file.execute("CREATE TABLE IF NOT EXISTS rows (text TEXT)")
        return _timed(lambda: file.execute("INSERT INTO rows VALUES (?)", ("x" * 500,)))


def floor_postgres(cluster: Cluster, database: str) -> float:
    """The same over one connection."""
    with cluster.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS floor_rows (text TEXT)")
        return _timed(lambda: connection.execute("INSERT INTO floor_rows VALUES (%s)", ("x" * 500,)))


def _timed(commit: Callable[[], object]) -> float:
    taken = []
    for _ in range(COMMITS):
        start = time.perf_counter()
        commit()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


@contextmanager
def stores(wanted: Sequence[str]) -> Iterator[dict[str, tuple[dict[str, Any], str, Floor]]]:
    """Kind -> block of bellhop.yaml, DBOS's schema, and what measures the floor."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-runs-")))
        found: dict[str, tuple[dict[str, Any], str, Floor]] = {}
        if "sqlite" in wanted:
            found["sqlite"] = ({"url": f"sqlite:///{folder / 'bellhop.db'}"}, "", partial(floor_sqlite, folder))
        if "postgres" in wanted:
            cluster = stack.enter_context(running_cluster(fsync=True))
            url = cluster.database()
            (folder / "password").write_text(PASSWORD)
            block = {"url": url, "password": {"file": str(folder / "password")}}
            found["postgres"] = (block, "dbos.", partial(floor_postgres, cluster, url.rpartition("/")[2]))
        yield found
