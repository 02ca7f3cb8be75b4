"""How often runs may begin and how far back that reaches, from the configuration and from what the store remembers."""

from collections.abc import Iterable

from bot.guard_settings import GuardSettings, RateSettings
from bot.model.event import Event
from bot.model.guard import RunRow
from bot.model.step_event import StepEnded
from remediation.guard import Limits, PastRun, Rate
from remediation.schema import Guard


def limits_of(settings: GuardSettings) -> Limits:
    """The configuration as `remediation.guard` wants it."""
    return Limits(
        per_target=_rate(settings.per_target),
        network_wide=_rate(settings.network_wide),
        max_share_out=settings.max_share_out,
        failures_in_a_row=settings.failures_in_a_row,
    )


def memory_s(guard: Guard, limits: Limits) -> float:
    """How far back runs can matter to any rate; s."""
    rates = (Rate(guard.max_runs, guard.cooldown), limits.per_target, limits.network_wide)
    return max(max(rate.max_runs.per if rate.max_runs else 0.0, rate.cooldown or 0.0) for rate in rates)


def past(rows: Iterable[RunRow]) -> tuple[PastRun, ...]:
    """Runs as the store remembers them, as `remediation.guard` wants them."""
    return tuple(PastRun(row.run, row.started_at, row.result) for row in rows)


def counted_as(result: str, run: str, history: Iterable[Event]) -> str:
    """How a run ended, for those who count failures: nothing went wrong in one that a guard turned back."""
    bodies = (event.body for event in history)
    ended = {body.outcome for body in bodies if isinstance(body, StepEnded) and body.run == run and body.phase == "run"}
    turned_back = result in ("failed", "rolled back") and "refused" in ended and not ended & {"failed", "unknown"}
    return "refused" if turned_back else result


def _rate(settings: RateSettings) -> Rate:
    return Rate(settings.max_runs, settings.cooldown)
