"""Windows of telemetry from Prometheus' HTTP API (and what speaks it: Thanos, Mimir, VictoriaMetrics)."""

import asyncio
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from typing import Final, TypeVar

import httpx
import numpy as np

from bot.errors import TelemetryUnavailableError
from bot.far import open_client
from bot.model.telemetry import FloatArray, Window
from bot.settings import Far
from bot.telemetry import decode, grid
from bot.telemetry.catalogue import check_names, promql, signals_named
from bot.telemetry.matrix import Matrix
from bot.telemetry.recording import Recording
from bot.telemetry.signal import Signal

MAX_POINTS: Final = 11_000
"""Prometheus refuses a range query with more points a series."""

CONCURRENT: Final = 4
"""Queries under way at once: enough to hide round trips, too few to crowd out dashboards."""

_LARGE_BODY: Final = 256 * 1024

_T = TypeVar("_T")


class PrometheusTelemetry:
    """One query per signal for all subjects; no hidden retries: who asks decides whether to ask again."""

    def __init__(
        self,
        far: Far,
        *,
        rate_window_s: float = 300.0,
        scrape_interval_s: float = 15.0,
        names: Mapping[str, str] | None = None,
        matchers: Mapping[str, str] | None = None,
    ) -> None:
        self._names, self._matchers = dict(names or {}), dict(matchers or {})
        check_names(self._names)
        self._far = far
        self._rate_window_s = rate_window_s
        self._stale_after_s = 5 * scrape_interval_s
        self._client = open_client(far)
        self._free = asyncio.Semaphore(CONCURRENT)

    async def window(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Window:
        """Values at the multiples of `step` within `start`..`end` (Unix seconds).

        `subjects` restricts to these link or node ids; a subject without any series has no row. Raises
        TelemetryUnavailableError with one line when Prometheus is down, slow, refuses or answers nonsense.
        """
        return (await self.recording(signals, start=start, end=end, step=step, subjects=subjects)).whole()

    async def recording(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Recording:
        """The same for a long time, so that many windows can be cut out of it; raises as `window` does."""
        return await self._record(signals, grid.aligned(start=start, end=end, step=step), step, subjects)

    async def latest(self, signals: Sequence[str], *, at: float, subjects: Sequence[str] | None = None) -> Window:
        """The values at one instant (T = 1)."""
        return (await self._record(signals, grid.instant(at), 1.0, subjects)).whole()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _record(
        self, names: Sequence[str], times: FloatArray, step: float, subjects: Sequence[str] | None
    ) -> Recording:
        chosen = signals_named(names)
        answers = await _together([self._ask(signal, times, step, subjects) for signal in chosen])
        return Recording(
            tuple(zip(chosen, answers, strict=True)),
            times,
            step=step,
            rate_window_s=self._rate_window_s,
            stale_after_s=self._stale_after_s,
        )

    async def _ask(self, signal: Signal, times: FloatArray, step: float, subjects: Sequence[str] | None) -> Matrix:
        if subjects is not None and not subjects:
            return Matrix((), np.empty((0, times.size)))
        query = promql(
            signal,
            rate_window_s=self._rate_window_s,
            names=self._names,
            matchers=self._matchers,
            subjects=subjects,
            stale_after_s=self._stale_after_s,
        )
        parts = [times[first : first + MAX_POINTS] for first in range(0, times.size, MAX_POINTS)]
        return decode.join([await self._range(query, part, step) for part in parts])

    async def _range(self, query: str, times: FloatArray, step: float) -> Matrix:
        form = {
            "query": query,
            "start": f"{times[0]:.3f}",
            "end": f"{times[-1]:.3f}",
            "step": f"{step:.3f}",
            "timeout": f"{max(1, round(self._far.timeout * 1000))}ms",
        }
        async with self._free:
            body = await self._post("/api/v1/query_range", form)
            if len(body) < _LARGE_BODY:
                return decode.read_matrix(body, times, place=self._place)
            return await asyncio.to_thread(decode.read_matrix, body, times, place=self._place)

    async def _post(self, path: str, form: Mapping[str, str]) -> bytes:
        try:
            async with asyncio.timeout(self._far.timeout):
                response = await self._client.post(path, data=dict(form))
        except (TimeoutError, httpx.TimeoutException):
            raise TelemetryUnavailableError(
                f"{self._place} did not answer within {self._far.timeout:g} s",
                hint="raise telemetry.prometheus.timeout or look at its load",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise TelemetryUnavailableError(f"{self._place} cannot be reached: {_line(error)}") from None
        if response.status_code != httpx.codes.OK:
            raise _refusal(self._place, response)
        return response.content

    @property
    def _place(self) -> str:
        return f"Prometheus at {self._far.url}"


async def _together(questions: Sequence[Coroutine[None, None, _T]]) -> list[_T]:
    """All answers in order; the first failure stops the other questions."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _refusal(place: str, response: httpx.Response) -> TelemetryUnavailableError:
    said = decode.error_text(response.content)
    reason = f"{response.status_code} {response.reason_phrase}".strip() + (
        f": {' '.join(said.split())}" if said else ""
    )
    hint = "check its token or password" if response.status_code in {401, 403} else ""
    wait = response.headers.get("Retry-After", "")
    return TelemetryUnavailableError(
        f"{place} answered {reason}", hint=hint, retry_after=float(wait) if wait.isdigit() else None
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
