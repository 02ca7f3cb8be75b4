"""A real, throw-away Postgres on a free loopback port, under a user without rights when the tests run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.support.prometheus import free_port

START_TIMEOUT_S = 30.0
PASSWORD = "throw-away"
_SETTINGS = ("max_connections=60", "listen_addresses=127.0.0.1", "log_min_messages=fatal")


class Cluster:
    """A cluster that can be stopped and started on the same port; each test makes its own database."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._folder = folder
        self._fsync = f"fsync={'on' if fsync else 'off'}"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def database(self) -> str:
        """The URL of a new, empty database, without its password."""
        name = f"bellhop_{uuid4().hex[:12]}"
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def connect(self, database: str) -> psycopg.Connection:
        """A connection of the test's own, in autocommit."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=database, autocommit=True
        )

    def start(self) -> None:
        """Start, and return once it answers."""
        folder = str(self._folder)
        settings = [word for each in (self._fsync, *_SETTINGS) for word in ("-c", each)]
        arguments = [program("postgres"), "-D", f"{folder}/data", "-p", str(self.port), "-k", folder, *settings]
        user, group = unprivileged()
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, group=group
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"Postgres did not answer on port {self.port}: exit status {self._process.poll()}")

    def stop(self) -> None:
        """End it and every connection; what was committed stays."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(START_TIMEOUT_S)
            self._process = None


@contextmanager
def running_cluster(*, fsync: bool = False) -> Iterator[Cluster]:
    """A fresh cluster, removed at the end; without fsync, since in tests only processes are killed, not machines."""
    with tempfile.TemporaryDirectory(prefix="bellhop-pg-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "password").write_text(PASSWORD)
        user, group = unprivileged()
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, user, -1)
        arguments = ["-D", f"{place}/data", "-U", "postgres", "-E", "UTF8", "--no-sync", f"--pwfile={place}/password"]
        command = [program("initdb"), "-A", "scram-sha-256", "--locale=C", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, user=user, group=group)
        assert done.returncode == 0, done.stderr
        cluster = Cluster(folder, fsync=fsync)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def password_of(url: str) -> str | None:
    """The password for a cluster's URL; None for SQLite's."""
    return PASSWORD if url.startswith("postgresql") else None


def program(name: str) -> str:
    """One of Postgres's programs, the newest version first."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(versions, key=lambda path: float(path.parts[-3]), reverse=True)
    found = str(newest[0]) if newest else shutil.which(name)
    assert found is not None, "mark the test with needs('postgres')"
    return found


def unprivileged() -> tuple[int, int] | tuple[None, None]:
    """User and group for a subprocess where this one is root, which Postgres refuses; None to stay who one is."""
    if os.getuid() != 0:
        return None, None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return entry.pw_uid, entry.pw_gid
