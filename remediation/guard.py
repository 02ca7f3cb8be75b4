"""Guards: what must hold before a run and before each act of it; a refusal says why."""

import math
from dataclasses import dataclass

from remediation.duration import format_duration
from remediation.schema import Guard


@dataclass(frozen=True, slots=True)
class PastRun:
    """An earlier run of the same runbook on the same target; Unix seconds."""

    run: str
    started_at: float


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What guards are held against; instants in Unix seconds, ages in seconds."""

    now: float
    past_runs: tuple[PastRun, ...]
    telemetry_age_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which guard said no, and why."""

    guard: str
    reason: str


def check(guard: Guard, facts: GuardFacts) -> Refusal | None:
    """The first guard that does not hold, or None."""
    if guard.require_fresh_telemetry is not None and not facts.telemetry_age_s <= guard.require_fresh_telemetry:
        known = math.isfinite(facts.telemetry_age_s)
        age = f"{format_duration(facts.telemetry_age_s)} old" if known else "missing"
        wanted = format_duration(guard.require_fresh_telemetry)
        return Refusal("require_fresh_telemetry", f"telemetry is {age}; nothing is done on data older than {wanted}")
    if guard.max_runs is not None:
        since = facts.now - guard.max_runs.per
        recent = [run for run in facts.past_runs if run.started_at > since]
        if len(recent) >= guard.max_runs.count:
            per = format_duration(guard.max_runs.per)
            return Refusal("max_runs", f"runs within {per}: {len(recent)}; allowed: {guard.max_runs.count}")
    if guard.cooldown is not None and facts.past_runs:
        last = max(run.started_at for run in facts.past_runs)
        if facts.now - last < guard.cooldown:
            left = format_duration(guard.cooldown - (facts.now - last))
            return Refusal("cooldown", f"it ran {format_duration(facts.now - last)} ago; wait {left} more")
    return None
