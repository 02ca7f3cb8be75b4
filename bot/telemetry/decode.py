"""Answers of Prometheus' query API as arrays."""

from collections.abc import Sequence

import msgspec
import numpy as np

from bot.errors import TelemetryUnavailableError
from bot.model.telemetry import FloatArray
from bot.telemetry.matrix import Matrix

_NOISE = b'[]" \n\t\r'
_EMPTY = msgspec.Raw(b"[]")


class Series(msgspec.Struct):
    """One series of a matrix; its samples stay raw text until they go into an array."""

    metric: dict[str, str]
    values: msgspec.Raw = _EMPTY


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[Series] = []


class Answer(msgspec.Struct, rename="camel"):
    """The envelope of every answer, errors included."""

    status: str
    data: _Data | None = None
    error_type: str = ""
    error: str = ""
    warnings: list[str] = []
    infos: list[str] = []


_DECODER = msgspec.json.Decoder(Answer)


def read_matrix(body: bytes, times: FloatArray, *, place: str) -> Matrix:
    """The answer to a range query over `times` (evenly spaced, Unix seconds).

    Some servers shift returned timestamps; each sample goes to the nearest instant asked for. Raises
    TelemetryUnavailableError, naming `place`, when the body is no such answer.
    """
    answer = read_answer(body, place=place)
    if answer.data is None or answer.data.result_type != "matrix":
        raise _nonsense(place, "the answer to a range query is no matrix")
    values = np.full((len(answer.data.result), times.size), np.nan)
    for row, series in zip(values, answer.data.result, strict=True):
        _place(series.values, row, times, place=place)
    return Matrix(tuple(series.metric for series in answer.data.result), values, tuple(answer.warnings))


def read_answer(body: bytes, *, place: str) -> Answer:
    """The envelope; raises TelemetryUnavailableError for an error status or a body that is none."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _nonsense(place, "the answer is not the JSON of Prometheus' API") from None
    if answer.status != "success":
        raise TelemetryUnavailableError(f"{place} refused the query: {answer.error or answer.status}")
    return answer


def error_text(body: bytes) -> str:
    """What a body of an HTTP error says, where it says it in Prometheus' form."""
    try:
        return _DECODER.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def join(parts: Sequence[Matrix]) -> Matrix:
    """Parts of one long window, one after the other in time."""
    if len(parts) == 1:
        return parts[0]
    rows: dict[tuple[tuple[str, str], ...], int] = {}
    for part in parts:
        for metric in part.metrics:
            rows.setdefault(tuple(sorted(metric.items())), len(rows))
    values = np.full((len(rows), sum(part.values.shape[1] for part in parts)), np.nan)
    column = 0
    for part in parts:
        width = part.values.shape[1]
        places = [rows[tuple(sorted(metric.items()))] for metric in part.metrics]
        values[places, column : column + width] = part.values
        column += width
    warnings = tuple(dict.fromkeys(text for part in parts for text in part.warnings))
    return Matrix(tuple(dict(key) for key in rows), values, warnings)


def _place(raw: msgspec.Raw, row: FloatArray, times: FloatArray, *, place: str) -> None:
    text = bytes(raw).translate(None, _NOISE)
    if not text:
        return
    try:
        numbers = np.fromstring(text, dtype=np.float64, sep=",")
    except (ValueError, DeprecationWarning):
        raise _nonsense(place, "a sample is no number") from None
    if numbers.size != text.count(b",") + 1 or numbers.size % 2:
        raise _nonsense(place, "a sample is no pair of time and value")
    step = times[1] - times[0] if times.size > 1 else 1.0
    columns = np.rint((numbers[::2] - times[0]) / step)
    if not (columns >= 0).all() or not (columns < times.size).all():
        raise _nonsense(place, "a sample lies outside the window asked for")
    row[columns.astype(np.intp)] = numbers[1::2]


def _nonsense(place: str, what: str) -> TelemetryUnavailableError:
    return TelemetryUnavailableError(f"{place}: {what}", hint="check telemetry.prometheus.url")
