"""From a window of telemetry to a diagnosis: weigh all modes, name the likeliest, say whose fault it is and why."""

import math
from collections.abc import Mapping, Sequence

from bot.capacity.attribution import PARAMETERS, attribute
from bot.capacity.ranges import Number
from bot.capacity.shown import unmeasured
from bot.diagnosis import answers, posterior
from bot.diagnosis.examination import Examination
from bot.diagnosis.rules import Rules
from bot.diagnosis.scene import Scene
from bot.diagnosis.security import gate
from bot.diagnosis.topology import upstream
from bot.model.diagnosis import CapacityReport, Diagnosis
from bot.model.network import Link, Network
from bot.model.telemetry import Window


def diagnose(*, link: str, network: Network, window: Window, at: float, rules: Rules) -> Diagnosis:
    """What is wrong with one link; raises KeyError for a link that the network does not have."""
    return diagnose_many([link], network=network, window=window, at=at, rules=rules)[0]


def diagnose_many(
    links: Sequence[str], *, network: Network, window: Window, at: float, rules: Rules
) -> tuple[Diagnosis, ...]:
    """The same for many links over one window: the telemetry is looked at once."""
    seen = Examination(Scene(window, network, tuple(links)), rules)
    return tuple(_diagnose(network.links[link], at, seen) for link in links)


def _diagnose(link: Link, at: float, seen: Examination) -> Diagnosis:
    named = seen.named(link)
    missing = tuple(dict.fromkeys(signal for case in seen.glances(link) for signal in case.missing))
    asked = answers.Asked(link, at, seen, _capacity(link, seen.scene), gate(link, seen.scene), missing)
    undecided = posterior.undecided(named, seen.cases(link)) if named else ()
    if named and not undecided:
        cause = upstream(link, named, seen)
        return answers.fault(asked, named) if cause is None else answers.elsewhere(asked, named, *cause)
    if missing:
        return answers.lacking(asked, undecided or missing)
    unexplained = answers.unexplained(asked)
    return answers.unknown(asked, unexplained) if unexplained else answers.healthy(asked)


def _capacity(link: Link, scene: Scene) -> CapacityReport:
    model = scene.expected(link)
    dropped = float(model.now["capacity_qubits_per_s"]) < float(model.baseline["capacity_qubits_per_s"])
    shares = attribute(*model.states) if dropped else dict.fromkeys(PARAMETERS, 0.0)
    return CapacityReport(
        baseline=_finite(model.baseline),
        now=_finite(model.now),
        attribution=_finite(shares),
        assumed=unmeasured(scene.levels(link, "now")),
    )


def _finite(quantities: Mapping[str, Number]) -> dict[str, float]:
    """What can be said in numbers: a pool that never runs empty has no time to depletion."""
    return {name: float(value) for name, value in quantities.items() if math.isfinite(float(value))}
