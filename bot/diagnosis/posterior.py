"""From cases to names: probabilities over modes and nothing, explaining away, and what only absent signals can tell."""

import math
from collections.abc import Sequence

from bot.diagnosis.rules import Mode
from bot.diagnosis.weigh import Case

CONFIDENT = 0.5
"""A mode is named when it is likelier than everything else together."""
_MOST_FINDINGS = 3

Named = tuple[Case, float]


def name(cases: Sequence[Case]) -> list[Named]:
    """The likeliest mode; then, with all that it explains set aside, the next, until nothing is likely; root first.

    Modes are no rivals of each other when both are named: a confidence is against what was left unnamed.
    """
    found: list[tuple[Case, frozenset[str]]] = []
    explained: frozenset[str] = frozenset()
    left = list(cases)
    while left and len(found) < _MOST_FINDINGS:
        best, confidence = _likeliest(left, explained)
        if confidence < CONFIDENT:
            break
        found.append((best, explained))
        explained |= _covered(best.mode)
        left = [each for each in left if each.mode.mode != best.mode.mode]
    return _root_first([(each, _confidence(each, left, before)) for each, before in found])


def undecided(named: Sequence[Named], cases: Sequence[Case]) -> tuple[str, ...]:
    """The absent signals of modes that, were they to say so, would explain the same better than what was named.

    Such a mode is weighed as if its signals had spoken for it; named modes that it would unseat are not certain.
    """
    explained: frozenset[str] = frozenset()
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
        explained |= _covered(each.mode)
    return tuple(dict.fromkeys(doubtful))


def _covered(mode: Mode) -> frozenset[str]:
    return frozenset({*mode.explains, *(rule.feature for rule in mode.required)})


def _likeliest(cases: Sequence[Case], explained: frozenset[str]) -> tuple[Case, float]:
    """The case with the highest posterior against all others and against nothing being wrong."""
    best = max(cases, key=lambda each: each.score(explained))
    return best, _confidence(best, [each for each in cases if each is not best], explained)


def _confidence(case: Case, rivals: Sequence[Case], explained: frozenset[str]) -> float:
    scores = [case.score(explained), *(each.score(explained) for each in rivals if each is not case)]
    top = max(0.0, *scores)
    total = math.exp(-top) + sum(math.exp(score - top) for score in scores)
    return math.exp(scores[0] - top) / total


def _root_first(named: Sequence[Named]) -> list[Named]:
    """A mode that explains what another is recognised by comes before it."""
    ordered: list[Named] = []
    for each in named:
        place = next((at for at, other in enumerate(ordered) if _precedes(each[0].mode, other[0].mode)), len(ordered))
        ordered.insert(place, each)
    return ordered


def _precedes(one: Mode, other: Mode) -> bool:
    return _causes(one, other) and not _causes(other, one)


def _causes(cause: Mode, effect: Mode) -> bool:
    return any(rule.feature in cause.explains for rule in effect.required)
