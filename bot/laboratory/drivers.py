"""What acts on a network over time: factors and offsets that are neutral until an incident changes them."""

from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

from bot.model.telemetry import FloatArray

STEP_S = 15.0
"""Seconds between scrapes."""


@dataclass(slots=True, eq=False)
class Drivers:
    """Causes, shape (L, T) for links and (N, T) for nodes; 1 for a factor and 0 for an offset mean as usual."""

    links: int
    nodes: int
    steps: int
    demand: FloatArray = field(init=False)
    loss_db: FloatArray = field(init=False)
    attempts: FloatArray = field(init=False)
    slots: FloatArray = field(init=False)
    stuck: FloatArray = field(init=False)
    """Share of the slots that something else holds."""
    decode_p50: FloatArray = field(init=False)
    decode_p99: FloatArray = field(init=False)
    rtt: FloatArray = field(init=False)
    logical: FloatArray = field(init=False)
    correlation: FloatArray = field(init=False)
    physical: FloatArray = field(init=False)
    """Factor on the physical error: syndromes, fidelity and logical errors follow."""
    fidelity: FloatArray = field(init=False)
    t1: FloatArray = field(init=False)
    t2: FloatArray = field(init=False)
    variance: FloatArray = field(init=False)
    temperature: FloatArray = field(init=False)
    up: FloatArray = field(init=False)
    version: FloatArray = field(init=False)
    """How many firmware changes there were so far."""
    calibrated: FloatArray = field(init=False)
    """The step of the last calibration; negative for one before the first scrape."""

    def __post_init__(self) -> None:
        link, node = (self.links, self.steps), (self.nodes, self.steps)
        for name in ("demand", "attempts", "slots", "decode_p50", "decode_p99", "rtt", "logical", "physical"):
            setattr(self, name, np.ones(link))
        for name in ("loss_db", "stuck", "correlation", "fidelity"):
            setattr(self, name, np.zeros(link))
        for name in ("t1", "t2", "variance", "temperature", "up"):
            setattr(self, name, np.ones(node))
        self.version = np.zeros(node)
        self.calibrated = np.full(node, -2400.0)


def wander(rng: np.random.Generator, shape: tuple[int, int], *, memory_s: float) -> FloatArray:
    """An autoregressive wobble of mean 0 and standard deviation 1 that forgets within `memory_s`."""
    keep = float(np.exp(-STEP_S / memory_s))
    noise = rng.normal(0.0, np.sqrt(1 - keep**2), shape)
    noise[:, 0] = rng.normal(0.0, 1.0, shape[0])
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1))
