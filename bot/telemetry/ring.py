"""What one exporter said over time: series by scrapes, bounded in both directions.

All samples of a scrape share one instant, so that a scrape is a column. A cell without a sample is either a
staleness marker (the series vanished from a scrape, or the exporter did not answer) or a gap (nothing is known
about that instant); PromQL's instant selectors tell the two apart, its range selectors see neither.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.model.telemetry import FloatArray
from bot.telemetry.exposition import Labels

SeriesKey = tuple[str, Labels]
MarkArray = NDArray[np.int8]

GAP, MARKER, SAMPLE = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What a ring holds: `values` and `marks` have shape (keys, times); times in Unix ms, ascending."""

    keys: tuple[SeriesKey, ...]
    times: NDArray[np.int64]
    values: FloatArray
    marks: MarkArray

    def fits(self) -> bool:
        """Whether shapes, order and marks are those of a ring."""
        shape = (len(self.keys), self.times.size)
        ascending = self.times.ndim == 1 and bool((np.diff(self.times) > 0).all())
        alike = self.values.shape == shape == self.marks.shape and len(set(self.keys)) == len(self.keys)
        return ascending and alike and bool(((self.marks >= GAP) & (self.marks <= SAMPLE)).all())


class Ring:
    """A table that keeps the last `keep_ms` of at most `max_series` series and `max_scrapes` scrapes."""

    def __init__(self, *, keep_ms: int, max_series: int, max_scrapes: int) -> None:
        self._keep_ms = keep_ms
        self._max_series = max_series
        self._max_width = max(2, max_scrapes + max_scrapes // 4)
        self._rows: dict[SeriesKey, int] = {}
        self._by_name: dict[str, dict[Labels, int]] = {}
        self._times: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self._values: FloatArray = np.full((16, 64), np.nan)
        self._marks: MarkArray = np.zeros((16, 64), dtype=np.int8)
        self._width = 0
        self.refused = 0
        """How many series of the last scrape did not fit."""

    def append(self, at_ms: int, samples: Mapping[SeriesKey, float], *, gaps: Iterable[SeriesKey] = ()) -> None:
        """Add a scrape at `at_ms` (Unix ms, later than the one before); known series that it lacks get markers.

        `gaps` names series that get no marker: nothing is known about them at this instant.
        """
        if self._width and at_ms <= self._times[self._width - 1]:
            return
        self._make_room(at_ms)
        column = self._width
        rows, values = self._place(samples)
        self._marks[: len(self._rows), column] = MARKER
        self._marks[[row for key in gaps if (row := self._rows.get(key)) is not None], column] = GAP
        self._values[rows, column] = values
        self._marks[rows, column] = SAMPLE
        self._times[column] = at_ms
        self._width += 1

    def select(self, name: str) -> Mapping[Labels, int]:
        """The rows of a metric, by labels."""
        return self._by_name.get(name, {})

    def slice(
        self, rows: Iterable[int], *, after_ms: int, until_ms: int
    ) -> tuple[NDArray[np.int64], FloatArray, MarkArray]:
        """Times (Unix ms), values and marks of `rows` from `after_ms` to `until_ms`, both included."""
        times = self._times[: self._width]
        first, last = np.searchsorted(times, after_ms, side="left"), np.searchsorted(times, until_ms, side="right")
        chosen = np.fromiter(rows, dtype=np.intp)
        return times[first:last], self._values[chosen, first:last], self._marks[chosen, first:last]

    def table(self) -> Table:
        """A copy of everything that is kept."""
        rows = len(self._rows)
        return Table(
            keys=tuple(self._rows),
            times=self._times[: self._width].copy(),
            values=self._values[:rows, : self._width].copy(),
            marks=self._marks[:rows, : self._width].copy(),
        )

    def restore(self, table: Table) -> None:
        """Take over an earlier ring's table where this one is still empty; the newest that fits is kept."""
        if self._width or not table.times.size:
            return
        first = int(np.searchsorted(table.times, table.times[-1] - self._keep_ms))
        first = max(first, table.times.size - self._max_width)
        rows = min(len(table.keys), self._max_series)
        width = table.times.size - first
        self._resize(height=max(16, rows), width=max(64, width))
        for key in table.keys[:rows]:
            self._add(key)
        self._times[:width] = table.times[first:]
        self._values[:rows, :width] = table.values[:rows, first:]
        self._marks[:rows, :width] = table.marks[:rows, first:]
        self._width = width

    @property
    def scrapes(self) -> int:
        """How many scrapes are kept."""
        return self._width

    @property
    def series(self) -> int:
        """How many series are kept."""
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Memory of the table in bytes."""
        return self._values.nbytes + self._marks.nbytes + self._times.nbytes

    def _place(self, samples: Mapping[SeriesKey, float]) -> tuple[list[int], list[float]]:
        rows, values = [], []
        self.refused = 0
        for key, value in samples.items():
            row = self._rows.get(key)
            if row is None:
                row = self._add(key)
            if row is None:
                self.refused += 1
            else:
                rows.append(row)
                values.append(value)
        return rows, values

    def _add(self, key: SeriesKey) -> int | None:
        row = len(self._rows)
        if row >= self._max_series:
            return None
        if row == len(self._values):
            self._resize(height=min(2 * row, self._max_series), width=self._values.shape[1])
        self._rows[key] = row
        self._by_name.setdefault(key[0], {})[key[1]] = row
        return row

    def _make_room(self, at_ms: int) -> None:
        if self._width < self._values.shape[1]:
            return
        if self._width < self._max_width and self._times[0] > at_ms - self._keep_ms:
            self._resize(height=len(self._values), width=min(2 * self._width, self._max_width))
        else:
            self._forget(at_ms)

    def _forget(self, at_ms: int) -> None:
        """Drop what is too old, and series that have no sample left. At least a fifth of the columns goes."""
        times = self._times[: self._width]
        first = max(int(np.searchsorted(times, at_ms - self._keep_ms)), self._width // 5, 1)
        alive = [key for key, row in self._rows.items() if (self._marks[row, first : self._width] == SAMPLE).any()]
        rows = [self._rows[key] for key in alive]
        kept = self._width - first
        for table in (self._values, self._marks):
            table[: len(rows), :kept] = table[rows, first : self._width]
        self._marks[:, kept:] = GAP
        self._marks[len(rows) :] = GAP
        self._times[:kept] = times[first:]
        self._width = kept
        self._rows = {key: row for row, key in enumerate(alive)}
        self._by_name = {}
        for (name, labels), row in self._rows.items():
            self._by_name.setdefault(name, {})[labels] = row

    def _resize(self, *, height: int, width: int) -> None:
        values, marks = np.full((height, width), np.nan), np.zeros((height, width), dtype=np.int8)
        times = np.zeros(width, dtype=np.int64)
        old_height, old_width = self._values.shape
        values[:old_height, :old_width], marks[:old_height, :old_width] = self._values, self._marks
        times[:old_width] = self._times
        self._values, self._marks, self._times = values, marks, times
