"""How much each observation says: log-likelihood ratios from shifts, with their words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.diagnosis.features import EXCESS_FAILURE, FEATURES
from bot.diagnosis.rules import Evidence, Mode
from bot.diagnosis.scene import Look, Scene
from bot.diagnosis.shifts import SIGNIFICANT
from bot.model.network import Link, Network, Subject

_SHARPNESS = 6.0
_STEP_AT = 0.5
_POSSIBLE = 0.25
"""Chance that an observation which nobody could make would have spoken against."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rule applied: its log-likelihood ratio, how sure it was seen (0..1), and where."""

    rule: Evidence
    weight: float
    seen: float
    look: Look | None


@dataclass(frozen=True, slots=True)
class Case:
    """What all rules of a mode say about one subject; `missing` names signals that its required evidence lacks."""

    mode: Mode
    subject: Subject
    items: tuple[Weighed, ...]
    change: float = 0.0
    changed_at: tuple[float, str, str] | None = None
    missing: tuple[str, ...] = ()

    def score(self, explained: frozenset[str] = frozenset()) -> float:
        """Natural log of the odds; evidence that another mode explains no longer speaks for this one."""
        total = self.mode.prior + self.change
        for item in self.items:
            total += min(0.0, item.weight) if item.rule.feature in explained else item.weight
        return total

    def potential(self, explained: frozenset[str] = frozenset()) -> float:
        """The score if the signals that are missing had spoken for the mode as loudly as its rules allow."""
        total = self.score(explained)
        for item in self.items:
            if item.look is None and item.rule in self.mode.required:
                total += item.rule.weight
        if self.mode.change is not None and self.mode.change.signal in self.missing:
            total += self.mode.change.weight
        return total


def case(mode: Mode, subject: Subject, scene: Scene, link: Link) -> Case:
    """Apply every rule of a mode to a subject seen from `link`."""
    items = [
        _weigh(rule, subject, scene, link, against=rule in mode.against)
        for rule in (*mode.required, *mode.speaks_for, *mode.against)
    ]
    missing = [
        signal
        for rule, item in zip(mode.required, items, strict=False)
        if item.look is None
        for place in places(rule, subject, scene.network, link)
        for signal in scene.lacking(rule.feature, place) or _signals(rule.feature)
    ]
    changed = scene.version_change(subject.id) if mode.change else None
    untold = mode.change is not None and not scene.usable(mode.change.signal, subject.id)
    if mode.change is not None and untold:
        missing.append(mode.change.signal)
    return Case(
        mode=mode,
        subject=subject,
        items=tuple(items),
        change=0.0 if untold else _change(mode, changed, items),
        changed_at=changed,
        missing=tuple(dict.fromkeys(missing)),
    )


def places(rule: Evidence, subject: Subject, network: Network, link: Link) -> tuple[str, ...]:
    """The links or nodes at which a rule looks."""
    if rule.where == "subject":
        return (subject.id,)
    if rule.where == "ends":
        return link.ends
    if rule.where == "links":
        return tuple(each.id for each in network.links_of(subject.id))
    if subject.kind == "node":
        return tuple(sorted({end for each in network.links_of(subject.id) for end in each.ends} - {subject.id}))
    nearby = {each.id for end in link.ends for each in network.links_of(end)}
    return tuple(sorted(nearby - {subject.id}))


def _signals(feature: str) -> tuple[str, ...]:
    return ("logical_success_ratio",) if feature == EXCESS_FAILURE else FEATURES[feature].signals


def _weigh(rule: Evidence, subject: Subject, scene: Scene, link: Link, *, against: bool) -> Weighed:
    looks = [
        look
        for place in places(rule, subject, scene.network, link)
        if (look := scene.look(rule.feature, place)) is not None
    ]
    if not looks:
        return Weighed(rule, _POSSIBLE * min(0.0, rule.weight) if against else 0.0, 0.0, None)
    degrees = [_degree(rule, look, link) for look in looks]
    # Several places together: a node's fault is on most of its links; one warm end is enough to speak.
    seen = max(degrees) if rule.where in ("subject", "ends") else sum(degrees) / len(degrees)
    best = looks[max(range(len(looks)), key=degrees.__getitem__)]
    return Weighed(rule, seen * rule.weight + (1 - seen) * rule.otherwise, seen, best)


def _degree(rule: Evidence, look: Look, link: Link) -> float:
    """How sure the observation was made, 0..1: half where the shift is `by`, or four spreads if those are more."""
    strength = min(abs(look.size) / rule.by, look.significance / SIGNIFICANT)
    if rule.is_ == "steady":
        return 1 - _sigmoid(strength)
    sign = 1.0 if rule.is_ == "up" else -1.0
    seen = _sigmoid(math.copysign(strength, sign * look.size))
    if rule.shape != "any":
        step = 1 / (1 + math.exp(-12 * (look.steepness - _STEP_AT)))
        seen *= step if rule.shape == "step" else 1 - step
    if rule.beyond is not None and sign * (look.observed - rule.beyond) < 0:
        seen = 0.0
    if rule.beyond_budget and look.observed < link.decoder_budget_s:
        seen = 0.0
    return seen


def _sigmoid(times: float) -> float:
    return 1 / (1 + math.exp(-_SHARPNESS * (min(max(times, -9.0), 9.0) - 1)))


def _change(mode: Mode, changed: tuple[float, str, str] | None, items: Sequence[Weighed]) -> float:
    """The weight of a firmware change: for, when it lies near the onset of what is required."""
    if mode.change is None:
        return 0.0
    onsets = [item.look.onset for item in items if item.look is not None and item.look.onset is not None]
    first = items[0].look.onset if items and items[0].look is not None else None
    onset = first if first is not None else min(onsets, default=None)
    near = changed is not None and onset is not None and abs(onset - changed[0]) <= mode.change.within
    return mode.change.weight if near else mode.change.otherwise
