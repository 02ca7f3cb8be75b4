"""Guards: what must hold before a run and before each act of it; a refusal says why. Facts in, refusal out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from remediation.duration import format_duration
from remediation.schema import Guard, MaxRuns


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier run; Unix seconds. `result` is empty while it goes on."""

    run: str
    started_at: float
    result: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that has a link, node or flow for itself."""

    resource: str
    run: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Certainty:
    """What the diagnosis says of the modes that the runbook handles, and what the runbook asks for; 0..1."""

    confidence: float
    wanted: float
    told: str


@dataclass(frozen=True, slots=True)
class Window:
    """Maintenance on a target that goes on now, and the runbooks that are that maintenance."""

    target: str
    reason: str
    runbooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What would be out of service with the act: links of all, flows without a route, critical flows without room."""

    links_out: int
    links: int
    cut_flows: tuple[str, ...] = ()
    short_flows: tuple[str, ...] = ()
    """Each with what it needs and what is left."""
    unknown_links: tuple[str, ...] = ()
    """The links that could help if anybody knew what they carry, each with why nobody does."""


@dataclass(frozen=True, slots=True)
class Route:
    """The links that an act moves a flow onto, and what speaks against them: link, fact and numbers of each fault."""

    flow: str
    links: tuple[str, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measuring:
    """Pairs that an act uses up (0: nobody can say how many), those there are (None: unknown), those that must stay."""

    link: str
    needs: float
    has: float | None
    reserve: float


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What guards are held against; instants in Unix seconds, ages in seconds. None and (): does not apply."""

    now: float
    past_runs: tuple[PastRun, ...]
    """Of the same runbook on the same target."""
    telemetry_age_s: float
    runbook: str = ""
    holders: tuple[Holder, ...] = ()
    """Other runs that hold what this one needs."""
    certainty: Certainty | None = None
    windows: tuple[Window, ...] = ()
    target_runs: tuple[PastRun, ...] = ()
    """Of any runbook on the same target."""
    network_runs: tuple[PastRun, ...] = ()
    last_runs: tuple[PastRun, ...] = ()
    """Of this runbook on any target since its breaker was reset, latest first."""
    reach: Reach | None = None
    measuring: tuple[Measuring, ...] = ()
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """How often runs may begin; None: as often as they like."""

    max_runs: MaxRuns | None = None
    cooldown: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the configuration asks beside the runbook's own guard."""

    per_target: Rate = Rate()
    network_wide: Rate = Rate()
    max_share_out: float = 1.0
    """Share of the network's links that may be out of service at once; one link always may."""
    failures_in_a_row: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which guard said no, and why."""

    guard: str
    reason: str


FAILED = ("failed", "rolled back", "unknown", "not recovered")
"""Results that the breaker counts; runs that were refused, rejected or stopped by people it passes over."""
_NO_LIMITS = Limits()


def check(guard: Guard, facts: GuardFacts, limits: Limits = _NO_LIMITS) -> Refusal | None:
    """The first guard that does not hold, or None; of several the one that needs a person most."""
    return next((refusal for rule in _RULES if (refusal := rule(guard, facts, limits))), None)


def check_measurement(facts: GuardFacts) -> Refusal | None:
    """Why a check that only looks may not be made, or None: only its own consumption of pairs stands in its way."""
    return _measurement(Guard(), facts, _NO_LIMITS)


def check_reach(facts: GuardFacts, limits: Limits = _NO_LIMITS) -> Refusal | None:
    """Why an act that takes back may not be done, or None: only what it takes out, or a route that is not fit."""
    return _route(Guard(), facts, limits) or _reach(Guard(), facts, limits)


def failures(last_runs: Sequence[PastRun]) -> tuple[PastRun, ...]:
    """The unbroken row of failed runs that a runbook ended with, latest first.

    >>> runs = [PastRun("C", 3, "failed"), PastRun("B", 2, "stopped"), PastRun("A", 1, "rolled back")]
    >>> [run.run for run in failures(runs)]
    ['C', 'A']
    >>> failures([PastRun("B", 2, "succeeded"), PastRun("A", 1, "failed")])
    ()
    """
    row: list[PastRun] = []
    for run in last_runs:
        if run.result == "succeeded":
            break
        if run.result in FAILED:
            row.append(run)
    return tuple(row)


def _exclusive(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard, limits
    if not facts.holders:
        return None
    held = "; ".join(f"{each.resource} is held by {each.run} ({each.runbook})" for each in facts.holders)
    return Refusal("exclusive", f"{held}; one run at a time may act there")


def _fresh(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del limits
    if guard.require_fresh_telemetry is None or facts.telemetry_age_s <= guard.require_fresh_telemetry:
        return None
    known = math.isfinite(facts.telemetry_age_s)
    age = f"{format_duration(facts.telemetry_age_s)} old" if known else "missing"
    wanted = format_duration(guard.require_fresh_telemetry)
    return Refusal("require_fresh_telemetry", f"telemetry is {age}; nothing is done on data older than {wanted}")


def _confident(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard, limits
    certainty = facts.certainty
    if certainty is None or certainty.confidence >= certainty.wanted:
        return None
    reason = f"{certainty.told}; this runbook acts by itself from {certainty.wanted:.0%} on, and a person may start it"
    return Refusal("min_confidence", reason)


def _maintenance(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard, limits
    window = next((each for each in facts.windows if facts.runbook not in each.runbooks), None)
    if window is None:
        return None
    why = f" ({window.reason})" if window.reason else ""
    return Refusal("maintenance", f"{window.target} is under maintenance{why}, and this runbook is no part of it")


def _breaker(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard
    failed = failures(facts.last_runs)
    if limits.failures_in_a_row is None or len(failed) < limits.failures_in_a_row:
        return None
    runs = ", ".join(f"{run.run} {run.result}" for run in failed[: limits.failures_in_a_row])
    reset = f"bellhop runbook reset {facts.runbook}"
    return Refusal("breaker", f"its last runs went wrong ({runs}); look at them, then: {reset}")


def _measurement(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard, limits
    for each in facts.measuring:
        if each.has is None:
            return Refusal("measurement_budget", f"nobody knows how many pairs {each.link} has, and this uses some up")
        if each.has - each.needs < each.reserve:
            uses = f"{each.needs:.0f} pairs" if each.needs else "pairs"
            reason = f"it uses up {uses} of {each.link}, which has {each.has:.0f} and must keep {each.reserve:.0f}"
            return Refusal("measurement_budget", reason)
    return None


def _reach(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard
    reach = facts.reach
    if reach is None:
        return None
    uncounted = ", ".join(reach.unknown_links)
    but = f"; telemetry does not tell what these carry, so nobody counts on them: {uncounted}" if uncounted else ""
    if reach.cut_flows:
        return Refusal("routes", f"with it no route would be left in service for {', '.join(reach.cut_flows)}{but}")
    if reach.short_flows:
        return Refusal("capacity", f"the links left could not carry the critical {', '.join(reach.short_flows)}{but}")
    if reach.links_out > max(1.0, limits.max_share_out * reach.links):
        share = f"{reach.links_out} of {reach.links} links would be out of service"
        return Refusal("blast_radius", f"{share}; allowed at once: {limits.max_share_out:.0%}")
    return None


def _route(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    del guard, limits
    route = facts.route
    if route is None or not route.faults:
        return None
    return Refusal("route", f"{route.flow} would run over {', '.join(route.links)}, and {'; '.join(route.faults)}")


def _rates(guard: Guard, facts: GuardFacts, limits: Limits) -> Refusal | None:
    own = Rate(guard.max_runs, guard.cooldown)
    return (
        _rate(own, facts.past_runs, facts.now, "", "it")
        or _rate(limits.per_target, facts.target_runs, facts.now, "target_", "a runbook on this target")
        or _rate(limits.network_wide, facts.network_runs, facts.now, "network_", "a runbook")
    )


def _rate(rate: Rate, runs: Sequence[PastRun], now: float, scope: str, who: str) -> Refusal | None:
    if rate.max_runs is not None:
        recent = [run for run in runs if run.started_at > now - rate.max_runs.per]
        if len(recent) >= rate.max_runs.count:
            where = {"target_": " on this target", "network_": " on the whole network"}.get(scope, "")
            per = format_duration(rate.max_runs.per)
            return Refusal(
                f"{scope}max_runs", f"runs{where} within {per}: {len(recent)}; allowed: {rate.max_runs.count}"
            )
    if rate.cooldown is not None and runs:
        age = now - max(run.started_at for run in runs)
        if age < rate.cooldown:
            left = format_duration(rate.cooldown - age)
            return Refusal(f"{scope}cooldown", f"{who} ran {format_duration(age)} ago; wait {left} more")
    return None


_Rule = Callable[[Guard, GuardFacts, Limits], Refusal | None]
_RULES: tuple[_Rule, ...] = (
    _fresh,
    _exclusive,
    _breaker,
    _maintenance,
    _confident,
    _measurement,
    _route,
    _reach,
    _rates,
)
