"""Telemetry without Prometheus: Bellhop scrapes the exporters itself and keeps six hours, in memory and in a file.

The server writes the file every minute and when it stops, and reads it when it starts: a time in which it did not run
stays a gap. Other commands read what the server wrote, scrape once beside it, and write nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import numpy as np

from bot.clock import Clock
from bot.errors import BadPayloadError, TelemetryUnavailableError
from bot.model.telemetry import FloatArray, Window
from bot.telemetry import grid
from bot.telemetry.catalogue import BUCKETS, METRICS, check_names, signals_named
from bot.telemetry.embedded_signals import Question, answer
from bot.telemetry.exposition import parse
from bot.telemetry.history import HistoryFile
from bot.telemetry.recording import Recording
from bot.telemetry.ring import Ring, Table

KEEP_S: Final = 6 * 3600.0
MAX_SERIES: Final = 20_000
"""Series per exporter; at six hours of 15 s scrapes that is 260 MB."""

MAX_BODY: Final = 32 * 1024 * 1024
TIMEOUT_S: Final = 10.0
WRITE_EVERY_S: Final = 60.0
"""How much history a killed server loses at most."""
_LEAST_PAUSE_S: Final = 1.0
"""Real seconds between two writes, however fast the clock runs."""


class EmbeddedTelemetry:
    """The same windows as from Prometheus, evaluated over what was scraped.

    Of an exporter's series only those of the contract are kept. An exporter that does not answer marks its
    series as vanished, as Prometheus does. `matchers` see the exporter's own labels and `instance` (host:port).
    """

    def __init__(
        self,
        exporters: Sequence[str],
        *,
        clock: Clock,
        scrape_interval_s: float = 15.0,
        rate_window_s: float = 300.0,
        names: Mapping[str, str] | None = None,
        matchers: Mapping[str, str] | None = None,
        keep_s: float = KEEP_S,
        max_series: int = MAX_SERIES,
        history_file: Path | None = None,
        write_every_s: float = WRITE_EVERY_S,
    ) -> None:
        self._names, self._matchers = dict(names or {}), dict(matchers or {})
        check_names(self._names)
        own = ((self._names.get(metric, metric), metric, of) for metric, of in METRICS.items())
        self._wanted = {f"{name}_bucket" if metric in BUCKETS else name: of for name, metric, of in own}
        self._clock, self._interval_s, self._rate_window_s = clock, scrape_interval_s, rate_window_s
        scrapes = int(keep_s / scrape_interval_s) + 1
        self._rings = {
            _metrics_url(url): Ring(keep_ms=round(keep_s * 1000), max_series=max_series, max_scrapes=scrapes)
            for url in exporters
        }
        self._max_series, self._keep_s, self._write_every_s = max_series, keep_s, write_every_s
        self._file = None if history_file is None else HistoryFile(history_file)
        self._recalled = self._file is None
        self._recalling = asyncio.Lock()
        self._problems: dict[str, str] = {}
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._task: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    async def recall(self) -> None:
        """For the server, before `start`: take up the history that the last one left, once.

        A file that cannot be used is one warning and kept aside.
        """
        if self._file is None or self._recalled:
            return
        self._recalled = True
        await asyncio.to_thread(self._file.tidy)
        try:
            await self._restore(self._file)
        except ValueError as error:
            self._file.keep_aside(error)

    def start(self) -> None:
        """Scrape from now on, in the background, once per interval of the clock, and keep the history's file."""
        if self._task is None:
            self._recalled = True
            self._task = asyncio.create_task(self._run(), name="embedded telemetry")
            if self._file is not None:
                self._writing = asyncio.create_task(self._keep(self._file), name="telemetry history")

    @property
    def history_trouble(self) -> str:
        """Why the history's file could not be written last; empty while all is well or there is none."""
        return "" if self._file is None else self._file.trouble

    @property
    def remembers(self) -> bool:
        """Whether a server has left a history to read."""
        return self._file is not None and self._file.path.exists()

    async def write_history(self) -> None:
        """Write the history's file now, beside the event loop; a failure is told by `history_trouble`."""
        if self._file is not None and (tables := self._tables()):
            await asyncio.to_thread(self._file.write, tables)

    async def aclose(self) -> None:
        """Stop scraping, write the history where this source keeps it, and close the connections."""
        working = [task for task in (self._task, self._writing) if task is not None]
        for task in working:
            task.cancel()
        if working:
            await asyncio.wait(working)
            await self.write_history()
        await self._client.aclose()

    async def scrape_once(self) -> None:
        """Ask every exporter once; one that fails is noted in the warnings of later windows."""
        await asyncio.gather(*(self._scrape(url) for url in self._rings))

    def feed(self, exporter: str, at: float, text: str) -> None:
        """Take in a scrape's text as if `exporter` had answered it at `at`; raises BadPayloadError."""
        samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for sample in parse(text, wanted=self._wanted.__contains__):
            samples.setdefault((sample.name, sample.labels), sample.value)
        self._rings[_metrics_url(exporter)].append(round(at * 1000), samples)

    def subject_counts(self) -> Mapping[str, int]:
        """Metric, as the exporters name it -> how many links or nodes have it; raises TelemetryUnavailableError."""
        self._check()
        subjects: dict[str, set[str]] = {name: set() for name in self._wanted}
        for name, found in subjects.items():
            for ring in self._rings.values():
                for labels in ring.select(name):
                    found.update(value for label, value in labels if label == self._wanted[name])
        return {name: len(found) for name, found in subjects.items()}

    async def window(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Window:
        """Values at the multiples of `step` within `start`..`end` (Unix seconds).

        `subjects` restricts to these link or node ids; a subject without any series has no row. Raises
        TelemetryUnavailableError when no exporter has ever answered.
        """
        return (await self.recording(signals, start=start, end=end, step=step, subjects=subjects)).whole()

    async def recording(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Recording:
        """The same for a long time, so that many windows can be cut out of it; raises as `window` does."""
        await self._look()
        return self._record(signals, grid.aligned(start=start, end=end, step=step), step, subjects)

    async def latest(self, signals: Sequence[str], *, at: float, subjects: Sequence[str] | None = None) -> Window:
        """The values at one instant (T = 1)."""
        await self._look()
        return self._record(signals, grid.instant(at), 1.0, subjects).whole()

    async def _look(self) -> None:
        """Outside of the server, once: read what the server wrote, and scrape to know the present."""
        async with self._recalling:
            if self._recalled or self._file is None:
                return
            try:
                await self._restore(self._file)
            except ValueError as error:
                raise TelemetryUnavailableError(
                    f"the telemetry history {self._file.path} is not used: {error}",
                    hint="does the running server have the same configuration?",
                ) from None
            await self.scrape_once()
            self._recalled = True

    async def _restore(self, file: HistoryFile) -> None:
        found = await asyncio.to_thread(file.read, frozenset(self._rings), now=self._clock.now(), keep_s=self._keep_s)
        for url, table in found.items():
            self._rings[url].restore(table)

    def _tables(self) -> dict[str, Table]:
        return {url: table for url, ring in self._rings.items() if ring.scrapes and (table := ring.table()).keys}

    async def _keep(self, file: HistoryFile) -> None:
        while True:
            await asyncio.sleep(max(_LEAST_PAUSE_S, self._clock.real_seconds(self._write_every_s)))
            if tables := self._tables():
                await asyncio.to_thread(file.write, tables)

    def _record(
        self, names: Sequence[str], times: FloatArray, step: float, subjects: Sequence[str] | None
    ) -> Recording:
        self._check()
        question = Question(
            times_ms=np.rint(times * 1000).astype(np.int64),
            rate_window_ms=round(self._rate_window_s * 1000),
            stale_after_ms=round(5000 * self._interval_s),
            names=self._names,
            matchers=self._matchers,
            subjects=None if subjects is None else frozenset(subjects),
        )
        rings = {urlsplit(url).netloc: ring for url, ring in self._rings.items()}
        return Recording(
            tuple((signal, answer(signal, rings, question)) for signal in signals_named(names)),
            times,
            step=step,
            rate_window_s=self._rate_window_s,
            stale_after_s=5 * self._interval_s,
            warnings=tuple(self._warnings()),
        )

    def _check(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        if not any(ring.series for ring in self._rings.values()):
            why = "; ".join(self._problems.values()) or "nothing was scraped yet"
            raise TelemetryUnavailableError(f"no exporter has given telemetry: {why}", hint="check telemetry.exporters")

    def _warnings(self) -> list[str]:
        full = [
            f"{url} has {ring.refused} series more than the {self._max_series} that embedded telemetry keeps"
            for url, ring in self._rings.items()
            if ring.refused
        ]
        return [*self._problems.values(), *full]

    async def _run(self) -> None:
        while True:
            due = self._clock.now() + self._interval_s
            await self.scrape_once()
            await self._clock.sleep(max(0.0, due - self._clock.now()))

    async def _scrape(self, url: str) -> None:
        at = self._clock.now()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                text = await self._fetch(url)
            self.feed(url, at, text)
        except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeDecodeError, BadPayloadError) as error:
            self._problems[url] = f"{url} gave no telemetry: {' '.join(str(error).split()) or type(error).__name__}"
            self._rings[url].append(round(at * 1000), {})
        else:
            self._problems.pop(url, None)

    async def _fetch(self, url: str) -> str:
        body = bytearray()
        async with self._client.stream("GET", url, headers={"Accept": "text/plain;version=0.0.4"}) as response:
            if response.status_code != httpx.codes.OK:
                raise httpx.HTTPError(f"answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise httpx.HTTPError(f"answer above {MAX_BODY // 1024 // 1024} MiB")
        return body.decode("utf-8")


def metrics_urls(exporters: Sequence[str]) -> frozenset[str]:
    """The pages that are scraped, as they are named in the history's file."""
    return frozenset(map(_metrics_url, exporters))


def _metrics_url(address: str) -> str:
    """An exporter's address as its metrics page: `/metrics` where no path is given."""
    return f"{address.rstrip('/')}/metrics" if urlsplit(address).path in {"", "/"} else address
