"""What telemetry says of one link, ready for the capacity model: states, usual scatter, history."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.capacity.estimate import Estimate, estimate
from bot.capacity.history import over_time
from bot.capacity.link import LinkState, observed, specified
from bot.capacity.observed import RANGES
from bot.capacity.ranges import Array
from bot.capacity.shown import unmeasured
from bot.capacity.variation import Factor, How, scatter
from bot.cli.options import opened
from bot.diagnosis.scene import Scene
from bot.errors import NotFoundError, TelemetryUnavailableError, UsageError
from bot.flow.observe import Observer
from bot.model.network import Link, Network
from bot.model.telemetry import Quality, Window
from bot.telemetry.embedded import EmbeddedTelemetry

if TYPE_CHECKING:
    from bot.app import Bellhop

_SCATTER: tuple[tuple[str, str, How], ...] = (
    ("loss", "loss_db", "add"),
    ("attempts", "attempt_rate_hz", "multiply"),
    ("consumption", "consumption_rate", "multiply"),
    ("pool_level", "pool_pairs", "add"),
    ("decode_p50", "decode_latency_s", "multiply"),
    ("decode_p99", "decode_p99_s", "multiply"),
    ("control_rtt", "control_rtt_s", "multiply"),
    ("fidelity", "fidelity", "add"),
    ("qber", "qber", "add"),
    ("t1", "t1_s", "multiply"),
    ("t2", "t2_s", "multiply"),
)
"""Feature of the diagnosis (its scale adds up, or is a logarithm) -> the parameter that scatters with it."""
_GLANCE = {"scrape_interval": 1.0, "step": 1.0, "rate_window": 4.0, "history": 7.0}
"""Telemetry settings, s, of a glance at exporters: the rate window is full when it ends."""
_MADE = "entanglement_rate"
"""Without it a history says nothing of what the link delivers; means over the rate window come in late."""
_UNSAID = (
    "herald_efficiency",
    "fidelity",
    "decode_latency_s",
    "decode_p99_s",
    "control_rtt_s",
    "consumption_rate",
    "pool_pairs",
    "qber",
    "readout_variance",
)
"""Parameters that the network file does not promise."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks about a link."""

    link: str
    config: Path
    at: float | None
    varied: tuple[Factor, ...]
    uses: int
    eps: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The estimate of a link, where its numbers come from, and its capacity over the window."""

    link: Link
    at: float
    now: LinkState
    estimate: Estimate
    source: str
    assumed: tuple[str, ...]
    """Signals that were not measured: what the network file promises stands in."""
    times: Array
    history: Array


def answer(asked: Asked) -> Answer:
    """Ask telemetry and the model; raises NotFoundError, TelemetryUnavailableError or UsageError."""
    if not asked.config.exists():
        raise UsageError(
            f"there is no configuration {asked.config}, so no telemetry of {asked.link}",
            hint="name one with --config, make one with `bellhop init`, or ask for a bare channel with --channel",
        )
    return asyncio.run(_ask(asked))


async def _ask(asked: Asked) -> Answer:
    async with opened(asked.config) as bellhop:
        network = bellhop.network
        if asked.link not in network.links:
            known = ", ".join(sorted(network.links)[:8])
            raise NotFoundError(f"there is no link {asked.link}", hint=f"the network has {known}")
        at = bellhop.clock.now() if asked.at is None else asked.at
        window = await _remembered(bellhop, asked, at)
        alone = window is None
        if window is None:
            window = await _scraped(bellhop, asked)
        return _answer(asked, network, window, at, alone=alone)


async def _remembered(bellhop: "Bellhop", asked: Asked, at: float) -> Window | None:
    """What Prometheus knows, or the file of the running server's embedded telemetry; None where that has no history."""
    if not isinstance(bellhop.telemetry, EmbeddedTelemetry):
        return await bellhop.observer.window(asked.link, at)
    try:
        window = await bellhop.observer.window(asked.link, at)
    except TelemetryUnavailableError:
        return None
    link = bellhop.network.links[asked.link]
    known = Scene(window, bellhop.network).levels(link, "baseline")
    return window if _MADE in known or (known and asked.at is not None) else None


async def _scraped(bellhop: "Bellhop", asked: Asked) -> Window:
    """A few scrapes of this process, where the server's embedded telemetry has left no history to read."""
    if asked.at is not None:
        raise UsageError(
            f"embedded telemetry has no history of {asked.link} at that time",
            hint="it keeps six hours; further back --at needs source: prometheus",
        )
    short = bellhop.settings.telemetry.model_copy(update=_GLANCE)
    telemetry = EmbeddedTelemetry(
        short.exporters,
        clock=bellhop.clock,
        scrape_interval_s=short.scrape_interval,
        rate_window_s=short.rate_window,
        names=short.metrics,
        matchers=short.matchers,
    )
    observer = Observer(
        telemetry=telemetry, network=bellhop.network, rules=bellhop.rules, settings=short, clock=bellhop.clock
    )
    try:
        for _ in range(int(short.history / short.scrape_interval)):
            await telemetry.scrape_once()
            await bellhop.clock.sleep(short.scrape_interval)
        return await observer.window(asked.link, bellhop.clock.now())
    finally:
        await telemetry.aclose()


def _answer(asked: Asked, network: Network, window: Window, at: float, *, alone: bool) -> Answer:
    link = network.links[asked.link]
    scene = Scene(window, network)
    fresh = {name: value for name in RANGES if (value := _latest(name, link, window)) is not None}
    if not fresh:
        raise TelemetryUnavailableError(
            f"telemetry has nothing fresh of {link.id} at that time", hint="check with `bellhop doctor`"
        )
    levels = scene.levels(link, "baseline")
    if alone or not levels or (_MADE not in levels and _MADE in fresh):
        now = observed(link, fresh, reference=specified(link))
        baseline = replace(specified(link), **{name: getattr(now, name) for name in _UNSAID})
        levels = fresh
        source = (
            "no history of telemetry here: baseline is what the network file promises (loss, attempts, T1, T2, errors)"
        )
    else:
        baseline, now = scene.states(link)
        minutes = (window.end - _since(window)) / 60
        source = f"baseline and now from {minutes:.0f} min of telemetry; 5..95%: the link's usual scatter"
    assumed = unmeasured(levels)
    if assumed:
        source = f"{source}; not measured, so the network file's promise stands in: {', '.join(assumed)}"
    varied = (*_usual_scatter(scene, link), *asked.varied)
    times, told = over_time(link, window, baseline)
    return Answer(
        link=link,
        at=at,
        now=now,
        estimate=estimate(baseline, now, varied, uses=asked.uses, eps=asked.eps),
        source=source,
        assumed=assumed,
        times=times,
        history=told.get("capacity_qubits_per_s", np.empty(0)),
    )


def _since(window: Window) -> float:
    """The first instant at which anything is known, Unix seconds."""
    known = [series.times[np.isfinite(series.values).any(axis=0)] for series in window.signals.values()]
    return min((float(times[0]) for times in known if times.size), default=window.end)


def _latest(name: str, link: Link, window: Window) -> float | None:
    """The last sample of a signal where it is fresh; of a node's the worse end."""
    series = window.signals.get(name)
    if series is None:
        return None
    fresh = [each for each in (link.id, *link.ends) if series.quality_of(each) is Quality.FRESH]
    values = [value for each in fresh if (value := series.last(each)) is not None]
    return (min(values) if name.startswith("coherence") else max(values)) if values else None


def _usual_scatter(scene: Scene, link: Link) -> Sequence[Factor]:
    factors = []
    for feature, parameter, how in _SCATTER:
        looks = [look for each in (link.id, *link.ends) if (look := scene.look(feature, each)) is not None]
        spread = max((look.spread for look in looks if np.isfinite(look.spread)), default=0.0)
        if spread > 0:
            size = spread * link.pool.capacity_pairs if parameter == "pool_pairs" else spread
            factors.append(scatter(parameter, size, how))
    return factors
