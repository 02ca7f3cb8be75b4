"""Every derived signal of the telemetry contract, as one table.

To add a signal, add a row: both the PromQL text (`promql`) and the embedded evaluation follow from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from bot.errors import UsageError
from bot.telemetry.promql import promql
from bot.telemetry.signal import Selector, Signal

__all__ = ["BUCKETS", "CATALOGUE", "METRICS", "Signal", "check_names", "promql", "signals_named"]

_TRANSFERS = Selector("qnet_logical_transfers_total")
_SUCCESSES = Selector("qnet_logical_transfers_total", (("result", "success"),))
_RETRIES = Selector("qnet_transfer_retries_total")
_ATTEMPTS = Selector("qnet_entanglement_attempts_total")
_PAIRS = Selector("qnet_entangled_pairs_total")
_CONSUMED = Selector("qnet_entangled_pairs_consumed_total")
_POOL = Selector("qnet_entanglement_pool_pairs")
_POOL_CAPACITY = Selector("qnet_entanglement_pool_capacity_pairs")
_SENT = Selector("qnet_physical_qubits_sent_total")
_LOST = Selector("qnet_physical_qubits_lost_total")
_DECODE = Selector("qnet_decode_duration_seconds")
_FIDELITY = Selector("qnet_channel_fidelity_ratio")
_OVERHEAD = Selector("qnet_physical_per_logical_qubits")
_KEY_BYTES = Selector("qnet_secret_key_bytes_total")
_QBER = Selector("qnet_qber_ratio")
_ROUNDS = Selector("qnet_syndrome_rounds_total")
_SYNDROMES = Selector("qnet_syndrome_errors_total")
_CORRELATION = Selector("qnet_syndrome_correlation_ratio")
_QUEUE = Selector("qnet_transfer_queue_length")
_SLOTS = Selector("qnet_transfer_slots_in_use")
_SLOT_LIMIT = Selector("qnet_transfer_slots_limit")
_RTT = Selector("qnet_control_rtt_seconds")
_T1 = Selector("qnet_coherence_t1_seconds")
_T2 = Selector("qnet_coherence_t2_seconds")
_VARIANCE = Selector("qnet_measurement_variance_ratio")
_TEMPERATURE = Selector("qnet_device_temperature_kelvin")
_UP = Selector("qnet_device_up")
_CALIBRATED = Selector("qnet_device_calibration_timestamp_seconds")
_FIRMWARE = Selector("qnet_firmware_info")

# fmt: off
_TABLE = (
    Signal(name="logical_success_ratio", kind="rate-ratio", top=_SUCCESSES, bottom=_TRANSFERS, high=1.0),
    Signal(name="delivered_logical_per_second", unit="qubits/s", kind="rate", top=_SUCCESSES),
    Signal(name="entanglement_rate", unit="pairs/s", kind="rate", top=_PAIRS),
    Signal(name="entanglement_success_ratio", kind="rate-ratio", top=_PAIRS, bottom=_ATTEMPTS, high=1.0),
    Signal(name="entanglement_consumption_rate", unit="pairs/s", kind="rate", top=_CONSUMED),
    Signal(name="entanglement_pool_level", kind="gauge-ratio", top=_POOL, bottom=_POOL_CAPACITY, high=1.0),
    Signal(name="physical_loss_ratio", kind="rate-ratio", top=_LOST, bottom=_SENT, high=1.0),
    Signal(name="decode_latency_p50", unit="s", kind="quantile", top=_DECODE, quantile=0.5),
    Signal(name="decode_latency_p99", unit="s", kind="quantile", top=_DECODE, quantile=0.99),
    Signal(name="channel_fidelity", kind="gauge", top=_FIDELITY, across="avg", high=1.0),
    Signal(name="physical_per_logical", unit="qubits", kind="gauge", top=_OVERHEAD, across="avg"),
    Signal(name="secret_key_rate", unit="bit/s", kind="rate", top=_KEY_BYTES, scale=8.0, optional=True),
    Signal(name="qber", kind="gauge", top=_QBER, across="avg", high=1.0, optional=True),
    Signal(name="syndrome_error_ratio", kind="rate-ratio", top=_SYNDROMES, bottom=_ROUNDS, high=1.0),
    Signal(name="syndrome_correlation", kind="gauge", top=_CORRELATION, across="avg", high=1.0, optional=True),
    Signal(name="retry_ratio", kind="rate-ratio", top=_RETRIES, bottom=_TRANSFERS),
    Signal(name="transfer_queue_length", unit="transfers", kind="gauge", top=_QUEUE, across="sum"),
    Signal(name="slot_utilisation", kind="gauge-ratio", top=_SLOTS, bottom=_SLOT_LIMIT),
    Signal(name="control_rtt", unit="s", kind="gauge", top=_RTT, across="avg"),
    Signal(name="coherence_t1", of="node", unit="s", kind="gauge", top=_T1, across="avg"),
    Signal(name="coherence_t2", of="node", unit="s", kind="gauge", top=_T2, across="avg"),
    Signal(name="measurement_variance", of="node", kind="gauge", top=_VARIANCE, across="avg"),
    Signal(name="device_temperature", of="node", unit="K", kind="gauge", top=_TEMPERATURE, across="max"),
    Signal(name="device_temperature_coldest", of="node", unit="K", kind="gauge", top=_TEMPERATURE, across="min"),
    Signal(name="device_up", of="node", unit="bool", kind="gauge", top=_UP, across="min", high=1.0),
    Signal(name="calibrated_at", of="node", unit="Unix s", kind="gauge", top=_CALIBRATED, across="max", optional=True),
    Signal(name="firmware_version", of="node", unit="version", kind="info", top=_FIRMWARE),
)
# fmt: on

CATALOGUE: Mapping[str, Signal] = MappingProxyType({signal.name: signal for signal in _TABLE})
"""Signal name -> its definition, in the contract's order."""

METRICS: Mapping[str, str] = MappingProxyType({metric: signal.of for signal in _TABLE for metric in signal.metrics})
"""Contract metric -> the label that names its subject, for every metric that a signal reads."""

BUCKETS: frozenset[str] = frozenset(signal.top.metric for signal in _TABLE if signal.kind == "quantile")
"""The metrics that are histograms, named without `_bucket`."""


def signals_named(names: Iterable[str]) -> Sequence[Signal]:
    """The signals of these names, each once; raises UsageError when a name is not in the catalogue."""
    unique = dict.fromkeys(names)
    unknown = [name for name in unique if name not in CATALOGUE]
    if unknown:
        raise UsageError(f"unknown signal {', '.join(unknown)}", hint=f"known are {', '.join(CATALOGUE)}")
    return tuple(CATALOGUE[name] for name in unique)


def check_names(names: Mapping[str, str]) -> None:
    """Refuse a remapping of metrics that the contract does not have (UsageError): it would never be used."""
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise UsageError(
            f"telemetry.metrics renames {', '.join(unknown)}, which the telemetry contract does not have",
            hint="write {contract name: your name}",
        )
    empty = sorted(name for name, own in names.items() if not own)
    if empty:
        raise UsageError(f"telemetry.metrics gives {', '.join(empty)} an empty name", hint="remove the line")
