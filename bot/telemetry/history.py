"""The rings of embedded telemetry on disk, so that a restart does not forget what is usual.

One file: arrays as numpy writes them, never pickled objects, and names as JSON. It appears whole or not at all (a
file beside it, flushed to the disk, then renamed). What cannot be read is kept aside under another name.
"""

import contextlib
import logging
import os
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from bot.telemetry.exposition import Labels
from bot.telemetry.ring import Table

FORMAT: Final = "bellhop telemetry history 1"
MAX_BYTES: Final = 1 << 30
"""Unpacked; a file that says it holds more is not one of ours."""

_LOG = logging.getLogger(__name__)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    msgspec.MsgspecError,
    ValueError,
    KeyError,
    EOFError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
)


class _Head(msgspec.Struct, frozen=True):
    """What stands where: the exporters, by place, and the series of each, in the order of the rows."""

    format: str
    exporters: tuple[str, ...]
    series: tuple[tuple[tuple[str, Labels], ...], ...]


class HistoryFile:
    """Where the tables of exporters are kept between two runs of the server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        """Why the last write failed; empty while all is well."""
        self._one_at_a_time = threading.Lock()

    def write(self, tables: Mapping[str, Table]) -> None:
        """Replace the file by these tables (exporter -> table); what fails is logged once and kept in `trouble`."""
        with self._one_at_a_time:
            self._replace(tables)

    def _replace(self, tables: Mapping[str, Table]) -> None:
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _write(beside, tables)
            beside.replace(self.path)
            _flush_folder(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            self._failed(error)
        else:
            if self.trouble:
                _LOG.info("the telemetry history %s is written again", self.path)
            self.trouble = ""

    def read(self, exporters: frozenset[str], *, now: float, keep_s: float) -> Mapping[str, Table]:
        """Tables of the `exporters` of this configuration, not older than `keep_s` at `now` (Unix seconds).

        Empty without a file or with one that is too old. Raises ValueError for one that is not ours, in one line.
        """
        try:
            tables = _read(self.path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            _LOG.warning("the telemetry history %s cannot be read: %s", self.path, error.strerror)
            return {}
        except _UNREADABLE as error:
            raise ValueError(f"it is damaged or no telemetry history ({type(error).__name__})") from None
        ours = {url: table for url, table in tables.items() if url in exporters}
        if tables and not ours:
            raise ValueError(f"it is of other exporters: {', '.join(sorted(tables)[:4])}")
        if any(table.times[-1] > now * 1000 + 1 for table in ours.values() if table.times.size):
            raise ValueError("it is from the future: was the clock set back?")
        return {
            url: table for url, table in ours.items() if table.times.size and table.times[-1] > (now - keep_s) * 1000
        }

    def check(self) -> str:
        """Why a file could not be written where this one is to be, found by trying; empty where it can."""
        folder = next(each for each in self.path.absolute().parents if each.exists())
        try:
            with tempfile.TemporaryFile(dir=folder):
                return ""
        except OSError as error:
            return f"{self.path} cannot be written: {error.strerror or error}"

    def tidy(self) -> None:
        """Delete what writes that were killed half-way left."""
        with contextlib.suppress(OSError):
            for left in self.path.parent.glob(f"{self.path.name}.*.tmp"):
                left.unlink(missing_ok=True)

    def keep_aside(self, why: ValueError) -> None:
        """Move a file that cannot be used out of the way, and say so in one line."""
        aside = self.path.with_name(f"{self.path.name}.unusable")
        try:
            self.path.replace(aside)
        except OSError as error:
            where = f"it cannot be kept aside either ({error.strerror})"
        else:
            where = f"kept as {aside.name}"
        _LOG.warning("the telemetry history %s is not used: %s; %s; starting without history", self.path, why, where)

    def _failed(self, error: OSError) -> None:
        why = f"{self.path} cannot be written: {error.strerror or error}"
        if not self.trouble:
            _LOG.error("the telemetry history %s; a restart now would forget what is usual", why)
        self.trouble = why


def _write(place: Path, tables: Mapping[str, Table]) -> None:
    head = _Head(FORMAT, tuple(tables), tuple(table.keys for table in tables.values()))
    arrays: dict[str, Any] = {"head": np.frombuffer(msgspec.json.encode(head), dtype=np.uint8)}
    for number, table in enumerate(tables.values()):
        arrays |= {f"times{number}": table.times, f"values{number}": table.values, f"marks{number}": table.marks}
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Table]:
    with path.open("rb") as file:
        with zipfile.ZipFile(file) as packed:
            if sum(each.file_size for each in packed.infolist()) > MAX_BYTES:
                raise ValueError("too large")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            head = msgspec.json.decode(arrays["head"].tobytes(), type=_Head)
            if head.format != FORMAT or len(head.series) != len(head.exporters):
                raise ValueError("another format")
            return {
                url: _table(arrays, number, series)
                for number, (url, series) in enumerate(zip(head.exporters, head.series, strict=True))
            }


def _table(arrays: Mapping[str, Any], number: int, keys: tuple[tuple[str, Labels], ...]) -> Table:
    times, values, marks = (arrays[f"{name}{number}"] for name in ("times", "values", "marks"))
    if (times.dtype, values.dtype, marks.dtype) != (np.int64, np.float64, np.int8):
        raise ValueError("other types")
    table = Table(keys, times, values, marks)
    if not table.fits():
        raise ValueError("tables that do not fit")
    return table
