"""A window seen through the features; what is not fresh is missing, never zero."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from bot.capacity.link import LinkState, evaluate, observed, specified
from bot.capacity.ranges import Number
from bot.diagnosis.cadence import thinned
from bot.diagnosis.columns import Table, table
from bot.diagnosis.features import COLDEST, EXCESS_FAILURE, FEATURES, FIRMWARE
from bot.model.network import Link, Network
from bot.model.telemetry import Quality, Window

EMPTY = 0.05
"""Pool level below which consumption is bounded by generation and no longer tells the demand."""
_WAITING = 3.0
"""A queue longer than this wants something: its link is not idle."""


@dataclass(frozen=True, slots=True)
class Look:
    """One feature of one subject: the shift on the feature's scale, and the signal's own values for people."""

    feature: str
    signal: str
    subject: str
    size: float
    spread: float
    steepness: float
    onset: float | None
    baseline: float
    observed: float
    settling: float
    """Where `observed` is heading once the rate window holds nothing from before the onset; else the same."""
    significance: float
    """Size of the shift as measured, in spreads."""
    expected: float | None = None
    """What the capacity model expects now, where the feature is its residual."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The capacity model's state and answers at the baseline and now."""

    states: tuple[LinkState, LinkState]
    baseline: Mapping[str, Number]
    now: Mapping[str, Number]


class Scene:
    """Built once, asked about many links; `links` restricts it to these and what surrounds them."""

    def __init__(self, window: Window, network: Network, links: tuple[str, ...] | None = None) -> None:
        self.network = network
        self._window = thinned(window)
        self._table = table(self._window, None if links is None else _around(network, links))
        self._quality = {
            name: dict(zip(series.subjects, series.quality, strict=True)) for name, series in window.signals.items()
        }
        self._looks: dict[tuple[str, str], Look | None] = {}
        self._expected: dict[str, Expected] = {}

    def look(self, feature: str, subject: str) -> Look | None:
        """One feature of one subject, or None when its telemetry does not allow an answer."""
        key = feature, subject
        if key not in self._looks:
            self._looks[key] = self._found(feature, subject)
        return self._looks[key]

    def _found(self, feature: str, subject: str) -> Look | None:
        if feature == EXCESS_FAILURE:
            return self._excess_failure(subject)
        seen = self._look(feature, subject)
        if feature != "temperature":
            return seen
        looks = [look for look in (seen, self._look(COLDEST, subject)) if look is not None]
        return max(looks, key=lambda look: look.size, default=None)

    def _look(self, feature: str, subject: str) -> Look | None:
        row = self._table.place.get(feature, {}).get(subject)
        if row is None or not self._known[row]:
            return None
        seen: Table = self._table
        onset = float(seen.found.onset[row])
        return Look(
            feature=feature,
            signal=FEATURES[feature].show,
            subject=subject,
            size=float(seen.size[row]),
            spread=float(seen.found.spread[row]),
            steepness=self._steepness[row],
            onset=None if onset != onset else onset,  # noqa: PLR0124 - not a number
            baseline=float(seen.baseline[row]),
            observed=float(seen.observed[row]),
            settling=float(seen.settling[row]),
            significance=self._significance[row],
        )

    @cached_property
    def _known(self) -> list[bool]:
        return list(self._table.known.tolist())

    @cached_property
    def _steepness(self) -> list[float]:
        return list(np.nan_to_num(self._table.found.steepness).tolist())

    @cached_property
    def _significance(self) -> list[float]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return list(np.abs(self._table.found.size / self._table.found.spread).tolist())

    def lacking(self, feature: str, subject: str) -> tuple[str, ...]:
        """The signals without which `feature` of `subject` has no answer."""
        if feature == EXCESS_FAILURE:
            return ("logical_success_ratio",)
        return tuple(name for name in FEATURES[feature].signals if not self.usable(name, subject))

    def usable(self, signal: str, subject: str) -> bool:
        """Whether a signal is fresh at the window's end."""
        return self._quality.get(signal, {}).get(subject) is Quality.FRESH

    def is_idle(self, link: str) -> bool:
        """Whether nobody uses the link: no transfer now, and none waiting. Shares of transfers then mean nothing."""
        delivered, queue = self.look("delivered", link), self.look("queue", link)
        return delivered is not None and delivered.observed == 0 and (queue is None or queue.observed <= _WAITING)

    def version_change(self, node: str) -> tuple[float, str, str] | None:
        """(when, from, to) of the last firmware change within the window, Unix seconds."""
        series = self._window.signals.get(FIRMWARE)
        row = series.row(node) if series is not None else None
        if series is None or row is None:
            return None
        known = np.flatnonzero(np.isfinite(row))
        changed = np.flatnonzero(np.diff(row[known]) != 0)
        if not changed.size:
            return None
        before, after = known[changed[-1]], known[changed[-1] + 1]
        return float(series.times[after]), series.labels[int(row[before])], series.labels[int(row[after])]

    def states(self, link: Link) -> tuple[LinkState, LinkState]:
        """The link's parameters at its baseline and now; what is unknown is taken from the specification."""
        return self.expected(link).states

    def expected(self, link: Link) -> Expected:
        """What the capacity model says of the link's parameters at its baseline and now."""
        if link.id not in self._expected:
            baseline, now = self._states(link)
            self._expected[link.id] = Expected((baseline, now), evaluate(baseline), evaluate(now))
        return self._expected[link.id]

    def _states(self, link: Link) -> tuple[LinkState, LinkState]:
        baseline = observed(link, self.levels(link, "baseline"), reference=specified(link))
        now = observed(link, self.levels(link, "now"), reference=baseline)
        if now.pool_pairs < EMPTY * now.pool_capacity_pairs:
            # An empty pool serves only what is made: what was asked for shows in the time before.
            now = replace(now, consumption_rate=max(float(now.consumption_rate), float(baseline.consumption_rate)))
        return baseline, now

    def levels(self, link: Link, when: Literal["baseline", "now"]) -> Mapping[str, float]:
        """Signal -> level; for signals of nodes the worse end. Signals that are not fresh are left out."""
        levels: dict[str, float] = {}
        for name, feature in FEATURES.items():
            if feature.show in levels or len(feature.signals) > 1:
                continue
            subjects = (link.id,) if feature.of == "link" else link.ends
            looks = [look for subject in subjects if (look := self.look(name, subject)) is not None]
            values = [look.baseline if when == "baseline" else look.settling for look in looks]
            if values:
                levels[feature.show] = min(values) if feature.show.startswith("coherence") else max(values)
        return levels

    def _excess_failure(self, subject: str) -> Look | None:
        seen = self.look("logical_failure", subject)
        link = self.network.links.get(subject)
        if seen is None or link is None:
            return None
        model = self.expected(link)
        before, now = (1 - float(side["logical_success_ratio"]) for side in (model.baseline, model.now))
        rise = max(0.0, float(np.log((max(now, 0.0) + 1e-3) / (max(before, 0.0) + 1e-3))))
        expected = 1 - (1 - seen.baseline + 1e-3) * float(np.exp(rise)) + 1e-3
        return replace(seen, feature=EXCESS_FAILURE, size=seen.size - rise, expected=max(0.0, expected))


def _around(network: Network, links: tuple[str, ...]) -> frozenset[str]:
    """Links, their ends, all links of these, and their far ends."""
    nodes = {end for link in links for end in network.links[link].ends}
    nearby = {each.id: each for node in nodes for each in network.links_of(node)}
    return frozenset({*nearby, *(end for each in nearby.values() for end in each.ends)})
