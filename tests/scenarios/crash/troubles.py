"""Trouble with the store in the middle of a run, told as a row.

    python -m tests.scenarios.crash.troubles locked|full|restarted POINT

POINT is part of a point's text: what the bot is just about to commit, or has just committed.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process with threads cannot be forked safely

import json
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.scenarios.crash.judge import account, reasons, result
from tests.scenarios.crash.play import Trouble, play
from tests.scenarios.crash.stage import Stage
from tests.scenarios.crash.stores import Database, PostgresDatabase, SqliteFile
from tests.support.postgres import Cluster, running_cluster

RUNBOOK = "f4-entanglement-exhaustion"
SPEED = 120.0
LASTS_S = 2.0
"""Four simulated minutes: the run's own patience is ten."""


@contextmanager
def locked(path: Path, process: int) -> Iterator[None]:
    """Another program, a backup for one, holds the SQLite file."""
    del process
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


@contextmanager
def full(process: int) -> Iterator[None]:
    """Nothing that the bot writes fits any more: its files must not grow."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (1, before[1]))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)


@contextmanager
def restarted(cluster: Cluster, process: int) -> Iterator[None]:
    """Postgres goes away with every connection, and comes back."""
    del process
    cluster.stop()
    yield
    cluster.start()


def main() -> int:
    """Print one JSON object; exit status 1 when a promise was broken."""
    kind, point = sys.argv[1:]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-trouble-")))
        database: Database = SqliteFile(folder)
        begun = {"locked": lambda process: locked(folder / "bellhop.db", process), "full": full}.get(kind)
        if begun is None:
            cluster = stack.enter_context(running_cluster())
            database, begun = PostgresDatabase(cluster), lambda process: restarted(cluster, process)
        played = play(Stage(RUNBOOK, database, folder, SPEED), trouble=Trouble(point, begun, LASTS_S))
    told = {
        "struck": played.struck,
        "violations": [f"{each.kind}: {each.what}" for each in played.violations],
        "result": result(played.left),
        "reasons": reasons(played.left),
        "account": account(played.left),
        "seconds": played.seconds,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if played.violations or not played.struck else 0


if __name__ == "__main__":
    sys.exit(main())
