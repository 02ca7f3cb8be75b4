"""The model of one link: what it should deliver, given its telemetry.

A link makes heralded pairs (a lost photon is a flagged erasure, so loss costs rate and not quality: two-way
capacity, never mixed with one-way), stores them in a pool, and teleports logical qubits through them. Storage
for `storage_s` plus decode latency plus control round trip goes through the T1/T2 memory; channel, gates and
readout add Pauli errors; the code turns physical into logical errors.

Simplifications: memory noise is twirled (a lower bound); the code's contributions are added as independent;
decode latencies follow the Weibull law through their median and 99th percentile.
"""

from collections.abc import Mapping

import numpy as np

from bot.capacity import codes, entropy
from bot.capacity import pauli as paulis
from bot.capacity.observed import observed, specified
from bot.capacity.pauli import Pauli
from bot.capacity.ranges import Array, Number, not_negative, plain, positive, probability, times, within
from bot.capacity.state import LinkState

__all__ = ["QUANTITIES", "LinkState", "capacity", "evaluate", "observed", "specified"]

HORIZON_S = 60.0
"""How far ahead a pool must last for its requests to count as served: one short burn-rate window."""
SIFTING, CORRECTION_EFFICIENCY = 0.5, 1.16
"""BB84 with equally used bases; error correction at 1.16 times the Shannon limit."""

QUANTITIES: Mapping[str, str] = {
    "physical_loss_ratio": "1",
    "channel_fidelity": "1",
    "entanglement_success_ratio": "1",
    "entanglement_rate": "pairs/s",
    "entanglement_pool_level": "1",
    "pool_net_rate": "pairs/s",
    "pool_depletion_s": "s",
    "pool_depletion_low_s": "s",
    "pool_depletion_high_s": "s",
    "supply_ratio": "1",
    "physical_error_ratio": "1",
    "decode_timeout_ratio": "1",
    "logical_error_ratio": "1",
    "logical_success_ratio": "1",
    "expected_qber": "1",
    "qber": "1",
    "secret_key_rate": "bit/s",
    "distillable_per_pair": "ebit/pair",
    "capacity_qubits_per_s": "qubit/s",
    "capacity_upper_qubits_per_s": "qubit/s",
}
"""What `evaluate` answers, with units. `capacity_qubits_per_s` is a lower bound (hashing), `capacity_upper_…` an upper
bound (relative entropy of entanglement), both two-way assisted and asymptotic. `qber` is the measured one where known.
"""


def transmissivity(state: LinkState) -> Array:
    """Share of photons that arrive: 10^(-loss/10)."""
    value: Array = 10 ** (-not_negative("loss_db", state.loss_db) / 10)
    return value


def noise(state: LinkState) -> Pauli:
    """Pauli channel of memory and fiber, before gates and readout."""
    waited = (
        not_negative("storage_s", state.storage_s)
        + not_negative("decode_latency_s", state.decode_latency_s)
        + not_negative("control_rtt_s", state.control_rtt_s)
    )
    infidelity = 1.5 * (1 - within("fidelity", state.fidelity, 1 / 3, 1.0))
    stored = paulis.memory(waited, *times(state.t1_s, state.t2_s))
    return paulis.series(stored, paulis.depolarizing(np.minimum(1.0, infidelity)))


def timeouts(state: LinkState) -> Array:
    """Share of decodes that take longer than the budget."""
    median = not_negative("decode_latency_s", state.decode_latency_s)
    budget = positive("decoder_budget_s", state.decoder_budget_s)
    tail = not_negative("decode_p99_s", state.decode_p99_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.log(tail / median)
        # Weibull through two quantiles: k = ln(ln 100 / ln 2) / ln(p99 / p50); k = 1 is the exponential law.
        shape = np.where(spread > 0, np.log(np.log(100) / np.log(2)) / np.where(spread > 0, spread, 1.0), 1.0)
        share: Array = np.exp(-np.log(2) * (budget / median) ** shape)
    return share


def supply(state: LinkState, rate: Array) -> tuple[Array, Array]:
    """(seconds until the pool is empty, share of requests over HORIZON_S that find a pair)."""
    used = not_negative("consumption_rate", state.consumption_rate)
    pairs = not_negative("pool_pairs", state.pool_pairs)
    deficit = used - rate
    short = deficit > 0
    depletion = np.where(short, pairs / np.where(short, deficit, 1.0), np.inf) + 0 * deficit + 0 * pairs
    lasting = np.minimum(depletion, HORIZON_S) / HORIZON_S
    refill = np.where(short, rate / np.where(short, used, 1.0), 1.0)
    return depletion, lasting + (1 - lasting) * refill


def evaluate(state: LinkState) -> Mapping[str, Number]:
    """Every quantity of QUANTITIES; shapes broadcast, a 0-d answer is a float. Raises CapacityRangeError."""
    eta = transmissivity(state)
    success = eta * probability("herald_efficiency", state.herald_efficiency)
    rate = success * not_negative("attempt_rate_hz", state.attempt_rate_hz)
    channel = noise(state)
    pair = _pair(channel, state)
    late = timeouts(state)
    depletion, served = supply(state, rate)
    low, high = _depletion_interval(state, rate, depletion)
    failed = codes.logical_failure(
        state.code_family, state.code_distance, channel, state.gate_error, state.measurement_error
    )
    expected = (pair.x + 2 * pair.y + pair.z) / 2
    measured = probability("qber", state.qber)
    qber = np.where(np.isnan(measured), expected, measured)
    usable = rate * served * (1 - late)
    answers: dict[str, Array] = {
        "physical_loss_ratio": 1 - eta,
        "channel_fidelity": np.asarray(state.fidelity, dtype=np.float64),
        "entanglement_success_ratio": success,
        "entanglement_rate": rate,
        "entanglement_pool_level": np.asarray(state.pool_pairs)
        / positive("pool_capacity_pairs", state.pool_capacity_pairs),
        "pool_net_rate": rate - np.asarray(state.consumption_rate),
        "pool_depletion_s": depletion,
        "pool_depletion_low_s": low,
        "pool_depletion_high_s": high,
        "supply_ratio": served,
        "physical_error_ratio": pair.error,
        "decode_timeout_ratio": late,
        "logical_error_ratio": failed,
        "logical_success_ratio": (1 - failed) * (1 - late) * served,
        "expected_qber": expected,
        "qber": qber,
        "secret_key_rate": rate * SIFTING * key_fraction(qber),
        "distillable_per_pair": paulis.hashing(pair),
        "capacity_qubits_per_s": usable * paulis.hashing(pair),
        "capacity_upper_qubits_per_s": usable * paulis.two_way_upper(pair),
    }
    return {name: plain(np.asarray(value)) for name, value in answers.items()}


def capacity(state: LinkState) -> Array:
    """Only `capacity_qubits_per_s`, for attribution: pairs/s × served × decoded in time × hashing."""
    rate = transmissivity(state) * probability("herald_efficiency", state.herald_efficiency)
    rate = rate * not_negative("attempt_rate_hz", state.attempt_rate_hz)
    served = supply(state, rate)[1]
    return rate * served * (1 - timeouts(state)) * paulis.hashing(_pair(noise(state), state))


def key_fraction(qber: Array) -> Array:
    """BB84 secret bits per sifted bit, 1-h(Q)-f h(Q), never below 0 (Shor, Preskill 2000)."""
    q = np.minimum(qber, 0.5)
    return np.maximum(0.0, 1 - (1 + CORRECTION_EFFICIENCY) * entropy.binary(q))


def _pair(channel: Pauli, state: LinkState) -> Pauli:
    gate = paulis.depolarizing(probability("gate_error", state.gate_error))
    readout = paulis.flip(probability("measurement_error", state.measurement_error))
    return paulis.series(channel, gate, readout)


def _depletion_interval(state: LinkState, rate: Array, depletion: Array) -> tuple[Array, Array]:
    """5% and 95% of the time to depletion: lognormal with the first-passage mean and spread (Feller)."""
    used, pairs = np.asarray(state.consumption_rate), np.asarray(state.pool_pairs)
    known = np.isfinite(depletion) & (pairs > 0)
    ratio = np.where(known, (rate + used) / np.where(known, pairs * (used - rate), 1.0), 0.0)
    width = 1.6449 * np.sqrt(np.log1p(ratio))
    return depletion * np.exp(-width), depletion * np.exp(width)
