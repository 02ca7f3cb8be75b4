"""What befalls a store from outside: another program's lock, a full disk, a server that crashes and comes back."""

import os
import resource
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import Cluster, program, unprivileged


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program, a backup for one, holds the SQLite file."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def full(process: int, size: int = 1) -> Iterator[None]:
    """No file of a process may grow beyond `size` bytes: what it appends to a file of that size does not fit."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)


class Server:
    """A cluster's server, crashed and started again from whichever process."""

    def __init__(self, cluster: Cluster) -> None:
        with cluster.connect("postgres") as connection:
            self._folder = Path(str(connection.execute("SHOW data_directory").fetchall()[0][0]))
        self._options = shlex.join(shlex.split((self._folder / "postmaster.opts").read_text(encoding="utf-8"))[1:])

    @contextmanager
    def crashed(self) -> Iterator[None]:
        """It dies with every connection, as after a power cut, and then recovers on the same port."""
        self._control("stop", "-m", "immediate")
        try:
            yield
        finally:
            self._control("start", "-o", self._options, "-l", os.devnull)

    def end(self) -> None:
        """End one that was started here."""
        if (self._folder / "postmaster.pid").exists():
            self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        user, group = unprivileged()
        subprocess.run(
            [program("pg_ctl"), "-s", "-w", "-D", self._folder, *words], check=True, timeout=60, user=user, group=group
        )
