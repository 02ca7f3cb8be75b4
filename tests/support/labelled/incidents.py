"""Labelled incidents: a network's telemetry with one known cause, or two, or none, and the answer to expect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bot.model.network import Network
from bot.model.telemetry import FloatArray
from tests.support.labelled import faults, page
from tests.support.labelled.drivers import STEP_S, Drivers, wander
from tests.support.labelled.faults import FAULTS, Label, Scene, Shape
from tests.support.labelled.network import Place, random_place
from tests.support.labelled.series import Key, raw_series

Kind = Literal["single", "compound", "confusable", "benign", "missing"]
Answer = Literal["fault", "healthy", "unknown", "no fault"]
"""`no fault` is healthy or unknown: nothing that a mode explains."""
END = 1_790_000_000.0
"""Unix seconds around which the questions are asked."""


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
    lacking: str = ""
    """The derived signal whose absence makes the answer unknown."""

    @property
    def times(self) -> FloatArray:
        """When the scrapes were made, Unix s."""
        steps = len(next(iter(self.series.values())))
        return np.asarray(self.at - STEP_S * np.arange(steps)[::-1], dtype=np.float64)


@dataclass(slots=True, eq=False)
class _Draft:
    place: Place
    drivers: Drivers
    rng: np.random.Generator
    link: int
    node: int
    expected: list[Label] = field(default_factory=list)
    restarts: list[tuple[int, int]] = field(default_factory=list)
    """(node, step) of devices that start again, with their counters."""
    spike: int | None = None

    def scene(
        self, *, age_s: float | None = None, severity: float | None = None, shape: Shape | None = None, least: float = 2
    ) -> Scene:
        """A random fault scene at the draft's link and node; `least` is its youngest age in minutes."""
        forms: tuple[Shape, ...] = ("step", "step", "ramp", "intermittent")
        form = shape or forms[int(self.rng.integers(0, 4))]
        youngest = max(least, 6.0 if form != "step" else 2.0)
        age = 60 * float(self.rng.uniform(youngest, 40.0)) if age_s is None else age_s
        hard = float(self.rng.random()) if severity is None else severity
        return Scene(self.place, self.drivers, self.rng, self.link, self.node, age, hard, form)

    def touched(self) -> frozenset[str]:
        """The question's link and, where a node is involved, all links of the node."""
        names = {self.place.links[self.link]}
        for mode, _ in self.expected:
            if mode in faults.OF_NODES:
                names |= {self.place.links[index] for index in self.place.links_of(self.node)}
        return frozenset(names)


LEAST_MINUTES: Mapping[str, float] = {"F4": 4, "F5": 2, "F6": 10, "F7": 3, "F8": 5}
"""Youngest age of a fault whose effect takes its time."""


def _single(draft: _Draft, mode: str) -> None:
    draft.expected.append(FAULTS[mode](draft.scene(least=LEAST_MINUTES.get(mode, 2.0))))


PAIRS = (
    ("F1", "F3"), ("F1", "F6"), ("F3", "F6"), ("F1", "F5"), ("F4", "F3"), ("F4", "F6"), ("F7", "F6"), ("F5", "F3"),
    ("F8", "F3"), ("F1", "F7"), ("F5", "F7"), ("F2", "F1"), ("F8", "F7"), ("F5", "F4"),
)  # fmt: skip
"""Modes that can be told apart when they act on one link together."""


def _compound(draft: _Draft) -> str:
    pair = PAIRS[int(draft.rng.integers(0, len(PAIRS)))]
    if "F2" in pair:
        draft.place.traits.headroom[draft.link] = 3.0
    for mode in pair:
        mild = float(draft.rng.uniform(0.0, 0.4 if mode == "F1" else 1.0))
        draft.expected.append(FAULTS[mode](draft.scene(severity=mild, least=LEAST_MINUTES.get(mode, 2.0))))
    return "+".join(pair)


def _draining_loss(draft: _Draft) -> None:
    draft.place.traits.headroom[draft.link] = float(draft.rng.uniform(1.6, 2.0))
    draft.expected.append(faults.excess_loss(draft.scene(severity=float(draft.rng.uniform(0.65, 1.0)), least=6.0)))


def _queueing_decoder(draft: _Draft) -> None:
    draft.place.traits.service[draft.link] = 0.1
    slots = draft.place.traits.demand[draft.link] * 0.1 / 0.6
    draft.place.traits.slots[draft.link] = np.ceil(slots + 2)
    scene = draft.scene(severity=float(draft.rng.uniform(0.5, 1.0)), least=4.0)
    draft.expected.append(faults.decoder_timeouts(scene))


def _lossy_heat(draft: _Draft) -> None:
    draft.expected.append(
        faults.thermal_event(draft.scene(severity=float(draft.rng.uniform(0.4, 1)), least=6), loss=True)
    )


def _late_coherence(draft: _Draft) -> None:
    scene = draft.scene(age_s=60 * float(draft.rng.uniform(4, 15)), severity=float(draft.rng.uniform(0, 0.6)))
    draft.expected.append(faults.firmware_regression(scene, lag_s=60 * float(draft.rng.uniform(12, 30))))


def _innocent_firmware(draft: _Draft) -> None:
    scene = draft.scene(least=4.0, shape="step")
    faults.change_firmware(scene, at=scene.onset + int(draft.rng.integers(-6, 7)))
    draft.expected.append(faults.excess_loss(scene))


CONFUSABLE: Mapping[str, Callable[[_Draft], None]] = {
    "F1 drains pool": _draining_loss,
    "F3 with queue": _queueing_decoder,
    "F8 with loss": _lossy_heat,
    "T2 step long after firmware": _late_coherence,
    "firmware near F1": _innocent_firmware,
}


def _surge(draft: _Draft) -> None:
    draft.drivers.demand[draft.link] *= 1 + float(draft.rng.uniform(0.2, 0.9)) * faults.course(draft.scene())


def _spikes(draft: _Draft) -> None:
    """One absurd sample in each of many gauges, at the very end or shortly before: see `_spike`."""
    draft.spike = draft.drivers.steps - 1 - int(draft.rng.integers(0, 6))


def _spike(series: dict[Key, FloatArray], rng: np.random.Generator, step: int) -> None:
    for (name, _), values in series.items():
        if any(word in name for word in page.SPIKY) and rng.random() < 0.5:
            values[step] *= float(rng.choice([0.2, 0.5, 2.0, 4.0]))
        if name.endswith("_ratio") and "variance" not in name:
            values[step] = min(values[step], 1.0)


def _restart(draft: _Draft) -> None:
    step = draft.drivers.steps - int(draft.rng.integers(16, 140))
    draft.drivers.up[draft.node, step : step + int(draft.rng.integers(2, 7))] = 0.0
    draft.restarts.append((draft.node, step))


def _firmware(draft: _Draft) -> None:
    scene = draft.scene(least=4.0)
    faults.change_firmware(scene, at=scene.onset)
    draft.restarts.append((draft.node, scene.onset))


def _wobble(draft: _Draft) -> None:
    drivers, rng = draft.drivers, draft.rng
    shape, link = drivers.t2.shape, drivers.demand.shape
    drivers.t2 *= np.exp(0.03 * wander(rng, shape, memory_s=600))
    drivers.variance *= np.exp(0.04 * wander(rng, shape, memory_s=600))
    drivers.temperature *= np.exp(0.002 * wander(rng, shape, memory_s=600))
    drivers.loss_db += 0.08 * wander(rng, link, memory_s=600)
    drivers.rtt *= np.exp(0.1 * wander(rng, link, memory_s=300))
    drivers.demand *= np.exp(0.08 * wander(rng, link, memory_s=600))
    drivers.decode_p99 *= np.exp(0.05 * wander(rng, link, memory_s=600))


def _calm(draft: _Draft) -> None:
    """Nothing happens."""


BENIGN: Mapping[str, Callable[[_Draft], None]] = {
    "surge": _surge,
    "spikes": _spikes,
    "restart": _restart,
    "firmware without effect": _firmware,
    "wobble": _wobble,
    "calm": _calm,
}

DECIDING: Mapping[str, tuple[str, str]] = {
    "F1": ("qnet_physical_qubits_lost_total", "physical_loss_ratio"),
    "F2": ("qnet_logical_transfers_total", "logical_success_ratio"),
    "F3": ("qnet_decode_duration_seconds_bucket", "decode_latency_p99"),
    "F4": ("qnet_entanglement_pool_pairs", "entanglement_pool_level"),
    "F5": ("qnet_firmware_info", "firmware_version"),
    "F6": ("qnet_measurement_variance_ratio", "measurement_variance"),
    "F7": ("qnet_transfer_queue_length", "transfer_queue_length"),
    "F8": ("qnet_device_temperature_kelvin", "device_temperature"),
}
"""Mode -> the raw metric without which it cannot be told, and the derived signal that is made of it."""


def incident(kind: Kind, seed: int) -> Incident:
    """The incident of this kind with this seed; the same every time."""
    rng = np.random.default_rng([seed, ("single", "compound", "confusable", "benign", "missing").index(kind)])
    name = _name(kind, seed)
    draft = _draft(rng, roomy=name == "surge")
    lacking = ""
    if kind == "compound":
        name = _compound(draft)
    elif kind == "confusable":
        CONFUSABLE[name](draft)
    elif kind == "benign":
        BENIGN[name](draft)
    else:
        _single(draft, name)
    at = END + float(rng.uniform(0.0, 86_400.0))
    series = page.with_flaws(raw_series(draft.place, draft.drivers, rng, at=at), rng)
    if draft.spike is not None:
        _spike(series, rng, draft.spike)
    for node, step in draft.restarts:
        page.reset(series, {draft.place.links[index] for index in draft.place.links_of(node)}, step)
    touched = draft.touched()
    if kind == "missing":
        lacking = _take_away(draft, series, name)
    verdict = _verdict(kind, name)
    return Incident(
        kind=kind,
        seed=seed,
        name=name,
        network=draft.place.network,
        series=series,
        at=at,
        link=draft.place.links[draft.link],
        expected=tuple(draft.expected) if verdict == "fault" else (),
        verdict=verdict,
        touched=touched if kind != "benign" else frozenset(),
        lacking=lacking,
    )


def _verdict(kind: Kind, name: str) -> Answer:
    if kind == "benign":
        return "healthy"
    if kind == "missing":
        return "unknown"
    return "no fault" if name == "T2 step long after firmware" else "fault"


def _name(kind: Kind, seed: int) -> str:
    names = {"confusable": CONFUSABLE, "benign": BENIGN}.get(kind, FAULTS)
    return "" if kind == "compound" else tuple(names)[seed % len(names)]


def _draft(rng: np.random.Generator, *, roomy: bool) -> _Draft:
    place = random_place(rng, roomy=roomy)
    drivers = Drivers(links=len(place.links), nodes=len(place.nodes), steps=int(rng.integers(240, 361)))
    link = int(rng.integers(0, len(place.links)))
    return _Draft(place, drivers, rng, link, int(place.ends[link, int(rng.integers(0, 2))]))


def _take_away(draft: _Draft, series: dict[Key, FloatArray], mode: str) -> str:
    """Spoil the deciding signal: never there, gone stale before the question, or saying what cannot be."""
    metric, signal = DECIDING[mode]
    subject = draft.place.nodes[draft.node] if mode in faults.OF_NODES else draft.place.links[draft.link]
    way = int(draft.rng.integers(0, 3))
    for (name, labels), values in series.items():
        if name != metric or subject not in dict(labels).values():
            continue
        if way == 0 or name == "qnet_firmware_info":
            values[:] = np.nan
        elif way == 1 or name.endswith(page.COUNTING):
            values[-int(draft.rng.integers(8, 40)) :] = np.nan
        else:
            values[-int(draft.rng.integers(8, 40)) :] = -1.0
    return signal
