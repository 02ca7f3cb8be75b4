"""Marks counted: how often right, how well calibrated, how soon, for each method and kind of incident."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from scipy.stats import binomtest

from bot.laboratory.faults import FAULTS
from bot.laboratory.judge import Mark, Outcome
from bot.model.telemetry import FloatArray

CLASSES = (*FAULTS, "healthy", "unknown")
"""Rows and columns of a confusion."""
BINS = 10
"""Bins of confidence in a reliability curve."""


class Bin(msgspec.Struct, frozen=True):
    """Answers of like confidence: how many, their mean confidence, the share that was right and its 95% interval."""

    answers: int
    confidence: float
    right: float
    interval: tuple[float, float]


class Delay(msgspec.Struct, frozen=True):
    """How long after the onset the right answer was first given and stayed, in s.

    `answered` of `asked` faults were answered rightly in the end; a percentile is None where it falls among the others.
    """

    asked: int
    answered: int
    median_s: float | None
    p90_s: float | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How a method did on some incidents; shares in 0..1, None where there is nothing to count."""

    incidents: int
    top_1: float
    top_1_interval: tuple[float, float]
    """Wilson interval, 95%."""
    top_2: float
    exact: float | None
    macro_f1: float | None
    subject: float | None
    siblings: float | None
    """Share of the other links of a node with a fault on which the fault was named, with the node."""
    untouched_links: int
    false_alarms: int
    false_alarm_share: float | None
    unsure: int
    calibration_error: float | None
    delay: Delay


def marks_of(outcomes: Iterable[Outcome], method: str) -> tuple[Mark, ...]:
    """The marks of one method, where it was asked."""
    return tuple(outcome.marks[method] for outcome in outcomes if method in outcome.marks)


def summary(marks: Sequence[Mark]) -> Summary:
    """Count at least one mark."""
    count, right = len(marks), sum(mark.right for mark in marks)
    untouched, siblings = sum(mark.untouched for mark in marks), sum(mark.siblings for mark in marks)
    alarms = sum(len(mark.alarms) for mark in marks)
    return Summary(
        incidents=count,
        top_1=right / count,
        top_1_interval=_interval(right, count),
        top_2=sum(mark.among_two for mark in marks) / count,
        exact=_share([mark.exact for mark in marks if mark.exact is not None]),
        macro_f1=macro_f1(confusion(marks)),
        subject=_share([mark.subject for mark in marks if mark.subject is not None]),
        siblings=sum(mark.agreeing for mark in marks) / siblings if siblings else None,
        untouched_links=untouched,
        false_alarms=alarms,
        false_alarm_share=alarms / untouched if untouched else None,
        unsure=sum(mark.unsure for mark in marks),
        calibration_error=calibration_error(reliability(marks)),
        delay=_delay(marks),
    )


def _interval(right: int, count: int) -> tuple[float, float]:
    """The Wilson interval of a share, 95%."""
    told = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(told.low), float(told.high)


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _delay(marks: Sequence[Mark]) -> Delay:
    delays = [np.inf if mark.delay_s is None else mark.delay_s for mark in marks if mark.ages]
    if not delays:
        return Delay(0, 0, None, None)
    median, late = (float(np.quantile(delays, share, method="higher")) for share in (0.5, 0.9))
    return Delay(
        asked=len(delays),
        answered=int(np.isfinite(delays).sum()),
        median_s=median if np.isfinite(median) else None,
        p90_s=late if np.isfinite(late) else None,
    )


def confusion(marks: Iterable[Mark]) -> Mapping[tuple[str, str], int]:
    """(what is true, what was said first) -> how often."""
    return Counter((mark.truth, mark.said.first) for mark in marks)


def macro_f1(counts: Mapping[tuple[str, str], int]) -> float | None:
    """The mean of the harmonic means of precision and recall, over the classes that occur in truth."""
    scores = []
    for each in CLASSES:
        hits = counts.get((each, each), 0)
        true = sum(count for (truth, _), count in counts.items() if truth == each)
        told = sum(count for (_, said), count in counts.items() if said == each)
        if true:
            scores.append(2 * hits / (true + told))
    return float(np.mean(scores)) if scores else None


def reliability(marks: Iterable[Mark]) -> tuple[Bin, ...]:
    """Every fault that was named first with a confidence, on asked and on untouched links, in bins of confidence.

    A false alarm counts as wrong with its confidence.
    """
    pairs = np.array([pair for mark in marks for pair in _claims(mark)]).reshape(-1, 2)
    bins = np.minimum((pairs[:, 0] * BINS).astype(int), BINS - 1)
    return tuple(_bin(pairs[bins == each]) for each in np.unique(bins))


def _bin(pairs: FloatArray) -> Bin:
    count, right = len(pairs), int(pairs[:, 1].sum())
    return Bin(count, float(pairs[:, 0].mean()), right / count, _interval(right, count))


def _claims(mark: Mark) -> Iterable[tuple[float, bool]]:
    for answer, right in ((mark.said, mark.right), *((alarm, False) for alarm in mark.alarms)):
        if answer.ranked and answer.ranked[0].confidence is not None:
            yield answer.ranked[0].confidence, right


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error: the mean gap between confidence and truth, weighted by answers; None without any."""
    total = sum(each.answers for each in bins)
    return sum(each.answers * abs(each.right - each.confidence) for each in bins) / total if total else None
