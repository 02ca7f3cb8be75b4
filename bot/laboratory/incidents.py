"""Labelled incidents: a network's telemetry with one known cause, or two, or none, and the answer to expect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bot.laboratory import mixed, page
from bot.laboratory.absent import take_away
from bot.laboratory.benign import BENIGN
from bot.laboratory.draft import LEAST_MINUTES, Draft, random_draft
from bot.laboratory.drivers import STEP_S
from bot.laboratory.faults import FAULTS, Label
from bot.laboratory.kinds import KINDS, Kind
from bot.laboratory.mixed import CONFUSABLE, SHARED
from bot.laboratory.series import Key, raw_series
from bot.model.network import Network
from bot.model.telemetry import FloatArray

Answer = Literal["fault", "healthy", "unknown", "no fault"]
"""`no fault` is healthy or unknown: nothing that a mode explains."""
END = 1_790_000_000.0
"""Unix seconds around which the questions are asked."""
_NAMES: Mapping[Kind, tuple[str, ...]] = {
    "single": tuple(FAULTS),
    "confusable": tuple(CONFUSABLE),
    "benign": tuple(BENIGN),
    "missing": tuple(FAULTS),
    "shared": tuple(SHARED),
}
"""Kind -> the names that its seeds take in turn."""


@dataclass(slots=True, eq=False)
class Incident:
    """One question with its answer. `expected` has the root cause first; without any, `verdict` says what to say."""

    kind: Kind
    seed: int
    name: str
    network: Network
    series: Mapping[Key, FloatArray]
    at: float
    link: str
    expected: tuple[Label, ...]
    verdict: Answer
    touched: frozenset[str]
    """Links whose answer the incident may change; all others are healthy."""
    onset: float | None = None
    """When the first cause began, Unix s; None where there is none."""
    lacking: str = ""
    """The derived signal whose absence makes the answer unknown."""

    @property
    def times(self) -> FloatArray:
        """When the scrapes were made, Unix s."""
        steps = len(next(iter(self.series.values())))
        return np.asarray(self.at - STEP_S * np.arange(steps)[::-1], dtype=np.float64)


def incident(kind: Kind, seed: int, *, links: int | None = None) -> Incident:
    """The incident of this kind with this seed, the same every time; `links` (at least 4) sets the network's size."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    draft = random_draft(rng, roomy=_name(kind, seed) == "surge", links=links)
    name = _happen(draft, kind, _name(kind, seed))
    at = END + float(rng.uniform(0.0, 86_400.0))
    series = page.with_flaws(_told(draft, at), rng)
    if draft.spike is not None:
        page.spike(series, rng, draft.spike)
    verdict = _verdict(kind, name)
    return Incident(
        kind=kind,
        seed=seed,
        name=name,
        network=draft.place.network,
        series=series,
        at=at,
        link=draft.place.links[draft.link],
        expected=tuple(cause.label for cause in draft.causes) if verdict == "fault" else (),
        verdict=verdict,
        touched=draft.touched() if kind != "benign" else frozenset(),
        onset=draft.onset(at),
        lacking=take_away(draft, series, name) if kind == "missing" else "",
    )


def _happen(draft: Draft, kind: Kind, name: str) -> str:
    """Let it happen, and return its name."""
    if kind == "compound":
        return mixed.two(draft)
    if kind == "confusable":
        CONFUSABLE[name](draft)
    elif kind == "benign":
        BENIGN[name](draft)
    elif kind == "shared":
        mixed.shared(draft, name)
    else:
        draft.causes.append(FAULTS[name](draft.scene(least=LEAST_MINUTES.get(name, 2.0))))
    return name


def _told(draft: Draft, at: float) -> dict[Key, FloatArray]:
    """The series as the devices count them: devices that start again count from zero."""
    series = dict(raw_series(draft.place, draft.drivers, draft.rng, at=at))
    for node, step in draft.restarts:
        page.reset(series, {draft.place.links[index] for index in draft.place.links_of(node)}, step)
    return series


def _verdict(kind: Kind, name: str) -> Answer:
    if kind == "benign":
        return "healthy"
    if kind == "missing":
        return "unknown"
    return "no fault" if name == "T2 step long after firmware" else "fault"


def _name(kind: Kind, seed: int) -> str:
    names = _NAMES.get(kind, ("",))
    return names[seed % len(names)]
