"""The eight failure modes as causes that act on a network, from mild to severe, in physical terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from bot.laboratory.drivers import STEP_S, Drivers
from bot.laboratory.network import Place
from bot.model.telemetry import FloatArray

Shape = Literal["step", "ramp", "intermittent"]
Label = tuple[str, str]
"""Failure mode and the id of the link or node that has it."""


class Cause(NamedTuple):
    """A failure mode, the id of the link or node that has it, and the first step at which it acts."""

    mode: str
    subject: str
    step: int

    @property
    def label(self) -> Label:
        """What to expect of a diagnosis."""
        return self.mode, self.subject


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Where and when a fault acts: on the link `link` or its end `node`, `age_s` before the question."""

    place: Place
    drivers: Drivers
    rng: np.random.Generator
    link: int
    node: int
    age_s: float
    severity: float
    """0 mild .. 1 severe."""
    shape: Shape

    @property
    def onset(self) -> int:
        """The first step at which the fault acts."""
        return self.drivers.steps - max(2, round(self.age_s / STEP_S))

    def between(self, mild: float, severe: float) -> float:
        """A physical size between `mild` and `severe`, evenly over the orders of magnitude."""
        return float(mild * (severe / mild) ** self.severity)


def course(scene: Scene, *, over_s: float | None = None) -> FloatArray:
    """How far the fault has come at each step, 0..1, shape (T,); `over_s` makes a ramp of that length."""
    since = (np.arange(scene.drivers.steps) - scene.onset) * STEP_S
    acting = (since >= 0).astype(np.float64)
    if over_s is not None or scene.shape == "ramp":
        length = over_s or scene.age_s * float(scene.rng.uniform(0.3, 0.9))
        return np.asarray(np.clip((since + STEP_S) / max(length, STEP_S), 0.0, 1.0) * acting)
    if scene.shape == "intermittent":
        period, share = float(scene.rng.uniform(60.0, 150.0)), float(scene.rng.uniform(0.65, 0.85))
        left = (scene.drivers.steps - 1 - np.arange(scene.drivers.steps)) * STEP_S
        return np.asarray(acting * ((left % period) < share * period))
    return acting


def excess_loss(scene: Scene) -> Cause:
    """F1: 1.5 to 12 dB more loss."""
    scene.drivers.loss_db[scene.link] += scene.between(1.5, 12.0) * course(scene)
    return Cause("F1", scene.place.links[scene.link], scene.onset)


def correlated_noise(scene: Scene) -> Cause:
    """F2: 2 to 20 times as many logical errors, enough to be counted within the fault's age."""
    traits, link = scene.place.traits, scene.link
    usual = traits.demand[link] * traits.logical[link] * min(scene.age_s, 300.0) * 0.7
    deviations = 9 if scene.shape == "intermittent" else 6
    countable = 1 + deviations * np.sqrt(usual + 1) / max(usual, 1e-9)
    factor = max(scene.between(2.0, 20.0), countable)
    factor = min(factor, 0.5 / traits.logical[link])
    how = course(scene)
    scene.drivers.logical[link] *= 1 + (factor - 1) * how
    scene.drivers.correlation[link] += scene.between(0.02, 0.3) * how
    return Cause("F2", scene.place.links[link], scene.onset)


def decoder_timeouts(scene: Scene) -> Cause:
    """F3: the slowest decodes take 3 to 50 times as long; the median follows by 5% to 100% of that."""
    factor, follows = scene.between(3.0, 50.0), float(scene.rng.uniform(0.05, 1.0))
    how = course(scene)
    scene.drivers.decode_p99[scene.link] *= 1 + (factor - 1) * how
    scene.drivers.decode_p50[scene.link] *= 1 + (factor - 1) * follows * how
    if scene.rng.random() < 0.5:
        scene.drivers.rtt[scene.link] *= 1 + float(scene.rng.uniform(0.5, 5.0)) * how
    return Cause("F3", scene.place.links[scene.link], scene.onset)


def exhaustion(scene: Scene) -> Cause:
    """F4: attempts are cut, or demand exceeds what can be made, by enough to empty the pool before the question."""
    traits, link = scene.place.traits, scene.link
    used = float(traits.demand[link] * traits.pairs_per_transfer[link])
    draining = max(scene.between(0.15, 0.8), float(traits.pool_pairs[link]) / (0.5 * scene.age_s * used))
    if draining > 0.95:
        traits.pool_pairs[link] = 0.45 * scene.age_s * used
        draining = 0.95
    steady = replace(scene, shape="step")
    how = course(steady)
    if scene.rng.random() < 0.5:
        cut = max(0.02, 0.85 * (1 - draining) / float(traits.headroom[link]))
        scene.drivers.attempts[link] *= 1 - (1 - cut) * how
    else:
        traits.headroom[link] = 1.6
        surge = 1.6 * (1.15 + draining)
        traits.slots[link] = np.ceil(traits.demand[link] * traits.service[link] * surge * 1.8 + 3)
        scene.drivers.demand[link] *= 1 + (surge - 1) * how
    return Cause("F4", scene.place.links[link], scene.onset)


def firmware_regression(scene: Scene, *, lag_s: float = 0.0) -> Cause:
    """F5: T2 falls by 20% to 80% when the firmware changes, or `lag_s` later."""
    drivers, node = scene.drivers, scene.node
    how = course(replace(scene, shape="step"))
    drivers.t2[node] *= 1 - scene.between(0.2, 0.8) * how
    if scene.rng.random() < 0.5:
        drivers.t1[node] *= 1 - scene.between(0.1, 0.5) * how
    change_firmware(scene, at=max(10, scene.onset - round(lag_s / STEP_S)))
    return Cause("F5", scene.place.nodes[node], scene.onset)


def change_firmware(scene: Scene, *, at: int) -> None:
    """A new version runs on the node from step `at` on; every second time the device is down for up to a minute."""
    scene.drivers.version[scene.node, at:] += 1
    if scene.rng.random() < 0.5:
        scene.drivers.up[scene.node, at : at + int(scene.rng.integers(1, 4))] = 0.0


def measurement_drift(scene: Scene) -> Cause:
    """F6: the readout's variance grows by 50% to 400% over 15 to 40 minutes."""
    length = float(scene.rng.uniform(900.0, 2400.0))
    longer = replace(scene, age_s=max(scene.age_s, float(scene.rng.uniform(0.6, 1.0)) * length))
    growth = longer.between(0.5, 4.0) * course(longer, over_s=length)
    scene.drivers.variance[scene.node] *= 1 + growth
    return Cause("F6", scene.place.nodes[scene.node], longer.onset)


Way = Literal["cut", "held", "outgrown"]
_BUSY = 4.0
"""Slots that are busy at least: of fewer, a part of one decides whether any are lacking."""


def starvation(scene: Scene, *, way: Way | None = None) -> Cause:
    """F7: slots are cut, held by something else, or no longer enough for the demand they were dealt."""
    traits, link = scene.place.traits, scene.link
    usual = float(traits.demand[link] * traits.service[link] / traits.slots[link])
    traits.service[link] = max(float(traits.service[link]), _BUSY / float(traits.demand[link]))
    traits.slots[link] = np.ceil(traits.demand[link] * traits.service[link] / usual)
    lack = scene.between(0.35, 2.0)
    how = course(replace(scene, shape="step"))
    drawn: Way = scene.rng.choice(("cut", "held", "outgrown"), p=(0.5, 0.35, 0.15))
    way = way or drawn
    if way == "cut":
        scene.drivers.slots[link] *= 1 - (1 - usual / (1 + lack)) * how
    elif way == "held":
        scene.drivers.stuck[link] += (1 - usual / (1 + lack)) * how
    else:
        traits.slots[link] = np.ceil(traits.slots[link] * usual / 0.75)
        scene.drivers.demand[link] *= 1 + (0.35 + 0.2 * scene.severity) * how
        traits.headroom[link] = max(2.5, float(traits.headroom[link]))
    return Cause("F7", scene.place.links[link], scene.onset)


def thermal_event(scene: Scene, *, loss: bool | None = None) -> Cause:
    """F8: 2% to 30% warmer; coherence follows within minutes, and often loss, readout and the device itself."""
    drivers, node, rng = scene.drivers, scene.node, scene.rng
    rise = scene.between(0.02, 0.3)
    warming = _lagged(rise * course(scene if scene.shape == "ramp" else replace(scene, shape="step")), 45.0)
    drivers.temperature[node] *= 1 + warming
    following = _lagged(warming, 60.0)
    power = float(rng.uniform(1.5, 4.0))
    drivers.t2[node] *= (1 + following) ** -power
    drivers.t1[node] *= (1 + following) ** (-0.5 * power)
    if loss if loss is not None else rng.random() < 0.5:
        drivers.loss_db[scene.place.links_of(node)] += float(rng.uniform(3.0, 12.0)) * following
    if rng.random() < 0.5:
        drivers.variance[node] *= 1 + float(rng.uniform(0.5, 2.0)) * following
    if rise > 0.15 and rng.random() < 0.4:
        drivers.up[node, scene.onset + 8 : scene.onset + 11] = 0.0
    return Cause("F8", scene.place.nodes[node], scene.onset)


def _lagged(values: FloatArray, memory_s: float) -> FloatArray:
    """`values` as a body of this time constant follows them."""
    keep, out, level = float(np.exp(-STEP_S / memory_s)), np.empty_like(values), 0.0
    for index, value in enumerate(values):
        level = keep * level + (1 - keep) * float(value)
        out[index] = level
    return out


Fault = Callable[[Scene], Cause]
FAULTS: Mapping[str, Fault] = {
    "F1": excess_loss,
    "F2": correlated_noise,
    "F3": decoder_timeouts,
    "F4": exhaustion,
    "F5": firmware_regression,
    "F6": measurement_drift,
    "F7": starvation,
    "F8": thermal_event,
}
OF_NODES = frozenset({"F5", "F6", "F8"})
"""Modes whose subject is a node."""
