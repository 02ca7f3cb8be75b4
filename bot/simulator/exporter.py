"""The telemetry contract as families of samples, and as Prometheus text (exposition format 0.0.4)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bot.simulator.physics import Array
from bot.simulator.simulation import Simulation
from bot.simulator.state import BUCKETS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[str, str, float]
"""(suffix of the name, labels as text, value)."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with its samples."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


def families(simulation: Simulation) -> Iterator[Family]:
    """Every family of the contract, at the simulation's present second."""
    yield _transfers(simulation)
    for name, counter, text in _COUNTERS:
        yield Family(name, "counter", text, _of_links(simulation, simulation.traffic.counters[counter]))
    yield _decodes(simulation)
    for name, gauge, text in _LINK_GAUGES:
        yield Family(name, "gauge", text, _of_links(simulation, gauge(simulation)))
    yield from _keys(simulation)
    for name, gauge, text in _NODE_GAUGES:
        yield Family(name, "gauge", text, _of_nodes(simulation, gauge(simulation)))
    yield _temperature(simulation)
    yield _firmware(simulation)


def exposition(simulation: Simulation) -> str:
    """All families as text."""
    return "".join(_block(family) for family in families(simulation))


def number(value: float) -> str:
    """Shortest text that reads back as the same number; counters without a fraction as integers."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _block(family: Family) -> str:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
    lines += [f"{family.name}{suffix}{{{labels}}} {number(value)}" for suffix, labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _of_links(simulation: Simulation, values: Array) -> list[Sample]:
    return [("", f'link="{link}"', float(value)) for link, value in zip(simulation.plant.links, values, strict=True)]


def _of_nodes(simulation: Simulation, values: Array) -> list[Sample]:
    return [("", f'node="{node}"', float(value)) for node, value in zip(simulation.plant.nodes, values, strict=True)]


def _transfers(simulation: Simulation) -> Family:
    counters = simulation.traffic.counters
    samples = [
        ("", f'link="{link}",result="{result}"', float(counters[result][at]))
        for at, link in enumerate(simulation.plant.links)
        for result in ("success", "failure")
    ]
    return Family("qnet_logical_transfers_total", "counter", "Logical-qubit transfers attempted, by outcome.", samples)


def _decodes(simulation: Simulation) -> Family:
    ends = [*(f"{end:g}" for end in BUCKETS), "+Inf"]
    samples: list[Sample] = []
    totals = simulation.traffic.decodes.cumsum(axis=1)
    for at, link in enumerate(simulation.plant.links):
        label = f'link="{link}"'
        samples += [
            ("_bucket", f'{label},le="{end}"', float(total)) for end, total in zip(ends, totals[at], strict=True)
        ]
        samples.append(("_sum", label, float(simulation.traffic.counters["decode_sum"][at])))
        samples.append(("_count", label, float(totals[at, -1])))
    return Family("qnet_decode_duration_seconds", "histogram", "From syndrome in to correction out.", samples)


def _keys(simulation: Simulation) -> Iterator[Family]:
    serving = np.flatnonzero(simulation.plant.keys)
    if not len(serving):
        return
    made = _of_links(simulation, simulation.traffic.counters["key_bytes"])
    qber = _of_links(simulation, simulation.environment.qber)
    yield Family("qnet_secret_key_bytes_total", "counter", "Secret key delivered.", [made[at] for at in serving])
    yield Family("qnet_qber_ratio", "gauge", "Quantum bit error ratio.", [qber[at] for at in serving])


def _temperature(simulation: Simulation) -> Family:
    nodes, kelvin = simulation.plant.nodes, simulation.environment.temperature_k
    samples = [("", f'node="{node}",sensor="stage"', float(kelvin[at])) for at, node in enumerate(nodes)]
    return Family("qnet_device_temperature_kelvin", "gauge", "Temperature of the device.", samples)


def _firmware(simulation: Simulation) -> Family:
    running = zip(simulation.plant.nodes, simulation.settings.firmware, strict=True)
    samples = [("", f'node="{node}",version="{_escaped(version)}"', 1.0) for node, version in running]
    return Family("qnet_firmware_info", "gauge", "Firmware that the node runs.", samples)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_COUNTERS: tuple[tuple[str, str, str], ...] = (
    ("qnet_transfer_retries_total", "retries", "Transfers tried again."),
    ("qnet_entanglement_attempts_total", "attempts", "Entanglement generation attempts."),
    ("qnet_entangled_pairs_total", "pairs", "Heralded Bell pairs made, before purification."),
    ("qnet_entangled_pairs_consumed_total", "consumed", "Pairs taken from the pool."),
    ("qnet_physical_qubits_sent_total", "sent", "Physical qubits put on the channel."),
    ("qnet_physical_qubits_lost_total", "lost", "Physical qubits detected as lost."),
    ("qnet_syndrome_rounds_total", "rounds", "Syndrome measurements made."),
    ("qnet_syndrome_errors_total", "syndromes", "Syndrome measurements that failed or were inconsistent."),
)

Gauge = Callable[[Simulation], Array]
_LINK_GAUGES: tuple[tuple[str, Gauge, str], ...] = (
    ("qnet_entanglement_pool_pairs", lambda s: np.floor(s.traffic.pool), "Usable pairs stored now."),
    ("qnet_entanglement_pool_capacity_pairs", lambda s: s.plant.pool, "Pairs that the pool can hold."),
    ("qnet_channel_fidelity_ratio", lambda s: s.environment.fidelity, "Average fidelity of the channel test."),
    ("qnet_physical_per_logical_qubits", lambda s: s.plant.overhead, "Physical qubits per logical qubit."),
    ("qnet_syndrome_correlation_ratio", lambda s: s.environment.correlation, "Pairwise correlation of detections."),
    ("qnet_transfer_queue_length", lambda s: s.traffic.queue_shown, "Transfers waiting to be scheduled."),
    ("qnet_transfer_slots_in_use", lambda s: s.traffic.in_use, "Transfers running."),
    ("qnet_transfer_slots_limit", lambda s: s.environment.slots, "Transfers that the scheduler allows."),
    ("qnet_control_rtt_seconds", lambda s: s.environment.rtt_s, "Round trip of the classical control channel."),
)
_NODE_GAUGES: tuple[tuple[str, Gauge, str], ...] = (
    ("qnet_coherence_t1_seconds", lambda s: s.environment.t1_s, "Relaxation time of the memories."),
    ("qnet_coherence_t2_seconds", lambda s: s.environment.t2_s, "Dephasing time of the memories."),
    ("qnet_measurement_variance_ratio", lambda s: s.environment.variance, "Variance of the normalised readout."),
    ("qnet_device_up", lambda s: s.devices.up.astype(np.float64), "Whether the device answers."),
    ("qnet_device_calibration_timestamp_seconds", lambda s: s.devices.calibrated_at, "Time of the last calibration."),
)
