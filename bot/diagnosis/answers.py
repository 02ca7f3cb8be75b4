"""The answers that a diagnosis can be: a fault, one elsewhere, healthy, unknown; each in two sentences with numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.capacity.shown import rests_on_promise
from bot.diagnosis import posterior, words
from bot.diagnosis.examination import Examination
from bot.diagnosis.phrases import confidence, plain, share
from bot.diagnosis.posterior import Named
from bot.diagnosis.scene import Look
from bot.diagnosis.shifts import SIGNIFICANT
from bot.diagnosis.topology import sharing
from bot.diagnosis.weigh import Case
from bot.model.diagnosis import CapacityReport, Diagnosis, Finding, SecurityGate
from bot.model.network import Link

_SAID_OF_NEIGHBOURS = 3
_ILL = 0.7
"""Rise of the logical failure, natural log, from which a link without a finding is not called healthy."""
_FAILS, _BEYOND = 0.05, 5.0
"""Share of transfers that fail, and times what the promise allows, at which a link is not healthy though none of it
is new: what began before the window leaves no shift in it."""
_FAR = 2.0
"""Times the size of a mode's required evidence from which it is not passed over though no mode explains it."""
_COMES_WITH_TRAFFIC = frozenset({"queue", "pool_level", "excess_logical_failure"})
"""What moves with demand, and what `_ILL` judges by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with all that was found out about it."""

    link: Link
    at: float
    seen: Examination
    capacity: CapacityReport
    security: SecurityGate | None
    missing: tuple[str, ...]

    @property
    def bound(self) -> tuple[float, float]:
        """The model's bound on capacity before and now, qubit/s; NaN where what the link makes is not measured."""
        name = "capacity_qubits_per_s"
        if rests_on_promise(name, self.capacity.assumed):
            return math.nan, math.nan
        return self.capacity.baseline.get(name, 0.0), self.capacity.now.get(name, 0.0)

    @property
    def intrusion(self) -> str:
        """The reason of the security gate, or nothing."""
        return "" if self.security is None else self.security.reason


def fault(asked: Asked, named: Sequence[Named]) -> Diagnosis:
    """What was named, with whose fault it is."""
    findings = tuple(_finding(asked, case, probability) for case, probability in named)
    summary = words.fault_summary(findings, asked.link.id, asked.capacity.attribution, asked.bound, asked.intrusion)
    explained = {feature: since for case, _ in named for feature, since in posterior.covered(case).items()}
    return Diagnosis(
        link=asked.link.id,
        at=asked.at,
        verdict="fault",
        summary=summary,
        findings=findings,
        rejected=_neighbours(asked, findings, explained),
        missing=asked.missing,
        capacity=asked.capacity,
        security=asked.security,
    )


def elsewhere(asked: Asked, named: Sequence[Named], other: Link, cause: Case) -> Diagnosis:
    """All the trouble is traffic that a neighbour's fault sent here."""
    item = next(item for item in named[0][0].required if item.look is not None)
    symptom = words.shifted(item.look) if item.look is not None else ""
    summary = (
        f"{asked.link.id}: healthy by itself, though {symptom}. Traffic of {other.id} came here after its "
        f"{cause.mode.name} ({cause.mode.mode}){words.clock(cause.onset)}; the cause is there."
    )
    return _without_fault(asked, "healthy", summary)


def lacking(asked: Asked, missing: tuple[str, ...]) -> Diagnosis:
    """What would decide is not there."""
    modes = [case for case in asked.seen.cases(asked.link) if set(case.missing) & set(missing)]
    names = ", ".join(dict.fromkeys(f"{case.mode.name} ({case.mode.mode})" for case in modes))
    verb, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    summary = (
        f"{asked.link.id}: unknown, because {', '.join(missing)} {verb} missing or stale. "
        f"Without {them} {names} cannot be told; {_likeliest(asked)}{_and_intrusion(asked)}."
    )
    return _without_fault(asked, "unknown", summary, missing=missing)


def unknown(asked: Asked, unexplained: str) -> Diagnosis:
    """Something is wrong that no mode explains."""
    summary = (
        f"{asked.link.id}: unknown, because {unexplained} and no failure mode explains it. "
        f"Of all modes {_likeliest(asked)}{_and_intrusion(asked, unexplained)}."
    )
    return _without_fault(asked, "unknown", summary, rejected=_neighbours(asked, (), {}))


def healthy(asked: Asked) -> Diagnosis:
    """Nothing is wrong."""
    summary = f"{asked.link.id}: healthy, with every deciding signal fresh and no failure mode likely. {_state(asked)}."
    return _without_fault(asked, "healthy", summary)


def unexplained(asked: Asked) -> str:
    """What is clearly wrong although no mode was named, in words; empty when nothing is."""
    if asked.security is not None:
        return asked.security.reason
    ill = asked.seen.scene.look("logical_failure", asked.link.id)
    promise = asked.link.slo.logical_success
    if ill is not None and ill.size >= max(_ILL, SIGNIFICANT * ill.spread) and ill.observed < promise:
        return words.shifted(ill)
    if ill is not None and 1 - ill.observed >= max(_FAILS, _BEYOND * (1 - promise)):
        told = f"only {share(ill.observed)} of transfers succeed, far below the promise of {share(promise)}"
        return f"{told}, as before this window began"
    own = {asked.link.id, *asked.link.ends}
    far = (look for case in asked.seen.glances(asked.link) for look in _far(case) if look.subject in own)
    return next((words.shifted(look) for look in far), "")


def _far(case: Case) -> list[Look]:
    """Required evidence that was seen beyond doubt, twice as large as it need be."""
    return [
        item.look
        for item in case.required
        if item.look is not None
        and item.rule.is_ in ("up", "down")
        and item.rule.feature not in _COMES_WITH_TRAFFIC
        and abs(item.look.size) >= _FAR * item.rule.by
        and item.look.significance >= _FAR * SIGNIFICANT
        and (item.look.size > 0) == (item.rule.is_ == "up")
    ]


def _without_fault(
    asked: Asked, verdict: str, summary: str, *, rejected: tuple[str, ...] = (), missing: tuple[str, ...] = ()
) -> Diagnosis:
    return Diagnosis(
        link=asked.link.id,
        at=asked.at,
        verdict="healthy" if verdict == "healthy" else "unknown",
        summary=summary,
        rejected=rejected,
        missing=missing,
        capacity=asked.capacity,
        security=asked.security,
    )


def _finding(asked: Asked, case: Case, probability: float) -> Finding:
    whose = sharing(case, asked.link, asked.seen)
    also = words.together(case, whose.subject, whose.links, whose.risk)
    return words.finding(case, probability, whose.subject, also)


def _neighbours(asked: Asked, findings: Sequence[Finding], explained: Mapping[str, float]) -> tuple[str, ...]:
    """The likeliest of the modes that were not named, each once, with why not."""
    chosen = {each.mode for each in findings}
    others = [case for case in asked.seen.cases(asked.link) if case.mode.mode not in chosen]
    because = findings[0].name if findings else "nothing"
    said: dict[str, str] = {}
    for case in sorted(others, key=lambda case: -case.score()):
        said.setdefault(case.mode.mode, words.rejected(case, explained, because))
    return tuple(said.values())[:_SAID_OF_NEIGHBOURS]


def _likeliest(asked: Asked) -> str:
    told = [case for case in asked.seen.cases(asked.link) if not case.missing]
    if not told:
        return "no mode can be judged"
    best = max(told, key=lambda case: case.score())
    return f"the likeliest that can be judged is {best.mode.name} ({best.mode.mode}), {_odds(best.score())}"


def _odds(score: float) -> str:
    """Log-odds as a confidence."""
    probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
    return "below 1%" if probability < 0.01 else f"at {confidence(probability)}"


def _and_intrusion(asked: Asked, said: str = "") -> str:
    return f"; {asked.intrusion}" if asked.intrusion and asked.intrusion != said else ""


def _state(asked: Asked) -> str:
    """How the link does, in numbers."""
    look = asked.seen.scene.look("logical_failure", asked.link.id)
    before, now = asked.bound
    known = f"the model's bound on capacity is {plain(now)} qubit/s ({plain(before)} before)"
    capacity = "how many pairs it makes is not measured" if math.isnan(now) else known
    if look is None:
        return f"It carries no transfers now, and {capacity}"
    return f"{share(look.observed)} of its transfers succeed ({share(look.baseline)} before), and {capacity}"
