"""What diagnosis looks at, as one table: each feature is a signal, or a few, on the scale where physics adds up.

Loss adds in decibels, rates and times multiply, small failure probabilities matter by their ratio. A shift of a
feature is a difference on its scale, so that one number says the same of a short and of a long link.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from bot.model.telemetry import FloatArray

Scale = Callable[[FloatArray], FloatArray]

_FEWEST = 1e-4
"""Failure probabilities below this are one and the same: no window of an hour has the counts to tell them apart."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A share of rare events: trials per second are `rate` / `per`; `of_failures` when the signal is what is left."""

    rate: str
    per: str
    of_failures: bool = False


TRANSFERS = Counted("delivered_logical_per_second", "logical_success_ratio")
"""Transfers per second, by which times of transfers are counted."""
_PER_TRANSFER = Counted("delivered_logical_per_second", "logical_success_ratio")
_FAILED_TRANSFERS = Counted("delivered_logical_per_second", "logical_success_ratio", of_failures=True)
_PER_ATTEMPT = Counted("entanglement_rate", "entanglement_success_ratio")


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing to look at.

    `show` is the signal that people see for it; `of` says whose it is; `quiet` is the smallest spread that its
    baseline may have on the scale, so that a perfectly flat history does not make a tremor look certain. `counted`
    says which counts are behind a share of rare events; `quantile` that the signal is one of a histogram; `widest`
    is the largest spread: a level between two bounds that stays at one of them is no wobble, however it went before.
    """

    name: str
    signals: tuple[str, ...]
    of: Literal["link", "node"]
    scale: Callable[..., FloatArray]
    quiet: float
    counted: Counted | None = None
    quantile: float | None = None
    widest: float = np.inf

    @property
    def show(self) -> str:
        """The signal by which people know it."""
        return self.signals[0]

    @property
    def averaged(self) -> bool:
        """Whether any of its signals is a mean over the rate window."""
        return any(signal in AVERAGED for signal in self.signals)


def _linear(values: FloatArray) -> FloatArray:
    return values


def _logarithm(values: FloatArray) -> FloatArray:
    return np.log(np.maximum(values, 1e-12))


def _lost_decibels(ratio: FloatArray) -> FloatArray:
    return -10 * np.log10(np.maximum(1 - ratio, 1e-12))


def _decibels(ratio: FloatArray) -> FloatArray:
    return 10 * np.log10(np.maximum(ratio, 1e-12))


def _rare(ratio: FloatArray) -> FloatArray:
    return np.log(np.maximum(ratio, 0.0) + _FEWEST)


def _failure(success: FloatArray) -> FloatArray:
    return np.log(np.maximum(1 - success, 0.0) + 1e-3)


def _count(length: FloatArray) -> FloatArray:
    return np.log1p(np.maximum(length, 0.0) / 4)


def _quotient(top: FloatArray, bottom: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.log(np.maximum(top, 1e-12)) - np.log(np.maximum(bottom, 1e-12))
    return np.where((top > 0) & (bottom > 0), quotient, np.nan)


COLDEST = "coldest_temperature"
"""A node's coldest sensor, where telemetry tells it apart: beside a warm rack the hottest hides the cold stage."""

# fmt: off
_TABLE = (
    Feature("loss", ("physical_loss_ratio",), "link", _lost_decibels, 0.03),
    Feature("pairs_per_attempt", ("entanglement_success_ratio",), "link", _decibels, 0.03,
            _PER_ATTEMPT),
    Feature("attempts", ("entanglement_rate", "entanglement_success_ratio"), "link", _quotient, 0.02),
    Feature("generation", ("entanglement_rate",), "link", _logarithm, 0.02),
    Feature("consumption", ("entanglement_consumption_rate",), "link", _logarithm, 0.02),
    Feature("consumption_over_generation", ("entanglement_consumption_rate", "entanglement_rate"), "link",
            _quotient, 0.02),
    Feature("pool_level", ("entanglement_pool_level",), "link", _linear, 0.01, widest=0.15),
    Feature("logical_failure", ("logical_success_ratio",), "link", _failure, 0.05,
            _FAILED_TRANSFERS),
    Feature("delivered", ("delivered_logical_per_second",), "link", _logarithm, 0.02),
    Feature("decode_p50", ("decode_latency_p50",), "link", _logarithm, 0.02, quantile=0.5),
    Feature("decode_p99", ("decode_latency_p99",), "link", _logarithm, 0.03, quantile=0.99),
    Feature("control_rtt", ("control_rtt",), "link", _logarithm, 0.03),
    Feature("retries", ("retry_ratio",), "link", _rare, 0.1, _PER_TRANSFER),
    Feature("queue", ("transfer_queue_length",), "link", _count, 0.15),
    Feature("slot_utilisation", ("slot_utilisation",), "link", _linear, 0.02, widest=0.12),
    Feature("fidelity", ("channel_fidelity",), "link", _linear, 0.001),
    Feature("syndrome_errors", ("syndrome_error_ratio",), "link", _rare, 0.02),
    Feature("syndrome_correlation", ("syndrome_correlation",), "link", _linear, 0.003),
    Feature("qber", ("qber",), "link", _linear, 0.001),
    Feature("key_rate", ("secret_key_rate",), "link", _logarithm, 0.03),
    Feature("t1", ("coherence_t1",), "node", _logarithm, 0.01),
    Feature("t2", ("coherence_t2",), "node", _logarithm, 0.01),
    Feature("readout_variance", ("measurement_variance",), "node", _logarithm, 0.01),
    Feature("temperature", ("device_temperature",), "node", _logarithm, 0.002),
    Feature(COLDEST, ("device_temperature_coldest",), "node", _logarithm, 0.002),
    Feature("device_up", ("device_up",), "node", _linear, 0.01),
)
# fmt: on

FEATURES: Mapping[str, Feature] = MappingProxyType({feature.name: feature for feature in _TABLE})
"""Feature name -> what it is. To add one, add a row."""

AVERAGED = frozenset(
    {
        "logical_success_ratio",
        "delivered_logical_per_second",
        "entanglement_rate",
        "entanglement_success_ratio",
        "entanglement_consumption_rate",
        "physical_loss_ratio",
        "secret_key_rate",
        "syndrome_error_ratio",
        "retry_ratio",
    }
)
"""Signals that are means over the rate window: shortly after an onset they still hold the time before it."""

EXCESS_FAILURE = "excess_logical_failure"
"""Logical failures beyond what the capacity model expects of the other signals: ratio to baseline, natural log."""

OPTIONAL = frozenset({"syndrome_correlation", "qber", "key_rate"})
"""Features of optional metrics: where they are not measured, nothing is missing."""

PER_TRANSFER = frozenset({"logical_failure", EXCESS_FAILURE, "decode_p50", "decode_p99", "retries"})
"""Features that are shares of the transfers, or times that only transfers take."""

FIRMWARE = "firmware_version"
"""The signal whose changes are events rather than shifts."""

NAMES = frozenset({*FEATURES, EXCESS_FAILURE}) - {COLDEST}
"""Everything that a rule may weigh."""

NODE_SIGNALS = frozenset({FIRMWARE, *(name for feature in _TABLE if feature.of == "node" for name in feature.signals)})
"""The signals whose subject is a node."""

SIGNALS: tuple[str, ...] = tuple(
    dict.fromkeys([*(signal for feature in _TABLE for signal in feature.signals), FIRMWARE])
)
"""Every signal that diagnosis asks telemetry for."""
