"""Prometheus rules for a network's promises: burn rates of the error budget, and symptoms worth a look.

Multi-window multi-burn-rate alerts after the Site Reliability Workbook (Google, 2018), chapter 5, table 5-8:
a burn rate of 1 spends the whole error budget in the SLO's period. Times in seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml

from bot.model.network import Link, Network
from remediation.duration import format_duration

PERIOD_S = 30 * 86400.0
TRANSFERS = "qnet_logical_transfers_total"
BUDGET = "qnet:slo_error_budget:ratio"

Rule = Mapping[str, Any]


class BurnWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Fires when the budget burns `factor` times too fast over `long_s` and still does over `short_s`.

    `factor` holds for a period of 30 days (share of the budget x period / window) and scales with the period.
    `min_transfers` is the volume guard: with fewer transfers in the long window nothing is concluded.
    """

    name: str
    severity: str
    factor: float
    long_s: float
    short_s: float
    min_transfers: int


BURN_WINDOWS: tuple[BurnWindow, ...] = (
    BurnWindow(name="Fast", severity="critical", factor=14.4, long_s=3600, short_s=300, min_transfers=100),
    BurnWindow(name="Slow", severity="critical", factor=6.0, long_s=21600, short_s=1800, min_transfers=200),
    BurnWindow(name="Trickle", severity="warning", factor=1.0, long_s=259200, short_s=21600, min_transfers=500),
)
"""2% of a 30-day budget in 1 h, 5% in 6 h, 10% in 3 d."""

FAST_BURN_WINDOWS: tuple[BurnWindow, ...] = (
    BurnWindow(name="Fast", severity="critical", factor=14.4, long_s=30, short_s=10, min_transfers=10),
    BurnWindow(name="Slow", severity="critical", factor=6.0, long_s=60, short_s=20, min_transfers=20),
    BurnWindow(name="Trickle", severity="warning", factor=1.0, long_s=300, short_s=60, min_transfers=50),
)
"""The same factors over windows short enough for game days and tests; not for production."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How quickly the rules look and speak: the windows, and the patience of the symptom alerts."""

    windows: tuple[BurnWindow, ...]
    interval_s: float
    hold_s: float
    """How long a symptom must last."""
    absent_s: float
    day_s: float
    """The history that a device's temperature is compared with."""


STEADY = Pace(windows=BURN_WINDOWS, interval_s=30, hold_s=120, absent_s=300, day_s=86400)
FAST = Pace(windows=FAST_BURN_WINDOWS, interval_s=5, hold_s=10, absent_s=30, day_s=600)


def burn_threshold(link: Link, window: BurnWindow) -> float:
    """The failure ratio above which `window` fires for `link`; at 1 or more it can never fire."""
    return window.factor * (link.slo.window_s / PERIOD_S) * (1.0 - link.slo.logical_success)


def unreachable(network: Network, pace: Pace = STEADY) -> tuple[str, ...]:
    """One sentence for each alert that can never fire because its link's objective is too low for it."""
    return tuple(
        f"link {link.id}: an objective of {link.slo.logical_success:g} can never burn at {window.factor:g} times "
        f"its rate, so LogicalSuccess{window.name}Burn stays silent for it"
        for link in network.links.values()
        for window in pace.windows
        if burn_threshold(link, window) >= 1.0
    )


def rules(network: Network, pace: Pace = STEADY) -> str:
    """A rule file for Prometheus: recording and alerting rules for every link of `network`."""
    interval = format_duration(pace.interval_s)
    groups = [
        {"name": "bellhop-slo-budget", "interval": interval, "rules": list(_budgets(network))},
        {"name": "bellhop-slo-ratio", "interval": interval, "rules": list(_ratios(pace))},
        {"name": "bellhop-slo-burn", "interval": interval, "rules": list(_burns(network, pace))},
        {"name": "bellhop-symptoms", "interval": interval, "rules": list(_symptoms(pace))},
    ]
    head = f"# Written by `bellhop slo rules` for the network {network.name!r}; write it again rather than edit it.\n"
    return head + str(yaml.safe_dump({"groups": groups}, sort_keys=False, width=110))


def _budgets(network: Network) -> Iterator[Rule]:
    """What each link may fail: 1 - objective, with the period of its promise as a label."""
    for link in network.links.values():
        yield {
            "record": BUDGET,
            "expr": f"vector({1.0 - link.slo.logical_success:.12g})",
            "labels": {"link": link.id, "period": format_duration(link.slo.window_s)},
        }


def _ratios(pace: Pace) -> Iterator[Rule]:
    """The failure ratio of all links over each window; a link that never failed counts as 0, not as unknown."""
    for seconds in sorted({span for window in pace.windows for span in (window.long_s, window.short_s)}):
        span = format_duration(seconds)
        total = f"sum by (link) (rate({TRANSFERS}[{span}]))"
        failed = f'sum by (link) (rate({TRANSFERS}{{result="failure"}}[{span}]))'
        yield {"record": _ratio(seconds), "expr": f"({failed} or 0 * {total}) / ({total} > 0)"}


def _ratio(seconds: float) -> str:
    return f"qnet:logical_failure:ratio_rate{format_duration(seconds)}"


def _burns(network: Network, pace: Pace) -> Iterator[Rule]:
    """One alert per window and period of promise; the objective of each link comes from its budget."""
    periods = dict.fromkeys(link.slo.window_s for link in network.links.values())
    for window in pace.windows:
        for period in periods:
            yield _burn(window, period)


def _burn(window: BurnWindow, period: float) -> Rule:
    factor = f"{window.factor * period / PERIOD_S:.6g}"
    limit = f'{factor} * max by (link) ({BUDGET}{{period="{format_duration(period)}"}})'
    long, short = format_duration(window.long_s), format_duration(window.short_s)
    volume = f"sum by (link) (increase({TRANSFERS}[{long}])) >= {window.min_transfers}"
    return {
        "alert": f"LogicalSuccess{window.name}Burn",
        "expr": f"({_ratio(window.long_s)} > {limit}) and ({_ratio(window.short_s)} > {limit}) and ({volume})",
        "labels": {"severity": window.severity, "window": long},
        "annotations": {
            "summary": f"Link {{{{ $labels.link }}}} spends its error budget over {factor} times too fast",
            "description": f"Over {long} {{{{ $value | humanizePercentage }}}} of the logical transfers failed, "
            f"and the last {short} are no better.",
        },
    }


def _symptoms(pace: Pace) -> Iterator[Rule]:
    hold, absent, day = (format_duration(span) for span in (pace.hold_s, pace.absent_s, pace.day_s))
    yield _alert(
        "EntanglementPoolNearlyEmpty",
        "sum by (link) (qnet_entanglement_pool_pairs) / sum by (link) (qnet_entanglement_pool_capacity_pairs) < 0.1",
        hold,
        "The entanglement pool of {{ $labels.link }} is at {{ $value | humanizePercentage }}",
    )
    yield _alert(
        "QuantumDeviceHot",
        f"qnet_device_temperature_kelvin > 1.1 * quantile_over_time(0.5, qnet_device_temperature_kelvin[{day}])",
        hold,
        "{{ $labels.node }} is over 10% warmer than its own median: {{ $value }} K",
    )
    yield _alert(
        "QuantumDeviceDown",
        "qnet_device_up == 0",
        hold,
        "{{ $labels.node }} does not answer",
    )
    yield _alert(
        "LinkTelemetryAbsent",
        f"max by (link) ({BUDGET}) unless on (link) {TRANSFERS}",
        absent,
        "Nothing is heard of {{ $labels.link }}: its promise cannot be judged",
    )


def _alert(name: str, expression: str, hold: str, summary: str, severity: str = "warning") -> Rule:
    return {
        "alert": name,
        "expr": expression,
        "for": hold,
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }


def alert_names(document: str) -> Sequence[str]:
    """The alerts of a rule file, in order."""
    groups = yaml.safe_load(document)["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
