"""Guards refuse a run with a reason that a person can act on, or let it through."""

from typing import Any

import pytest

from remediation.guard import GuardFacts, PastRun, Refusal, check
from remediation.schema import Guard

NOW = 1_770_000_000.0
"""The incident's day; only differences matter."""
EVERY_GUARD = {"max_runs": {"count": 2, "per": "1h"}, "cooldown": "5m", "require_fresh_telemetry": "2m"}


def refused(guard: dict[str, Any], *ages: float, telemetry_age_s: float = 10.0) -> Refusal | None:
    """What a guard says when the runbook ran these many seconds ago."""
    past = tuple(PastRun(run=f"INC-{number}-R1", started_at=NOW - age) for number, age in enumerate(ages))
    return check(Guard.model_validate(guard), GuardFacts(NOW, past, telemetry_age_s))


def test_no_guard_refuses_nothing() -> None:
    """Even when it ran a moment ago and telemetry is missing."""
    assert refused({}, 1.0, 2.0, telemetry_age_s=float("inf")) is None


def test_every_guard_may_hold_at_once() -> None:
    """One run 6 minutes ago, fresh telemetry."""
    assert refused(EVERY_GUARD, 360.0) is None


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (120.0, ""),
        (121.0, "telemetry is 2m1s old; nothing is done on data older than 2m"),
        (float("inf"), "telemetry is missing; nothing is done on data older than 2m"),
        (float("nan"), "telemetry is missing; nothing is done on data older than 2m"),
    ],
)
def test_stale_or_missing_telemetry_refuses(age: float, said: str) -> None:
    """Nothing is done blindly; an age that nobody knows is no fresh one."""
    refusal = refused({"require_fresh_telemetry": "2m"}, telemetry_age_s=age)
    assert refusal == (Refusal("require_fresh_telemetry", said) if said else None)


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ((), ""),
        ((10.0,), ""),
        ((10.0, 3599.0), "runs within 1h: 2; allowed: 2"),
        ((10.0, 3600.0), ""),
        ((10.0, 20.0, 30.0, 7200.0), "runs within 1h: 3; allowed: 2"),
    ],
)
def test_more_runs_than_allowed_in_a_period_are_refused(ages: tuple[float, ...], said: str) -> None:
    """A runbook that does not help is not done over and over; runs before the period do not count."""
    refusal = refused({"max_runs": {"count": 2, "per": "1h"}}, *ages)
    assert refusal == (Refusal("max_runs", said) if said else None)


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ((), ""),
        ((300.0,), ""),
        ((290.0,), "it ran 4m50s ago; wait 10s more"),
        ((4000.0, 60.0, 900.0), "it ran 1m ago; wait 4m more"),
    ],
)
def test_run_too_soon_after_the_last_is_refused(ages: tuple[float, ...], said: str) -> None:
    """The network gets time to show what the last run did; the youngest run counts."""
    refusal = refused({"cooldown": "5m"}, *ages)
    assert refusal == (Refusal("cooldown", said) if said else None)


def test_blindness_is_told_first() -> None:
    """Of several reasons the one that needs a person most."""
    refusal = refused(EVERY_GUARD, 10.0, 20.0, telemetry_age_s=900.0)
    assert refusal is not None
    assert refusal.guard == "require_fresh_telemetry"
