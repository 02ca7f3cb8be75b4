"""A signal of the catalogue evaluated over rings: what its PromQL text says, in arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.model.telemetry import FloatArray
from bot.telemetry import evaluate
from bot.telemetry.evaluate import BoolArray, IntArray, Samples
from bot.telemetry.exposition import Labels
from bot.telemetry.matrix import Matrix
from bot.telemetry.ring import Ring
from bot.telemetry.signal import Across, Selector, Signal

Group = tuple[str, ...]
Function = Callable[[Samples, IntArray], tuple[FloatArray, BoolArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every signal of a window shares: instants in Unix ms, spans in ms, names, matchers, subjects."""

    times_ms: IntArray
    rate_window_ms: int
    stale_after_ms: int
    names: Mapping[str, str] = field(default_factory=dict)
    matchers: Mapping[str, str] = field(default_factory=dict)
    subjects: frozenset[str] | None = None


Rings = Mapping[str, Ring]
"""Instance (host:port) -> what it said."""


def answer(signal: Signal, rings: Rings, question: Question) -> Matrix:
    """The signal's labelled rows, as Prometheus would answer `promql(signal, ...)`."""
    match signal.kind:
        case "info":
            return _info(signal, rings, question)
        case "quantile":
            groups = _quantiles(signal, rings, question)
        case _:
            groups = _ratio(signal, rings, question)
    metrics: tuple[dict[str, str], ...] = tuple({signal.of: group[0]} for group in groups)
    return Matrix(metrics, _stack(list(groups.values()), question))


def _ratio(signal: Signal, rings: Rings, question: Question) -> dict[Group, FloatArray]:
    top = _part(signal, signal.top, rings, question)
    if signal.bottom is not None:
        bottom = _part(signal, signal.bottom, rings, question)
        with np.errstate(invalid="ignore", divide="ignore"):
            top = {group: row / bottom[group] for group, row in top.items() if group in bottom}
    if signal.kind in {"rate", "rate-ratio"}:
        fresh = _fresh(signal, signal.top, rings, question)
        return {group: np.where(fresh[group], signal.scale * row, np.nan) for group, row in top.items()}
    return top


def _part(signal: Signal, part: Selector, rings: Rings, question: Question) -> dict[Group, FloatArray]:
    def rates(samples: Samples, at: IntArray) -> tuple[FloatArray, BoolArray]:
        return evaluate.rate(samples, at, question.rate_window_ms)

    def gauges(samples: Samples, at: IntArray) -> tuple[FloatArray, BoolArray]:
        return evaluate.last_over_time(samples, at, question.stale_after_ms)

    function = rates if signal.kind in {"rate", "rate-ratio"} else gauges
    return _grouped(part, function, rings, question, by=(signal.of,), across=signal.across)


def _quantiles(signal: Signal, rings: Rings, question: Question) -> dict[Group, FloatArray]:
    def rates(samples: Samples, at: IntArray) -> tuple[FloatArray, BoolArray]:
        return evaluate.rate(samples, at, question.rate_window_ms)

    buckets = _grouped(signal.top, rates, rings, question, by=(signal.of, "le"), across="sum", suffix="_bucket")
    fresh = _fresh(signal, Selector(signal.top.metric, (("le", "+Inf"),)), rings, question, suffix="_bucket")
    by_subject: dict[str, list[tuple[float, FloatArray]]] = {}
    for (subject, bound), row in buckets.items():
        if _is_number(bound):
            by_subject.setdefault(subject, []).append((float(bound), row))
    result: dict[Group, FloatArray] = {}
    for subject, pairs in by_subject.items():
        pairs.sort(key=lambda pair: pair[0])
        bounds, counts = np.array([bound for bound, _ in pairs]), np.array([row for _, row in pairs])
        values = evaluate.histogram_quantile(signal.quantile, bounds, counts)
        result[subject,] = np.where(fresh.get((subject,), np.zeros(values.shape, dtype=bool)), values, np.nan)
    return result


def _info(signal: Signal, rings: Rings, question: Question) -> Matrix:
    def stamps(samples: Samples, at: IntArray) -> tuple[FloatArray, BoolArray]:
        values = evaluate.timestamp(samples, at)
        return values, ~np.isnan(values)

    groups = _grouped(signal.top, stamps, rings, question, by=(signal.of, "version"), across="max")
    metrics = tuple({signal.of: subject, "version": version} for subject, version in groups)
    return Matrix(metrics, _stack(list(groups.values()), question))


def _fresh(
    signal: Signal, part: Selector, rings: Rings, question: Question, *, suffix: str = ""
) -> dict[Group, BoolArray]:
    """Whether any series of a subject has a sample that is not stale."""

    def seen(samples: Samples, at: IntArray) -> tuple[FloatArray, BoolArray]:
        present = evaluate.present_over_time(samples, at, question.stale_after_ms)
        return present.astype(np.float64), present

    groups = _grouped(part, seen, rings, question, by=(signal.of,), across="max", suffix=suffix)
    return {group: row == 1.0 for group, row in groups.items()}


def _grouped(
    part: Selector,
    function: Function,
    rings: Rings,
    question: Question,
    *,
    by: tuple[str, ...],
    across: Across,
    suffix: str = "",
) -> dict[Group, FloatArray]:
    """`across by (by) (function(part))` over all rings."""
    name = question.names.get(part.metric, part.metric) + suffix
    groups: dict[Group, int] = {}
    places: list[int] = []
    values: list[FloatArray] = []
    present: list[BoolArray] = []
    longest = max(question.rate_window_ms, question.stale_after_ms, evaluate.LOOKBACK_MS)
    for instance, ring in rings.items():
        chosen = [
            (row, group)
            for labels, row in ring.select(name).items()
            if (group := _group(labels, instance, part, by, question)) is not None
        ]
        if not chosen:
            continue
        places += [groups.setdefault(group, len(groups)) for _, group in chosen]
        first, last = int(question.times_ms[0]) - longest, int(question.times_ms[-1])
        samples = evaluate.samples_of(*ring.slice([row for row, _ in chosen], after_ms=first, until_ms=last))
        rows, there = function(samples, question.times_ms)
        values.append(rows)
        present.append(there)
    if not groups:
        return {}
    table = _across(np.concatenate(values), np.concatenate(present), np.array(places), len(groups), across)
    return dict(zip(groups, table, strict=True))


def _group(labels: Labels, instance: str, part: Selector, by: tuple[str, ...], question: Question) -> Group | None:
    """The group of a series, or None when it is not selected. As scraped, a series also has `instance`."""
    own = {"instance": instance, **dict(labels)}
    if any(own.get(label, "") != value for label, value in (*part.where, *question.matchers.items())):
        return None
    if question.subjects is not None and own.get(by[0], "") not in question.subjects:
        return None
    return tuple(own.get(label, "") for label in by)


def _across(values: FloatArray, present: BoolArray, places: IntArray, size: int, across: Across) -> FloatArray:
    """One row per group; NaN where no member has a sample. A NaN sample makes sums NaN; max and min pass it over."""
    shape = (size, values.shape[1])
    if across in {"max", "min"}:
        table = np.full(shape, np.nan)
        (np.fmax if across == "max" else np.fmin).at(table, places, np.where(present, values, np.nan))
        return table
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(count, places, present)
    with np.errstate(invalid="ignore"):
        np.add.at(total, places, np.where(present, values, 0.0))
        return np.where(count > 0, total / np.maximum(count, 1.0) if across == "avg" else total, np.nan)


def _stack(rows: Sequence[FloatArray], question: Question) -> FloatArray:
    return np.array(rows) if rows else np.empty((0, question.times_ms.size))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
