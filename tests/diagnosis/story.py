"""A small network's telemetry, told by rates and probabilities and then counted: what tests of the diagnosis read.

Four links: a-h, b-h and c-h meet at the hub h; c-d lies behind c. A story is steady until a test changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.diagnosis.engine import diagnose_many
from bot.diagnosis.rules import Rules, load_rules
from bot.model.diagnosis import Diagnosis
from bot.model.network import Code, Errors, Link, Memory, Network, Node, Pool, Slo
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

AT = 1_790_000_000.0
"""When the questions are asked, Unix s; a multiple of every step used here."""
RULES = load_rules()
WIRES = {"a-h": ("a", "h"), "b-h": ("b", "h"), "c-h": ("c", "h"), "c-d": ("c", "d")}
NODES = ("a", "b", "c", "d", "h")

PROBABILITIES = {"loss": 0.9, "herald": 0.01, "failure": 0.004, "syndrome": 0.02, "retry": 0.01}
RATES = {"transfers": 20.0, "sent": 20_000.0, "attempts": 20_000.0, "consumed": 150.0, "rounds": 5_000.0}
"""Events per second."""
LINK_GAUGES = {
    "entanglement_pool_level": (0.8, 0.005),
    "decode_latency_p50": (0.005, 0.0001),
    "decode_latency_p99": (0.02, 0.0006),
    "channel_fidelity": (0.97, 0.002),
    "control_rtt": (0.002, 0.0001),
    "transfer_queue_length": (0.0, 0.0),
    "slot_utilisation": (0.4, 0.04),
    "qber": (0.02, 0.001),
    "syndrome_correlation": (0.01, 0.002),
}
"""Signal -> (level, standard deviation of a sample)."""
NODE_GAUGES = {
    "coherence_t1": (2.0, 0.02),
    "coherence_t2": (1.0, 0.01),
    "measurement_variance": (0.1, 0.002),
    "device_temperature": (4.0, 0.01),
    "device_up": (1.0, 0.0),
}
OPTIONAL = ("qber", "syndrome_correlation", "secret_key_rate")


def network(**shared_risk: tuple[str, ...]) -> Network:
    """The network; `a_h=("duct",)` puts the link a-h into the group duct."""
    links = {
        name: Link(
            id=name,
            ends=ends,
            length_km=45.0,
            attenuation_db_per_km=0.2,
            excess_loss_db=1.0,
            attempt_rate_hz=20_000.0,
            memory=Memory(t1_s=2.0, t2_s=1.0, storage_s=0.002),
            errors=Errors(gate=0.001, measurement=0.002),
            code=Code(family="surface", distance=5),
            decoder_budget_s=0.05,
            pool=Pool(capacity_pairs=20_000),
            slo=Slo(logical_success=0.99, window_s=2_592_000.0),
            shared_risk=shared_risk.get(name.replace("-", "_"), ()),
        )
        for name, ends in WIRES.items()
    }
    return Network(name="star", nodes={name: Node(id=name) for name in NODES}, links=links, flows={})


@dataclass(eq=False)
class Story:
    """What happens at every step, as arrays over time that a test may change before it asks.

    `of[quantity][subject]` has shape (T,): probabilities, rates per second, gauges.
    """

    seed: int = 1
    step: float = 15.0
    scrape: float = 15.0
    rate_window: float = 300.0
    history: float = 3600.0
    place: Network = field(default_factory=network)
    of: dict[str, dict[str, FloatArray]] = field(default_factory=dict)
    firmware: dict[str, FloatArray] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    """Signals that this hardware does not have."""
    lost: float = 0.0
    """Share of the scrapes that nobody answers."""

    def __post_init__(self) -> None:
        for table, names in ((PROBABILITIES | RATES, WIRES), (LINK_GAUGES, WIRES), (NODE_GAUGES, NODES)):
            for quantity, level in table.items():
                usual = level[0] if isinstance(level, tuple) else level
                self.of[quantity] = {name: np.full(self.times.size, float(usual)) for name in names}
        self.firmware = {name: np.zeros(self.times.size) for name in NODES}

    @property
    def times(self) -> FloatArray:
        """Unix s; rate windows reach back before the history."""
        count = int((self.history + self.rate_window) / self.step) + 2
        return np.asarray(AT - self.step * np.arange(count)[::-1], dtype=np.float64)

    def since(self, age_s: float) -> FloatArray:
        """0 before and 1 after the instant `age_s` before the question."""
        return (self.times > AT - age_s).astype(np.float64)

    def scale(self, quantity: str, subjects: Sequence[str], factor: float, age_s: float) -> None:
        """Multiply from `age_s` before the question on."""
        for name in subjects:
            self.of[quantity][name] = self.of[quantity][name] * (1 + (factor - 1) * self.since(age_s))

    def add(self, quantity: str, subjects: Sequence[str], change: float, age_s: float) -> None:
        """Add from `age_s` before the question on."""
        for name in subjects:
            self.of[quantity][name] = self.of[quantity][name] + change * self.since(age_s)

    def drift(self, quantity: str, subject: str, factor: float, length_s: float) -> None:
        """Grow evenly over the last `length_s` to `factor` times as much."""
        grown = np.clip((self.times - (AT - length_s)) / length_s, 0.0, 1.0)
        self.of[quantity][subject] = self.of[quantity][subject] * (1 + (factor - 1) * grown)

    def lose(self, links: Sequence[str], decibels: float, age_s: float) -> None:
        """Light is lost, and heralds with it."""
        kept = 10 ** (-decibels / 10)
        for name in links:
            arriving = (1 - self.of["loss"][name]) * (1 + (kept - 1) * self.since(age_s))
            self.of["loss"][name] = 1 - arriving
        self.scale("herald", links, kept, age_s)

    def diagnose(self, rules: Rules = RULES) -> dict[str, Diagnosis]:
        """All links asked at once, by link."""
        asked = list(self.place.links)
        found = diagnose_many(asked, network=self.place, window=self.window(), at=AT, rules=rules)
        return {each.link: each for each in found}

    def window(self) -> Window:
        """What telemetry would answer."""
        rng = np.random.default_rng(self.seed)
        told = {**self._counted(rng), **self._gauges(rng)}
        shown = self.times > AT - self.history
        answered = rng.random(self.times.size) >= self.lost
        answered[-1] = True
        signals = {}
        for name, rows in told.items():
            if name in self.without:
                continue
            values = np.where(answered, np.stack(list(rows.values())), np.nan)[:, shown]
            signals[name] = _series(name, tuple(rows), self.times[shown], values)
        return Window(
            start=float(self.times[shown][0]), end=AT, step=self.step, signals=signals, rate_window=self.rate_window
        )

    def _counted(self, rng: np.random.Generator) -> dict[str, dict[str, FloatArray]]:
        told: dict[str, dict[str, FloatArray]] = {}
        for link in WIRES:
            level = {quantity: rows[link] for quantity, rows in self.of.items() if link in rows}
            count = {name: rng.poisson(level[name] * self.step).astype(np.float64) for name in RATES}
            parts = {
                name: rng.binomial(count[whole].astype(np.int64), np.clip(level[name], 0, 1)).astype(np.float64)
                for name, whole in (
                    ("failure", "transfers"), ("retry", "transfers"), ("loss", "sent"),
                    ("herald", "attempts"), ("syndrome", "rounds"),
                )
            }  # fmt: skip
            sums = {name: self._over_window(values) for name, values in {**count, **parts}.items()}
            with np.errstate(invalid="ignore", divide="ignore"):
                rows = {
                    "logical_success_ratio": 1 - sums["failure"] / sums["transfers"],
                    "delivered_logical_per_second": (sums["transfers"] - sums["failure"]) / self.rate_window,
                    "entanglement_rate": sums["herald"] / self.rate_window,
                    "entanglement_success_ratio": sums["herald"] / sums["attempts"],
                    "entanglement_consumption_rate": sums["consumed"] / self.rate_window,
                    "physical_loss_ratio": sums["loss"] / sums["sent"],
                    "syndrome_error_ratio": sums["syndrome"] / sums["rounds"],
                    "retry_ratio": sums["retry"] / sums["transfers"],
                    "secret_key_rate": 8 * sums["herald"] / self.rate_window,
                }
            for name, values in rows.items():
                told.setdefault(name, {})[link] = values
        return told

    def _over_window(self, counts: FloatArray) -> FloatArray:
        width = max(1, round(self.rate_window / self.step))
        sums = np.concatenate([np.zeros(1), np.cumsum(counts)])
        last = np.arange(1, sums.size)
        total = sums[last] - sums[np.maximum(last - width, 0)]
        return np.where(last >= width, total, np.nan)

    def _gauges(self, rng: np.random.Generator) -> dict[str, dict[str, FloatArray]]:
        told: dict[str, dict[str, FloatArray]] = {"firmware_version": dict(self.firmware)}
        every = max(1, round(self.scrape / self.step))
        asked = (np.arange(self.times.size) // every) * every
        for table, names in ((LINK_GAUGES, WIRES), (NODE_GAUGES, NODES)):
            for signal, (_, scatter) in table.items():
                values = {name: self.of[signal][name] + rng.normal(0.0, scatter, self.times.size) for name in names}
                told[signal] = {name: row[asked] for name, row in values.items()}
        return told


def _series(signal: str, subjects: tuple[str, ...], times: FloatArray, values: FloatArray) -> SignalWindow:
    ends = [Quality.FRESH if np.isfinite(row[-5:]).any() else Quality.STALE for row in values]
    quality = [end if np.isfinite(row).any() else Quality.MISSING for end, row in zip(ends, values, strict=True)]
    age = [AT - times[np.isfinite(row)][-1] if np.isfinite(row).any() else np.inf for row in values]
    labels = ("1.0", "1.1", "1.2") if signal == "firmware_version" else ()
    return SignalWindow(
        signal=signal,
        subjects=subjects,
        times=times,
        values=values,
        quality=tuple(quality),
        age_s=np.array(age),
        labels=labels,
    )


def modes(found: Diagnosis) -> list[tuple[str, str]]:
    """(mode, id of its subject), root cause first."""
    return [(each.mode, each.subject.id) for each in found.findings]
