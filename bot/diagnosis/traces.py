"""The deciding signals over time, beside the band they kept before the onset: what a person wants to see."""

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from bot.diagnosis.features import FIRMWARE
from bot.model.diagnosis import Diagnosis, Trace
from bot.model.network import Subject
from bot.model.telemetry import FloatArray, SignalWindow, Window

PROMISE = "logical_success_ratio"
_MOST = 6
_OF_EACH_FINDING = 3
_POINTS = 120
_BAND = 3.0
_NORMAL = 1.4826
"""Standard deviation of a normal law per median absolute deviation."""


def with_traces(diagnosis: Diagnosis, window: Window) -> Diagnosis:
    """The diagnosis with what it was made from: the promise of its link, then the weightiest signals per finding."""
    drawn = [trace for each in _wanted(diagnosis) if (trace := _trace(*each, window)) is not None]
    return msgspec.structs.replace(diagnosis, traces=tuple(drawn[:_MOST]))


def _wanted(diagnosis: Diagnosis) -> Iterator[tuple[str, Subject, float | None]]:
    """(signal, subject, onset), each signal of a subject once."""
    onsets = [item.onset for finding in diagnosis.findings for item in finding.evidence if item.onset is not None]
    yield PROMISE, Subject(kind="link", id=diagnosis.link), min(onsets, default=None)
    seen = {(PROMISE, diagnosis.link)}
    for finding in diagnosis.findings:
        moved = [item for item in finding.evidence if item.onset is not None and item.subject is not None]
        for item in moved[:_OF_EACH_FINDING]:
            if item.subject is not None and (item.signal, item.subject.id) not in seen:
                seen.add((item.signal, item.subject.id))
                yield item.signal, item.subject, item.onset


def _trace(signal: str, subject: Subject, onset: float | None, window: Window) -> Trace | None:
    series = window.signals.get(signal)
    row = None if series is None or signal == FIRMWARE else series.row(subject.id)
    if series is None or row is None or not np.isfinite(row).any():
        return None
    low, high = _band(row, series, onset)
    thin = max(1, math.ceil(row.size / _POINTS))
    values = tuple(float(value) if math.isfinite(value) else None for value in row[::-1][::thin][::-1])
    return Trace(
        signal=signal,
        subject=subject,
        end=float(series.times[-1]),
        step=window.step * thin,
        values=values,
        low=low,
        high=high,
        onset=onset,
    )


def _band(row: FloatArray, series: SignalWindow, onset: float | None) -> tuple[float | None, float | None]:
    """Median of what was before the onset, three robust standard deviations to either side."""
    before = row if onset is None else row[series.times < onset]
    before = before[np.isfinite(before)]
    if not before.size:
        return None, None
    middle = float(np.median(before))
    width = _BAND * _NORMAL * float(np.median(np.abs(before - middle)))
    return middle - width, middle + width
