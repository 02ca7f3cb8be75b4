"""From cases to names: probabilities of all sets of modes, explaining away, and what only absent signals can tell.

A hypothesis is a set of up to three modes, the empty one included: modes are no rivals where both are needed. The
log-odds of a set are those of its first mode plus those of each further one, with all that the modes before it
explain set aside, in the order that makes least of it: what a cause explains needs no second one. A mode's
confidence is the sum over the sets that have it.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

from bot.diagnosis.rules import Mode
from bot.diagnosis.weigh import Case

CONFIDENT = 0.5
"""A mode is named when it is likelier than not."""
_MOST_FINDINGS = 3
_MOST_CASES = 7
PLAUSIBLE = -5.0
"""Log-odds below which a case is in no hypothesis."""
_EARLIER_S = 90.0
"""Onsets nearer to each other than this do not tell which came first."""
_BEFORE_ITS_CAUSE_S = 300.0
"""What seems to begin this much before a mode is not explained by it; less may be the measurement's own delay."""

Named = tuple[Case, float]


def name(cases: Sequence[Case]) -> list[Named]:
    """The modes that are likelier than not, with their confidence, root cause first."""
    plausible = sorted((each for each in cases if each.score() > PLAUSIBLE), key=lambda each: -each.score())
    weights = _hypotheses(plausible[:_MOST_CASES])
    total = math.fsum(weights.values())
    shares: dict[str, dict[int, float]] = {}
    for chosen, weight in weights.items():
        for index in chosen:
            of_mode = shares.setdefault(plausible[index].mode.mode, {})
            of_mode[index] = of_mode.get(index, 0.0) + weight / total
    named = []
    for of_mode in shares.values():
        confidence = math.fsum(of_mode.values())
        if confidence > CONFIDENT:
            named.append((plausible[max(of_mode, key=of_mode.__getitem__)], min(confidence, 1.0)))
    return _root_first(sorted(named, key=lambda pair: -pair[1]))[:_MOST_FINDINGS]


def undecided(named: Sequence[Named], cases: Sequence[Case]) -> tuple[str, ...]:
    """The absent signals of modes that, were they to say so, would explain the same better than what was named.

    Such a mode is weighed as if its signals had spoken for it; named modes that it would unseat are not certain.
    """
    explained: dict[str, float] = {}
    doubtful: list[str] = []
    for each, _ in named:
        rivals = [case for case in cases if case.missing and case.mode.mode not in {one.mode.mode for one, _ in named}]
        score = each.score(explained)
        doubtful += [
            signal
            for rival in rivals
            if _causes(rival.mode, each.mode) and rival.potential(explained) > score
            for signal in rival.missing
        ]
        explained |= covered(each)
    return tuple(dict.fromkeys(doubtful))


def covered(case: Case) -> Mapping[str, float]:
    """The features that need no other mode beside this one -> since when, Unix seconds."""
    since = -math.inf if case.onset is None else case.onset - _BEFORE_ITS_CAUSE_S
    return dict.fromkeys([*case.mode.explains, *(rule.feature for rule in case.mode.required)], since)


def _hypotheses(cases: Sequence[Case]) -> dict[tuple[int, ...], float]:
    """Set of modes -> its weight against that of nothing being wrong; the sets hold places in `cases`."""
    logs: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, min(_MOST_FINDINGS, len(cases)) + 1):
        for chosen in combinations(range(len(cases)), size):
            if len({cases[index].mode.mode for index in chosen}) == size:
                logs[chosen] = min(_joint([cases[index] for index in order]) for order in permutations(chosen))
    top = max(logs.values())
    return {chosen: math.exp(score - top) for chosen, score in logs.items()}


def _joint(ordered: Sequence[Case]) -> float:
    total, explained = 0.0, dict[str, float]()
    for each in ordered:
        total += each.score(explained)
        explained |= covered(each)
    return total


def _root_first(named: Sequence[Named]) -> list[Named]:
    """A mode that explains what another is recognised by comes before it; else the one that began clearly earlier."""
    ordered: list[Named] = []
    for each in named:
        place = next((at for at, other in enumerate(ordered) if _precedes(each[0], other[0])), len(ordered))
        ordered.insert(place, each)
    return ordered


def _precedes(one: Case, other: Case) -> bool:
    forth, back = _causes(one.mode, other.mode), _causes(other.mode, one.mode)
    if forth != back:
        return forth
    if one.onset is None or other.onset is None:
        return False
    return one.onset < other.onset - _EARLIER_S


def _causes(cause: Mode, effect: Mode) -> bool:
    return any(rule.feature in cause.explains for rule in effect.required)
