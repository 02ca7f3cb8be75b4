"""From what the network file promises and what telemetry says to the state of a link."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bot.capacity.ranges import Array, Number, plain
from bot.capacity.state import NAN, LinkState
from bot.model.network import Link

Signals = Mapping[str, Number]

HERALD_EFFICIENCY = 0.5
"""Linear-optics Bell measurements find at most half; what else is lost is in the link's excess loss."""
DECODE_SHARE_OF_BUDGET = 0.1
"""The file promises a decoder budget, not a latency: a healthy decoder takes a tenth of it."""

RANGES: Mapping[str, tuple[float, float]] = {
    "physical_loss_ratio": (0.0, 1.0),
    "entanglement_success_ratio": (0.0, 1.0),
    "entanglement_rate": (0.0, np.inf),
    "entanglement_consumption_rate": (0.0, np.inf),
    "entanglement_pool_level": (0.0, 1.0),
    "decode_latency_p50": (0.0, np.inf),
    "decode_latency_p99": (0.0, np.inf),
    "channel_fidelity": (1 / 3, 1.0),
    "qber": (0.0, 0.5),
    "control_rtt": (0.0, np.inf),
    "coherence_t1": (1e-12, np.inf),
    "coherence_t2": (1e-12, np.inf),
    "measurement_variance": (1e-12, np.inf),
}
"""Signals that the model reads, with the values it believes; others in the mapping are passed over."""


def specified(link: Link) -> LinkState:
    """What network.yaml promises.

    The file says nothing of demand (0 pairs/s), channel fidelity (1), herald efficiency or decode latency: these are
    the constants of this file, and telemetry replaces them.
    """
    return LinkState(
        loss_db=link.specified_loss_db,
        attempt_rate_hz=link.attempt_rate_hz,
        herald_efficiency=HERALD_EFFICIENCY,
        t1_s=link.memory.t1_s,
        t2_s=link.memory.t2_s,
        storage_s=link.memory.storage_s,
        gate_error=link.errors.gate,
        measurement_error=link.errors.measurement,
        fidelity=1.0,
        decode_latency_s=DECODE_SHARE_OF_BUDGET * link.decoder_budget_s,
        decoder_budget_s=link.decoder_budget_s,
        consumption_rate=0.0,
        pool_pairs=link.pool.target_level * link.pool.capacity_pairs,
        pool_capacity_pairs=float(link.pool.capacity_pairs),
        code_family=link.code.family,
        code_distance=link.code.distance,
    )


def observed(link: Link, signals: Signals, *, reference: LinkState) -> LinkState:
    """The state that telemetry shows; what it does not say, or says out of range, is taken from `reference`.

    `signals` maps derived signal names to floats or arrays; signals of nodes (coherence, readout variance) under
    their plain names, the worse of the link's two ends. A sample with T2 above 2 T1 is rejected, both times.
    """
    say = {name: believed(name, value) for name, value in signals.items() if name in RANGES}
    loss = _loss(say, reference)
    t1, t2 = _times(say, reference)
    variance = _or(say, "measurement_variance", reference.readout_variance)
    capacity = np.asarray(float(link.pool.capacity_pairs))
    efficiency = _efficiency(say, loss, reference)
    median = _or(say, "decode_latency_p50", reference.decode_latency_s)
    tail = _or(say, "decode_latency_p99", reference.decode_p99_s)
    return replace(
        reference,
        loss_db=plain(loss),
        attempt_rate_hz=plain(_attempts(say, loss, efficiency, reference)),
        herald_efficiency=plain(efficiency),
        t1_s=plain(t1),
        t2_s=plain(t2),
        fidelity=plain(_or(say, "channel_fidelity", reference.fidelity)),
        measurement_error=plain(_readout(variance, reference)),
        readout_variance=plain(variance),
        decode_latency_s=plain(np.fmin(median, tail)),
        decode_p99_s=plain(tail),
        control_rtt_s=plain(_or(say, "control_rtt", reference.control_rtt_s)),
        consumption_rate=plain(_or(say, "entanglement_consumption_rate", reference.consumption_rate)),
        pool_pairs=plain(_known(say.get("entanglement_pool_level", np.asarray(NAN)) * capacity, reference.pool_pairs)),
        qber=plain(_or(say, "qber", reference.qber)),
    )


def believed(name: str, value: Number) -> Array:
    """The value where it is finite and possible, NaN elsewhere."""
    low, high = RANGES[name]
    array = np.asarray(value, dtype=np.float64)
    return np.where(np.isfinite(array) & (array >= low) & (array <= high), array, NAN)


def _known(value: Array, otherwise: Number) -> Array:
    return np.where(np.isnan(value), otherwise, value)


def _or(say: Mapping[str, Array], name: str, otherwise: Number) -> Array:
    return _known(say.get(name, np.asarray(NAN)), otherwise)


def _loss(say: Mapping[str, Array], reference: LinkState) -> Array:
    lost = say.get("physical_loss_ratio", np.asarray(NAN))
    with np.errstate(divide="ignore"):
        return _known(np.abs(-10 * np.log10(1 - lost)), reference.loss_db)


def _efficiency(say: Mapping[str, Array], loss: Array, reference: LinkState) -> Array:
    success = say.get("entanglement_success_ratio", np.asarray(NAN))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        efficiency = success * 10 ** (loss / 10)
    return _known(np.where(efficiency <= 1, efficiency, NAN), reference.herald_efficiency)


def _attempts(say: Mapping[str, Array], loss: Array, efficiency: Array, reference: LinkState) -> Array:
    """Attempts/s are pairs/s over pairs per attempt."""
    rate = say.get("entanglement_rate", np.asarray(NAN))
    success = efficiency * 10 ** (-loss / 10)
    with np.errstate(divide="ignore", invalid="ignore"):
        attempts = np.where(success > 0, rate / success, NAN)
    return _known(attempts, reference.attempt_rate_hz)


def _times(say: Mapping[str, Array], reference: LinkState) -> tuple[Array, Array]:
    t1, t2 = _or(say, "coherence_t1", reference.t1_s), _or(say, "coherence_t2", reference.t2_s)
    physical = t2 <= 2 * t1
    return np.where(physical, t1, reference.t1_s), np.where(physical, t2, reference.t2_s)


def _readout(variance: Array, reference: LinkState) -> Array:
    """Two Gaussian readout clouds that widen: m = Phi(Phi^-1(m0) sigma0/sigma), whatever the normalisation."""
    before = np.asarray(reference.readout_variance, dtype=np.float64)
    error = np.asarray(reference.measurement_error, dtype=np.float64)
    if np.isnan(before).all() or np.isnan(variance).all():
        return error + 0 * np.nan_to_num(variance)
    from scipy.special import ndtr, ndtri  # noqa: PLC0415 - heavy, and only needed where readout is measured

    return _known(ndtr(ndtri(error) * np.sqrt(before / variance)), reference.measurement_error)
