"""Random series of the telemetry contract, as what two exporters said scrape by scrape."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BASE = 1_767_225_600.0
"""2026-01-01T00:00:00Z, a multiple of every step used here."""

INTERVAL = 15.0
BOUNDS = ("0.001", "0.01", "0.05", "0.1", "0.5", "1", "2.5", "10", "+Inf")

COUNTERS = (
    "qnet_transfer_retries_total",
    "qnet_entangled_pairs_consumed_total",
    "qnet_secret_key_bytes_total",
)
PART_OF = (
    ("qnet_entangled_pairs_total", "qnet_entanglement_attempts_total"),
    ("qnet_physical_qubits_lost_total", "qnet_physical_qubits_sent_total"),
    ("qnet_syndrome_errors_total", "qnet_syndrome_rounds_total"),
)
LINK_GAUGES = (
    ("qnet_entanglement_pool_pairs", 0.0, 400.0),
    ("qnet_entanglement_pool_capacity_pairs", 400.0, 500.0),
    ("qnet_channel_fidelity_ratio", 0.7, 1.0),
    ("qnet_physical_per_logical_qubits", 1.0, 50.0),
    ("qnet_qber_ratio", 0.0, 0.2),
    ("qnet_syndrome_correlation_ratio", 0.0, 0.3),
    ("qnet_transfer_queue_length", 0.0, 90.0),
    ("qnet_transfer_slots_in_use", 0.0, 8.0),
    ("qnet_transfer_slots_limit", 8.0, 9.0),
    ("qnet_control_rtt_seconds", 0.001, 0.2),
)
NODE_GAUGES = (
    ("qnet_coherence_t1_seconds", 0.5, 2.0),
    ("qnet_coherence_t2_seconds", 0.2, 1.0),
    ("qnet_measurement_variance_ratio", 0.0, 2.0),
    ("qnet_device_up", 0.0, 1.0),
)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """A name, labels, and a value per scrape; `present` is False where the scrape lacks it."""

    name: str
    labels: dict[str, str]
    values: Values
    present: NDArray[np.bool_]

    def line(self, scrape: int, extra: str = "") -> str:
        """The sample as a line of the text format."""
        pairs = ",".join(f'{key}="{_escape(value)}"' for key, value in self.labels.items())
        return f"{self.name}{{{pairs}{extra}}} {_number(self.values[scrape])}"


@dataclass
class Exporter:
    """What one exporter said."""

    instance: str
    times: Values
    series: list[Series] = field(default_factory=list)

    def page(self, scrape: int) -> str:
        """The text of one scrape."""
        return "".join(f"{series.line(scrape)}\n" for series in self.series if series.present[scrape])

    def openmetrics(self) -> str:
        """All samples with their times, without the closing line."""
        extra = f',instance="{self.instance}"'
        return "".join(
            f"{series.line(scrape, extra)} {self.times[scrape]:.3f}\n"
            for series in self.series
            for scrape in np.flatnonzero(series.present)
        )


def random_exporters(seed: int, *, scrapes: int = 200) -> list[Exporter]:
    """Two exporters that share some links, with resets, gaps, vanished and late series and absurd values."""
    rng = np.random.default_rng(seed)
    return [
        _exporter(rng, "qnet-a:9100", scrapes, links=["a-b", "b-c", 'c"d\\e'], nodes=["a", "b"]),
        _exporter(rng, "qnet-b:9100", scrapes, links=["b-c", "d-e"], nodes=["b", "d"]),
    ]


def _exporter(rng: np.random.Generator, instance: str, scrapes: int, *, links: list[str], nodes: list[str]) -> Exporter:
    jitter = np.round(rng.uniform(0.5, 3.5, scrapes), 3) + rng.integers(0, 10)
    times = np.round(BASE + INTERVAL * np.arange(scrapes) + jitter, 3)
    times = np.delete(times, np.r_[40 : 40 + rng.integers(3, 9), 90 : 90 + rng.integers(22, 34)])
    exporter = Exporter(instance, times)
    for link in links:
        _link(rng, exporter, {"link": link, "region": str(rng.choice(["eu", "us"]))})
    for node in nodes:
        _node(rng, exporter, {"node": node, "rack": "r1"})
    return exporter


def _link(rng: np.random.Generator, exporter: Exporter, labels: dict[str, str]) -> None:
    size = exporter.times.size
    resets = _resets(rng, size)
    for result, per_scrape in (("success", 40), ("failure", 3)):
        _add(
            rng, exporter, "qnet_logical_transfers_total", labels | {"result": result}, _count(rng, per_scrape, resets)
        )
    for name in COUNTERS:
        _add(rng, exporter, name, labels, _count(rng, 20, resets))
    for part, whole in PART_OF:
        many = _steps(rng, 500, size)
        _add(rng, exporter, whole, labels, _wound(many, resets))
        _add(rng, exporter, part, labels, _wound(rng.binomial(many, 0.3), resets))
    for name, low, high in LINK_GAUGES:
        _add(rng, exporter, name, labels, _gauge(rng, low, high, size))
    each = np.array([_steps(rng, 5, size) for _ in BOUNDS])
    for bound, steps in zip(BOUNDS, np.cumsum(each, axis=0), strict=True):
        _add(rng, exporter, "qnet_decode_duration_seconds_bucket", labels | {"le": bound}, _wound(steps, resets))


def _node(rng: np.random.Generator, exporter: Exporter, labels: dict[str, str]) -> None:
    size = exporter.times.size
    for name, low, high in NODE_GAUGES:
        _add(rng, exporter, name, labels, _gauge(rng, low, high, size))
    for sensor in ("stage", "rack"):
        _add(rng, exporter, "qnet_device_temperature_kelvin", labels | {"sensor": sensor}, _gauge(rng, 0.01, 300, size))
    calibrated = np.where(np.arange(size) < rng.integers(60, 140), BASE - 86_400.0, BASE)
    _add(rng, exporter, "qnet_device_calibration_timestamp_seconds", labels, calibrated)
    change = int(rng.integers(60, 140))
    for version, present in (("1.9", np.arange(size) < change), ("1.10", np.arange(size) >= change)):
        ones = np.ones(size)
        exporter.series.append(Series("qnet_firmware_info", labels | {"version": version}, ones, present))


def _add(rng: np.random.Generator, exporter: Exporter, name: str, labels: dict[str, str], values: Values) -> None:
    """Some samples are lost; one series in eight vanishes for good, one in eight comes late."""
    present = rng.random(values.size) > 0.03
    fate, when = rng.random(), int(rng.integers(20, values.size - 20))
    if fate < 0.125:
        present[when:] = False
    elif fate < 0.25:
        present[:when] = False
    exporter.series.append(Series(name, labels, values, present))


def _count(rng: np.random.Generator, per_scrape: float, resets: list[int]) -> Values:
    return _wound(_steps(rng, per_scrape, resets[-1]), resets)


def _steps(rng: np.random.Generator, per_scrape: float, size: int) -> NDArray[np.int64]:
    """Increments, with an idle time in which nothing is counted."""
    steps = rng.poisson(per_scrape, size)
    idle = int(rng.integers(0, size - 40))
    steps[idle : idle + 30] = 0
    return steps


def _wound(steps: NDArray[np.int64], resets: list[int]) -> Values:
    """Increments summed up, from zero again at each reset."""
    parts = np.split(steps, resets[:-1])
    return np.concatenate([np.cumsum(part) for part in parts]).astype(np.float64)


def _resets(rng: np.random.Generator, size: int) -> list[int]:
    return [*sorted(int(place) for place in rng.choice(np.arange(10, size - 10), 3, replace=False)), size]


def _gauge(rng: np.random.Generator, low: float, high: float, size: int) -> Values:
    values = rng.uniform(low, high, size)
    for absurd in (np.nan, np.inf, -np.inf, -1.0, 1e9):
        values[rng.integers(0, size, 3)] = absurd
    return values


def _number(value: float) -> str:
    if np.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if np.isinf(value) else repr(float(value))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
