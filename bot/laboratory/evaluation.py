"""Many incidents examined on all cores, and what came of it."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any

import msgspec

from bot.diagnosis.rules import load_rules
from bot.laboratory import baro
from bot.laboratory.examine import BARO, BARO_BOTH, BELLHOP, NAIVE, Question, examine
from bot.laboratory.judge import Outcome
from bot.laboratory.kinds import KINDS, Kind
from bot.laboratory.summary import Summary, confusion, marks_of, reliability, summary

METHODS = (BELLHOP, NAIVE, BARO, BARO_BOTH)
_STOP_AT_INTERRUPT = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""What a worker does first, before it imports what takes long: an interrupt ends it without a traceback."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to evaluate: `seeds` incidents of each kind, numbered from `first`."""

    seeds: int
    first: int = 1
    kinds: tuple[Kind, ...] = KINDS
    links: int | None = None
    """Links of each network; None for 4 to 12."""
    compare: bool = False

    def questions(self) -> tuple[Question, ...]:
        """Every incident to examine."""
        seeds = range(self.first, self.first + self.seeds)
        return tuple(
            Question(kind=kind, seed=seed, links=self.links, compare=self.compare)
            for seed in seeds
            for kind in self.kinds
        )


def run(plan: Plan, *, processes: int | None = None) -> Iterator[Outcome]:
    """The outcome of each incident as it is known, in any order; `processes` defaults to one per core.

    Raises FileFaultsError for rules that are wrong, before anything is examined.
    """
    rules, count = load_rules(), processes or os.cpu_count() or 1
    if count == 1:
        yield from (examine(question, rules) for question in plan.questions())
        return
    with _pool(count) as pool:
        for future in as_completed([pool.submit(examine, question, rules) for question in plan.questions()]):
            yield future.result()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes that stop with what they are at when the caller does."""
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_STOP_AT_INTERRUPT)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of a plan, in the order of kind and seed."""

    plan: Plan
    outcomes: tuple[Outcome, ...]

    def methods(self) -> tuple[str, ...]:
        """The methods that were asked."""
        return tuple(name for name in METHODS if marks_of(self.outcomes, name))

    def of_kind(self, kind: Kind) -> tuple[Outcome, ...]:
        """The outcomes of one kind."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind == kind)

    def by_kind(self, method: str) -> Mapping[Kind, Summary]:
        """How a method did on each kind that it was asked about."""
        marks = {kind: marks_of(self.of_kind(kind), method) for kind in self.plan.kinds}
        return {kind: summary(some) for kind, some in marks.items() if some}

    def overall(self, method: str) -> Summary:
        """How a method did on all it was asked about."""
        return summary(marks_of(self.outcomes, method))

    def left_out(self) -> tuple[str, ...]:
        """Methods that were to be compared and could not be, one line each."""
        return tuple(filter(None, (baro.why_not(),))) if self.plan.compare else ()


def report_on(plan: Plan, outcomes: Sequence[Outcome]) -> Report:
    """The outcomes put in order."""
    return Report(
        plan=plan, outcomes=tuple(sorted(outcomes, key=lambda each: (plan.kinds.index(each.kind), each.seed)))
    )


def as_json(report: Report) -> dict[str, Any]:
    """Everything that was counted, and every wrong answer."""
    return {
        "plan": msgspec.to_builtins(report.plan),
        "incidents": len(report.outcomes),
        "left_out": list(report.left_out()),
        "methods": {method: _of_method(report, method) for method in report.methods()},
    }


def _of_method(report: Report, method: str) -> dict[str, Any]:
    marks = marks_of(report.outcomes, method)
    counts = sorted(confusion(marks).items())
    return {
        "overall": msgspec.to_builtins(report.overall(method)),
        "by_kind": msgspec.to_builtins(report.by_kind(method)),
        "confusion": [{"truth": truth, "said": said, "count": count} for (truth, said), count in counts],
        "reliability": msgspec.to_builtins(reliability(marks)),
        "wrong": [wrong for outcome in report.outcomes for wrong in _wrong(outcome, method)],
    }


def _wrong(outcome: Outcome, method: str) -> Iterator[dict[str, Any]]:
    """The answers of one incident that are not right: about the asked link, and about untouched ones."""
    mark = outcome.marks.get(method)
    if mark is None:
        return
    which = {"kind": outcome.kind, "seed": outcome.seed, "name": outcome.name}
    expected = msgspec.to_builtins(outcome.expected) or outcome.verdict
    if not mark.right or mark.subject is False:
        yield {**which, "link": outcome.link, "expected": expected, "said": msgspec.to_builtins(mark.said)}
    for alarm in mark.alarms:
        yield {**which, "link": alarm.link, "expected": "healthy", "said": msgspec.to_builtins(alarm)}
