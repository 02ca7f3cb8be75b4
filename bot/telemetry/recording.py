"""A stretch of telemetry that was read once, from which the windows of many questions are cut."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from bot.errors import UsageError
from bot.model.telemetry import FloatArray, Window
from bot.telemetry import grid
from bot.telemetry.matrix import Matrix, assemble
from bot.telemetry.signal import Signal


class Recording:
    """What a source answered for several signals over `times`, not judged yet.

    A window cut out of it is the one that the source itself would give: it is judged on its own instants alone.
    """

    def __init__(
        self,
        answers: Sequence[tuple[Signal, Matrix]],
        times: FloatArray,
        *,
        step: float,
        rate_window_s: float,
        stale_after_s: float,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._answers, self._times, self._step = tuple(answers), times, step
        self._rate_window_s, self._stale_after_s, self._warnings = rate_window_s, stale_after_s, warnings

    @property
    def nbytes(self) -> int:
        """Memory of the values in bytes."""
        return sum(matrix.values.nbytes for _, matrix in self._answers)

    def whole(self) -> Window:
        """All of it as one window."""
        return self._window(self._answers, self._times)

    def window(self, *, start: float, end: float, subjects: Collection[str] | None = None) -> Window:
        """Values at the multiples of the step within `start`..`end` (Unix seconds), of `subjects` or of all.

        Raises UsageError when the recording does not hold all these instants.
        """
        wanted = grid.aligned(start=start, end=end, step=self._step)
        first = round((wanted[0] - self._times[0]) / self._step)
        times = self._times[max(first, 0) : first + wanted.size]
        if first < 0 or times.size != wanted.size:
            raise UsageError(f"the recording does not hold the time from {start} to {end}")
        columns = slice(first, first + wanted.size)
        return self._window(
            [(signal, self._cut(signal, matrix, columns, subjects)) for signal, matrix in self._answers], times
        )

    def _cut(self, signal: Signal, matrix: Matrix, columns: slice, subjects: Collection[str] | None) -> Matrix:
        if subjects is None:
            return Matrix(matrix.metrics, matrix.values[:, columns], matrix.warnings)
        places = self._places[signal.name]
        rows = sorted(row for subject in subjects for row in places.get(subject, ()))
        return Matrix(tuple(matrix.metrics[row] for row in rows), matrix.values[rows, columns], matrix.warnings)

    def _window(self, answers: Sequence[tuple[Signal, Matrix]], times: FloatArray) -> Window:
        said = (text for _, matrix in answers for text in matrix.warnings)
        return Window(
            start=float(times[0]),
            end=float(times[-1]),
            step=self._step,
            signals={
                signal.name: assemble(signal, matrix, times, stale_after_s=self._stale_after_s)
                for signal, matrix in answers
            },
            rate_window=self._rate_window_s,
            warnings=tuple(dict.fromkeys((*said, *self._warnings))),
        )

    @cached_property
    def _places(self) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """Signal -> subject -> its rows."""
        return {signal.name: _rows(signal, matrix) for signal, matrix in self._answers}


def _rows(signal: Signal, matrix: Matrix) -> Mapping[str, Sequence[int]]:
    rows: dict[str, list[int]] = {}
    for row, metric in enumerate(matrix.metrics):
        rows.setdefault(metric.get(signal.of, ""), []).append(row)
    return rows
