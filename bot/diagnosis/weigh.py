"""How much each observation says: log-likelihood ratios from shifts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from bot.diagnosis.features import EXCESS_FAILURE, FEATURES, OPTIONAL, PER_TRANSFER
from bot.diagnosis.rules import Evidence, Mode
from bot.diagnosis.scene import Look, Scene
from bot.diagnosis.shifts import SIGNIFICANT
from bot.model.network import Link, Subject

_SHARPNESS = 6.0
_STEP_AT = 0.5
_POSSIBLE = 0.25
"""Chance that an observation which nobody could make would have spoken against."""
_SEEN = 0.5
_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rule applied: its log-likelihood ratio, how sure it was seen (0..1), and where."""

    rule: Evidence
    weight: float
    seen: float
    look: Look | None

    def is_explained(self, explained: Mapping[str, float]) -> bool:
        """Whether another mode explains it: its feature is among those explained, and it did not begin too early."""
        since = explained.get(self.rule.feature)
        if since is None:
            return False
        return self.look is None or self.look.onset is None or self.look.onset >= since


@dataclass(frozen=True, slots=True)
class Case:
    """What all rules of a mode say about one subject; `missing` names signals that its required evidence lacks."""

    mode: Mode
    subject: Subject
    items: tuple[Weighed, ...]
    change: float = 0.0
    changed_at: tuple[float, str, str] | None = None
    missing: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[Weighed, ...]:
        """The required evidence as it was weighed."""
        return self.items[: len(self.mode.required)]

    @property
    def onset(self) -> float | None:
        """When what is required began, Unix seconds; None where none of it was seen."""
        onsets = [item.look.onset for item in self.required if item.look and item.look.onset and item.seen > _SEEN]
        return min(onsets, default=None)

    def score(self, explained: Mapping[str, float] = _NOTHING) -> float:
        """Natural log of the odds; evidence that another mode explains no longer speaks for this one."""
        total = self.mode.prior + self.change
        choices: dict[str, float] = {}
        for item in self.items:
            weight = min(0.0, item.weight) if item.is_explained(explained) else item.weight
            if not item.rule.one_of:
                total += weight
            elif item.look is not None:
                choices[item.rule.one_of] = max(weight, choices.get(item.rule.one_of, -math.inf))
        return total + sum(choices.values())

    def hope(self) -> float:
        """The most that the score of a glance can become with the rules that were not applied yet."""
        return self.score() + sum(max(0.0, rule.weight) for rule in self.mode.speaks_for)

    def potential(self, explained: Mapping[str, float] = _NOTHING) -> float:
        """The score if the signals that are missing had spoken for the mode as loudly as its rules allow."""
        total = self.score(explained)
        told: set[str] = set()
        for item in self.items:
            if item.look is None and item.rule.weight > 0 and set(_signals(item.rule.feature)) & set(self.missing):
                total += 0.0 if item.rule.one_of in told else item.rule.weight
                told |= {item.rule.one_of} - {""}
        if self.mode.change is not None and self.mode.change.signal in self.missing:
            total += self.mode.change.weight
        return total


def case(mode: Mode, subject: Subject, scene: Scene, link: Link) -> Case:
    """Apply every rule of a mode to a subject seen from `link`."""
    brief = glance(mode, subject, scene, link)
    rest = (
        *(_weigh(rule, subject, scene, link) for rule in mode.speaks_for),
        *(_weigh(rule, subject, scene, link, against=True) for rule in mode.against),
    )
    return replace(brief, items=(*brief.items, *rest))


def glance(mode: Mode, subject: Subject, scene: Scene, link: Link) -> Case:
    """The same with the required rules only: enough to see that most modes are out of the question."""
    items = [_weigh(rule, subject, scene, link) for rule in mode.required]
    missing = list(_missing(items, subject, scene, link))
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


def places(rule: Evidence, subject: Subject, scene: Scene, link: Link) -> tuple[str, ...]:
    """The links or nodes at which a rule looks."""
    network = scene.network
    if rule.where == "subject":
        return (subject.id,)
    if rule.where == "ends":
        return link.ends
    if rule.where == "links":
        return tuple(each.id for each in network.links_of(subject.id))
    if subject.kind == "node":
        nodes = {end for each in network.links_of(subject.id) for end in each.ends} - {subject.id}
        # A node whose own firmware changed is no witness of what happens without a change.
        return tuple(sorted(node for node in nodes if scene.version_change(node) is None))
    nearby = {each.id for end in link.ends for each in network.links_of(end)}
    return tuple(sorted(nearby - {subject.id}))


def _missing(required: Sequence[Weighed], subject: Subject, scene: Scene, link: Link) -> Iterator[str]:
    """Signals without which what is required cannot be told; one of several is enough where one was seen."""
    seen = {item.rule.one_of for item in required if item.seen > _SEEN and item.rule.feature not in OPTIONAL} - {""}
    for item in required:
        if item.look is not None or item.rule.feature in OPTIONAL or item.rule.one_of in seen:
            continue
        for place in places(item.rule, subject, scene, link):
            if scene.look(item.rule.feature, place) is None and not _is_moot(item.rule, place, scene):
                yield from scene.lacking(item.rule.feature, place) or _signals(item.rule.feature)


def _signals(feature: str) -> tuple[str, ...]:
    return ("logical_success_ratio",) if feature == EXCESS_FAILURE else FEATURES[feature].signals


def _is_moot(rule: Evidence, place: str, scene: Scene) -> bool:
    """Shares of transfers say nothing of a link that nobody uses, and nothing is wrong with that."""
    return rule.feature in PER_TRANSFER and scene.is_idle(place)


def _weigh(rule: Evidence, subject: Subject, scene: Scene, link: Link, *, against: bool = False) -> Weighed:
    at = places(rule, subject, scene, link)
    looks = [look for place in at if (look := scene.look(rule.feature, place)) is not None]
    if not looks:
        moot = bool(at) and all(_is_moot(rule, place, scene) for place in at)
        nothing = rule.otherwise if moot else _POSSIBLE * min(0.0, rule.weight) if against and at else 0.0
        return Weighed(rule, nothing, 0.0, None)
    degrees = [_degree(rule, look, link) for look in looks]
    # Several places together: a node's fault is on most of its links; one warm end is enough to speak.
    seen = max(degrees) if rule.where in ("subject", "ends") else sum(degrees) / len(degrees)
    best = looks[max(range(len(looks)), key=degrees.__getitem__)]
    return Weighed(rule, seen * rule.weight + (1 - seen) * rule.otherwise, seen, best)


def _degree(rule: Evidence, look: Look, link: Link) -> float:
    """How sure the observation was made, 0..1: half where the shift is `by`, or four spreads if those are more."""
    if rule.is_ in ("above", "below"):
        past, before = (_is_past(rule, level) for level in (look.observed, look.baseline))
        return float(past and not (rule.crossed and before))
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


def _is_past(rule: Evidence, level: float) -> bool:
    return level >= rule.by if rule.is_ == "above" else level <= rule.by


def _sigmoid(times: float) -> float:
    return 1 / (1 + math.exp(-_SHARPNESS * (min(max(times, -9.0), 9.0) - 1)))


def _change(mode: Mode, changed: tuple[float, str, str] | None, required: Sequence[Weighed]) -> float:
    """The weight of a firmware change: for, when it lies near the onset of what is required."""
    if mode.change is None:
        return 0.0
    onsets = [item.look.onset for item in required if item.seen > _SEEN and item.look and item.look.onset]
    near = changed is not None and any(abs(onset - changed[0]) <= mode.change.within for onset in onsets)
    return mode.change.weight if near else mode.change.otherwise
