"""From a window of telemetry to a diagnosis: weigh all modes, take the best, explain away, look again."""

import math
from collections.abc import Iterable, Mapping, Sequence

from bot.capacity.attribution import attribute
from bot.capacity.link import evaluate
from bot.capacity.ranges import Number
from bot.diagnosis import posterior, words
from bot.diagnosis.posterior import Named
from bot.diagnosis.rules import Mode, Rules
from bot.diagnosis.scene import Scene
from bot.diagnosis.weigh import Case, case
from bot.model.diagnosis import CapacityReport, Diagnosis, Finding
from bot.model.network import Link, Network, Subject
from bot.model.telemetry import Window

_SAID_OF_NEIGHBOURS = 3
_ILL = 0.7
"""Rise of the logical failure, natural log, from which a link without a finding is not called healthy."""


def diagnose(*, link: str, network: Network, window: Window, at: float, rules: Rules) -> Diagnosis:
    """What is wrong with one link; raises KeyError for a link that the network does not have."""
    return diagnose_many([link], network=network, window=window, at=at, rules=rules)[0]


def diagnose_many(
    links: Sequence[str], *, network: Network, window: Window, at: float, rules: Rules
) -> tuple[Diagnosis, ...]:
    """The same for many links over one window: the telemetry is looked at once."""
    scene = Scene(window, network)
    return tuple(_diagnose(network.links[link], scene, at, rules) for link in links)


def _diagnose(link: Link, scene: Scene, at: float, rules: Rules) -> Diagnosis:
    cases = [case(mode, subject, scene, link) for mode in rules.modes for subject in _subjects(mode, link)]
    named = posterior.name([each for each in cases if not each.missing])
    missing = tuple(dict.fromkeys(signal for each in cases for signal in each.missing))
    capacity = _capacity(link, scene)
    undecided = posterior.undecided(named, cases)
    if named and not undecided:
        return _fault(link, at, named=named, cases=cases, capacity=capacity, missing=missing)
    if missing:
        return _lacking(link, at, capacity=capacity, missing=undecided or missing)
    ill = _ill(link, scene)
    if ill:
        summary = f"{link.id}: unknown. {ill}, and none of the failure modes explains it."
        neighbours = _neighbours(cases, (), frozenset())
        return Diagnosis(
            link=link.id, at=at, verdict="unknown", summary=summary, rejected=neighbours, capacity=capacity
        )
    summary = f"{link.id}: healthy. Every deciding signal is fresh and within its band."
    return Diagnosis(link=link.id, at=at, verdict="healthy", summary=summary, capacity=capacity)


def _lacking(link: Link, at: float, *, capacity: CapacityReport, missing: tuple[str, ...]) -> Diagnosis:
    verb = "is" if len(missing) == 1 else "are"
    summary = f"{link.id}: unknown, because {', '.join(missing)} {verb} missing or stale."
    return Diagnosis(link=link.id, at=at, verdict="unknown", summary=summary, missing=missing, capacity=capacity)


def _subjects(mode: Mode, link: Link) -> tuple[Subject, ...]:
    if mode.subject == "link":
        return (Subject(kind="link", id=link.id),)
    return tuple(Subject(kind="node", id=end) for end in link.ends)


def _fault(
    link: Link,
    at: float,
    *,
    named: list[Named],
    cases: Sequence[Case],
    capacity: CapacityReport,
    missing: tuple[str, ...],
) -> Diagnosis:
    findings = tuple(words.finding(each, confidence) for each, confidence in named)
    explained = frozenset(feature for each, _ in named for feature in each.mode.explains)
    change = (
        capacity.baseline.get("capacity_qubits_per_s", 0.0),
        capacity.now.get("capacity_qubits_per_s", 0.0),
    )
    return Diagnosis(
        link=link.id,
        at=at,
        verdict="fault",
        summary=words.fault_summary(findings, dict(capacity.attribution), change),
        findings=findings,
        rejected=_neighbours(cases, findings, explained),
        missing=missing,
        capacity=capacity,
    )


def _neighbours(cases: Iterable[Case], findings: tuple[Finding, ...], explained: frozenset[str]) -> tuple[str, ...]:
    """The likeliest of the modes that were not named, each once, with why not."""
    chosen = {each.mode for each in findings}
    others = sorted((each for each in cases if each.mode.mode not in chosen), key=lambda each: -each.score())
    because = findings[0].name if findings else "nothing"
    said: dict[str, str] = {}
    for each in others:
        said.setdefault(each.mode.mode, words.rejected(each, explained, because))
    return tuple(said.values())[:_SAID_OF_NEIGHBOURS]


def _ill(link: Link, scene: Scene) -> str:
    """Whether the promise is broken although nothing was found, in words."""
    look = scene.look("logical_failure", link.id)
    if look is None or look.size < max(_ILL, 4 * look.spread) or look.observed >= link.slo.logical_success:
        return ""
    return f"Transfers that succeed fell from {look.baseline:.4g} to {look.observed:.4g}"


def _capacity(link: Link, scene: Scene) -> CapacityReport:
    baseline, now = scene.states(link)
    return CapacityReport(
        baseline=_finite(evaluate(baseline)),
        now=_finite(evaluate(now)),
        attribution=_finite(attribute(baseline, now)),
    )


def _finite(quantities: Mapping[str, Number]) -> dict[str, float]:
    """What can be said in numbers: a pool that never runs empty has no time to depletion."""
    return {name: float(value) for name, value in quantities.items() if math.isfinite(float(value))}
