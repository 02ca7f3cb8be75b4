"""An incident while it is made: its network, what acts on it, and what is already known of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from bot.laboratory import faults
from bot.laboratory.drivers import STEP_S, Drivers
from bot.laboratory.faults import Cause, Scene, Shape
from bot.laboratory.network import Place, random_place

SHAPES: tuple[Shape, ...] = ("step", "step", "ramp", "intermittent")
"""How faults come: every second one at once, others over time or on and off."""
LEAST_MINUTES: Mapping[str, float] = {"F4": 4, "F5": 2, "F6": 10, "F7": 3, "F8": 5}
"""Youngest age of a fault whose effect takes its time: pools drain, queues fill, bodies warm."""
STEPS = (400, 480)
"""Fewest and most scrapes: an hour of history before a fault that is forty minutes old."""


@dataclass(slots=True, eq=False)
class Draft:
    """A network with the drivers that act on it; the question will be about `link`, node faults are at `node`."""

    place: Place
    drivers: Drivers
    rng: np.random.Generator
    link: int
    node: int
    causes: list[Cause] = field(default_factory=list)
    shared: bool = False
    """Whether the causes act on every link of the node."""
    restarts: list[tuple[int, int]] = field(default_factory=list)
    """(node, step) of devices that start again, with their counters."""
    spike: int | None = None
    """The step of a single absurd sample in many gauges."""

    def scene(
        self, *, age_s: float | None = None, severity: float | None = None, shape: Shape | None = None, least: float = 2
    ) -> Scene:
        """A random fault scene at the draft's link and node; `least` is its youngest age in minutes."""
        form = shape or SHAPES[int(self.rng.integers(0, len(SHAPES)))]
        youngest = max(least, 6.0 if form != "step" else 2.0)
        age = 60 * float(self.rng.uniform(youngest, 40.0)) if age_s is None else age_s
        hard = float(self.rng.random()) if severity is None else severity
        return Scene(self.place, self.drivers, self.rng, self.link, self.node, age, hard, form)

    def touched(self) -> frozenset[str]:
        """The question's link and, where a node is involved, all links of the node."""
        names = {self.place.links[self.link]}
        if self.shared or any(cause.mode in faults.OF_NODES for cause in self.causes):
            names |= {self.place.links[index] for index in self.place.links_of(self.node)}
        return frozenset(names)

    def onset(self, at: float) -> float | None:
        """When the first cause began, Unix s, for scrapes that end at `at`; None without a cause."""
        return (
            at - STEP_S * (self.drivers.steps - 1 - min(cause.step for cause in self.causes)) if self.causes else None
        )


def random_draft(rng: np.random.Generator, *, roomy: bool, links: int | None) -> Draft:
    """A random network, of `links` links where that is given, with nothing happening on it yet."""
    place = random_place(rng, roomy=roomy, links=links)
    drivers = Drivers(links=len(place.links), nodes=len(place.nodes), steps=int(rng.integers(*STEPS, endpoint=True)))
    link = int(rng.integers(0, len(place.links)))
    return Draft(place, drivers, rng, link, int(place.ends[link, int(rng.integers(0, 2))]))
