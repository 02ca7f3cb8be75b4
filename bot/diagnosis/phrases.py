"""Signals and their values as people say them: percent, milliseconds, millikelvin, with the digits that matter."""

import math
from collections.abc import Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "physical_loss_ratio": "photon loss",
        "entanglement_success_ratio": "pairs per attempt",
        "entanglement_rate": "pair generation",
        "entanglement_consumption_rate": "pair consumption",
        "entanglement_pool_level": "pool level",
        "logical_success_ratio": "transfer success",
        "delivered_logical_per_second": "delivered transfers",
        "decode_latency_p50": "decode latency (median)",
        "decode_latency_p99": "decode latency (99th percentile)",
        "control_rtt": "control round trip",
        "retry_ratio": "retries per transfer",
        "transfer_queue_length": "transfer queue",
        "slot_utilisation": "slot utilisation",
        "channel_fidelity": "channel fidelity",
        "syndrome_error_ratio": "failed syndrome checks",
        "syndrome_correlation": "syndrome correlation",
        "qber": "quantum bit error ratio",
        "secret_key_rate": "secret key rate",
        "coherence_t1": "T1",
        "coherence_t2": "T2",
        "measurement_variance": "readout variance",
        "device_temperature": "temperature",
        "device_temperature_coldest": "temperature (coldest sensor)",
        "device_up": "uptime",
    }
)
_QUOTIENTS: Mapping[str, str] = MappingProxyType(
    {"attempts": "attempts", "consumption_over_generation": "pairs used per pair made"}
)
"""Features that are no signal by themselves: what is told beside the signal that stands for them."""
_PERCENT = frozenset(
    {
        "physical_loss_ratio",
        "entanglement_success_ratio",
        "entanglement_pool_level",
        "logical_success_ratio",
        "slot_utilisation",
        "channel_fidelity",
        "syndrome_error_ratio",
        "qber",
        "device_up",
    }
)
_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "entanglement_rate": "pairs/s",
        "entanglement_consumption_rate": "pairs/s",
        "delivered_logical_per_second": "per second",
        "transfer_queue_length": "transfers",
        "secret_key_rate": "bit/s",
    }
)
_PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "loss": "photon loss",
        "memory": "relaxation",
        "gate": "gate errors",
        "measurement": "readout errors",
        "fidelity": "channel fidelity",
        "pool": "the supply of pairs",
        "decoder": "decoding",
    }
)
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_SECONDS = frozenset({"decode_latency_p50", "decode_latency_p99", "control_rtt", "coherence_t1", "coherence_t2"})


def named(signal: str) -> str:
    """The signal in words; a name that nobody gave words to is told as it is."""
    return NAMES.get(signal, signal)


def value(signal: str, number: float) -> str:
    """A value of a signal with its unit."""
    if signal in _PERCENT:
        return share(number)
    if signal in _SECONDS:
        return _small(number, "s")
    if signal.startswith("device_temperature"):
        return _small(number, "K", digits=4)
    told, unit = plain(number), _UNITS.get(signal, "")
    return f"{told} {unit.removesuffix('s') if told == '1' else unit}".rstrip()


def span(signal: str, before: float, now: float) -> str:
    """From one value to another, a common unit told once."""
    first, last = value(signal, before), value(signal, now)
    number, _, unit = first.partition(" ")
    alike = unit and last.partition(" ")[2].removesuffix("s") == unit.removesuffix("s")
    return f"from {number if alike else first} to {last}"


def quotient(feature: str, shift: float) -> tuple[str, str] | None:
    """A feature made of two signals, as its name and its share of before; None for any other.

    `shift` is on the feature's scale: the natural logarithm of that share.
    """
    name = _QUOTIENTS.get(feature)
    return None if name is None else (name, f"{plain(100 * math.exp(shift))}%")


def parameter(name: str) -> str:
    """A parameter of the capacity model in words."""
    return _PARAMETERS.get(name, name)


def share(ratio: float) -> str:
    """A ratio in percent: 4.20%, 99.73%; near 0 and 1 with two digits of what is left."""
    left = min(abs(ratio), abs(1 - ratio))
    if left >= 0.1 or left == 0:
        return f"{ratio:.0%}" if left == 0 else f"{ratio:.1%}"
    decimals = min(6, max(1, 1 - math.floor(math.log10(100 * left))))
    return f"{100 * ratio:.{decimals}f}%"


def confidence(probability: float) -> str:
    """A confidence in percent; nothing is ever quite certain."""
    return "over 99%" if probability > 0.99 else f"{probability:.0%}"


def plain(number: float, digits: int = 3) -> str:
    """A number with three digits that matter, whole where it is large, never with an exponent."""
    if not math.isfinite(number) or number == 0:
        return f"{number:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(number)))
    text = f"{number:,.{max(0, min(decimals, 9))}f}" if decimals > 0 else f"{round(number):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _small(number: float, unit: str, digits: int = 3) -> str:
    scale, prefix = next(((scale, prefix) for scale, prefix in _PREFIXES if abs(number) >= scale), _PREFIXES[-1])
    return f"{plain(number / scale, digits)} {prefix}{unit}"
