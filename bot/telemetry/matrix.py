"""Labelled rows of values: what a source answers for one signal, before it is judged."""

from dataclasses import dataclass

import numpy as np

from bot.model.telemetry import FloatArray, SignalWindow
from bot.telemetry.quality import judge, newest_version
from bot.telemetry.signal import Signal


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Label sets, and their values of shape (series, T); NaN where the source has none."""

    metrics: tuple[dict[str, str], ...]
    values: FloatArray
    warnings: tuple[str, ...] = ()


def assemble(signal: Signal, answer: Matrix, times: FloatArray, *, stale_after_s: float) -> SignalWindow:
    """A signal's window from labelled rows, sorted by subject.

    Rows without the subject's label, and rows without any value, are left out: such a subject is MISSING.
    """
    if signal.kind == "info":
        return _versions(signal, answer, times, stale_after_s=stale_after_s)
    rows = sorted((metric[signal.of], row) for row, metric in _known(signal, answer))
    subjects = [subject for subject, _ in rows]
    return judge(signal, subjects=subjects, times=times, raw=answer.values[[row for _, row in rows]])


def _versions(signal: Signal, answer: Matrix, times: FloatArray, *, stale_after_s: float) -> SignalWindow:
    by_subject: dict[str, list[tuple[str, int]]] = {}
    for row, metric in _known(signal, answer):
        if metric.get("version"):
            by_subject.setdefault(metric[signal.of], []).append((metric["version"], row))
    labels = sorted({version for versions in by_subject.values() for version, _ in versions})
    places = {version: float(index) for index, version in enumerate(labels)}
    raw = np.full((len(by_subject), times.size), np.nan)
    for target, subject in zip(raw, sorted(by_subject), strict=True):
        versions = by_subject[subject]
        index = newest_version(answer.values[[row for _, row in versions]], times=times, stale_after_s=stale_after_s)
        known = np.isfinite(index)
        codes = np.array([places[version] for version, _ in versions])
        target[known] = codes[index[known].astype(np.intp)]
    return judge(signal, subjects=sorted(by_subject), times=times, raw=raw, labels=labels)


def _known(signal: Signal, answer: Matrix) -> list[tuple[int, dict[str, str]]]:
    present = np.any(~np.isnan(answer.values), axis=1)
    return [(row, metric) for row, metric in enumerate(answer.metrics) if metric.get(signal.of) and present[row]]
