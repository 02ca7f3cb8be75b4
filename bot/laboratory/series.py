"""The raw metrics of the telemetry contract: counters, gauges and histograms with their noise."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import norm

from bot.laboratory.drivers import STEP_S, Drivers, wander
from bot.laboratory.network import Place
from bot.laboratory.traffic import Traffic, run
from bot.model.telemetry import FloatArray

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Metric name and labels."""
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the decode histogram's buckets in s; the last, infinite one is added."""
Table = dict[str, FloatArray]
_ROOM_K = 200.0
"""Above it a device stands in the room, and its temperature is the rack's."""


def raw_series(place: Place, drivers: Drivers, rng: np.random.Generator, *, at: float) -> Mapping[Key, FloatArray]:
    """Every series of the contract, shape (T,), whose last sample is at `at` (Unix s)."""
    links, counters = _links(place, drivers, rng, at)
    buckets = links.pop("buckets")
    series: dict[Key, FloatArray] = {}
    for row, link in enumerate(place.links):
        region = place.network.nodes[place.network.links[link].ends[0]].region
        for name, values in {**links, **counters}.items():
            metric, _, result = name.partition(":")
            labels = (("link", link), ("region", region), *((("result", result),) if result else ()))
            series[metric, labels] = values[row]
        for column, bound in enumerate((*map(str, BOUNDS), "+Inf")):
            series["qnet_decode_duration_seconds_bucket", (("le", bound), ("link", link), ("region", region))] = (
                buckets[row, :, column]
            )
    series.update(_nodes(place, drivers, rng, at))
    return series


def _links(place: Place, drivers: Drivers, rng: np.random.Generator, at: float) -> tuple[Table, Table]:
    traits, shape = place.traits, drivers.demand.shape
    hours = (at - STEP_S * np.arange(shape[1])[::-1]) / 86_400.0
    daily = 1 + traits.daily * np.sin(2 * np.pi * (hours + rng.random()))
    swing = daily / daily[-1]
    demand = traits.demand[:, None] * swing * drivers.demand * np.exp(0.05 * wander(rng, shape, memory_s=300.0))
    late, buckets = _decoding(place, drivers, rng)
    slowed = traits.decode_p50[:, None] * (drivers.decode_p50 + 0.2 * drivers.decode_p99 - 1.2)
    traffic = run(place, drivers, rng, demand=demand, service=traits.service[:, None] + 5 * np.maximum(0.0, slowed))
    gauges = {**_levels(traffic, place), **_quality(place, drivers, rng), "buckets": buckets}
    counts = _counts(place, drivers, rng, traffic, late)
    totals = {name: np.cumsum(values, axis=1) + rng.integers(0, 10**7) for name, values in counts.items()}
    return gauges, totals


def _decoding(place: Place, drivers: Drivers, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """(share of decodes beyond the budget (L, T), cumulative buckets (L, T, B)); latencies are lognormal."""
    traits = place.traits
    jitter = np.exp(0.03 * wander(rng, drivers.demand.shape, memory_s=200.0))
    median = traits.decode_p50[:, None] * drivers.decode_p50 * jitter
    tail = traits.decode_p50[:, None] * traits.decode_tail[:, None] * drivers.decode_p99 * jitter
    sigma = np.log(np.maximum(tail / median, 1.05)) / norm.ppf(0.99)
    budget = np.array([place.network.links[name].decoder_budget_s for name in place.links])
    late = norm.sf((np.log(budget)[:, None] - np.log(median)) / sigma)
    below = norm.cdf((np.log(BOUNDS) - np.log(median)[..., None]) / sigma[..., None])
    share = np.diff(np.concatenate([np.zeros((*median.shape, 1)), below, np.ones((*median.shape, 1))], axis=2))
    decodes = rng.poisson(3 * traits.demand[:, None] * STEP_S * np.ones_like(median))
    counts = rng.multinomial(decodes, share / share.sum(axis=2, keepdims=True))
    return late, np.cumsum(np.cumsum(counts, axis=2), axis=1).astype(np.float64)


def _levels(traffic: Traffic, place: Place) -> Table:
    full = np.broadcast_to(place.traits.pool_pairs[:, None], traffic.pool.shape)
    return {
        "qnet_entanglement_pool_pairs": np.round(traffic.pool),
        "qnet_entanglement_pool_capacity_pairs": full,
        "qnet_transfer_queue_length": np.round(traffic.queue),
        "qnet_transfer_slots_in_use": traffic.in_use,
        "qnet_transfer_slots_limit": traffic.limit,
    }


def physical_error(place: Place, drivers: Drivers) -> FloatArray:
    """Factor on the physical error of each link, (L, T): its own, and of short memories and poor readout."""
    one, other = place.ends.T
    worse = np.maximum(1 / drivers.t2[one], 1 / drivers.t2[other])
    spread = np.maximum(drivers.variance[one], drivers.variance[other])
    return np.asarray(drivers.physical * (1 + 0.5 * (worse - 1)) * (1 + 0.35 * (spread - 1)))


def _quality(place: Place, drivers: Drivers, rng: np.random.Generator) -> Table:
    traits, shape = place.traits, drivers.demand.shape
    one, other = place.ends.T
    worse = np.maximum(1 / drivers.t2[one], 1 / drivers.t2[other]) * drivers.physical
    fidelity = 1 - (1 - traits.fidelity[:, None]) * (1 + 0.4 * (worse - 1)) - drivers.fidelity
    fidelity = np.clip(rng.normal(fidelity, 0.002), 0.3, 0.9999)
    table = {
        "qnet_channel_fidelity_ratio": fidelity,
        "qnet_physical_per_logical_qubits": np.full(shape, 49.0),
        "qnet_control_rtt_seconds": traits.rtt[:, None] * drivers.rtt * np.exp(rng.normal(0.0, 0.05, shape)),
    }
    if traits.has_key:
        table["qnet_qber_ratio"] = np.clip(rng.normal(0.67 * (1 - fidelity) + 0.005, 0.001), 0.0, 0.5)
    if traits.has_correlation:
        correlation = traits.correlation[:, None] + drivers.correlation
        table["qnet_syndrome_correlation_ratio"] = np.abs(rng.normal(correlation, 0.003))
    return table


def _counts(place: Place, drivers: Drivers, rng: np.random.Generator, traffic: Traffic, late: FloatArray) -> Table:
    traits, shape = place.traits, drivers.demand.shape
    error = physical_error(place, drivers)
    usual = late[:, :8].mean(axis=1, keepdims=True)
    failing = traits.logical[:, None] * error ** traits.exponent[:, None] * drivers.logical
    failing = np.clip(failing + 0.3 * np.maximum(0.0, late - usual), 0.0, 0.9)
    failed = rng.binomial(traffic.served.astype(np.int64), failing)
    arriving = 10 ** (-(traits.loss_db[:, None] + drivers.loss_db) / 10)
    sent = rng.poisson(traits.sent[:, None] * STEP_S * np.ones(shape))
    rounds = rng.poisson(traits.rounds[:, None] * STEP_S * np.ones(shape))
    checks = np.clip(traits.syndrome[:, None] * error * (1 + 0.03 * (drivers.logical - 1)), 0.0, 0.5)
    again = traits.retry[:, None] * (1 + 0.5 * (failing / traits.logical[:, None] - 1)) + np.maximum(0.0, late - usual)
    counts = {
        "qnet_logical_transfers_total:success": traffic.served - failed,
        "qnet_logical_transfers_total:failure": failed + traffic.starved,
        "qnet_transfer_retries_total": rng.poisson(traffic.served * np.clip(again, 0.0, 3.0)),
        "qnet_entanglement_attempts_total": traffic.attempts,
        "qnet_entangled_pairs_total": traffic.pairs,
        "qnet_entangled_pairs_consumed_total": traffic.consumed,
        "qnet_physical_qubits_sent_total": sent,
        "qnet_physical_qubits_lost_total": rng.binomial(sent, 1 - arriving),
        "qnet_syndrome_rounds_total": rounds,
        "qnet_syndrome_errors_total": rng.binomial(rounds, checks),
    }
    if traits.has_key:
        error_ratio = np.clip(0.67 * (1 - traits.fidelity[:, None]) * error, 0.0, 0.11)
        counts["qnet_secret_key_bytes_total"] = rng.poisson(traffic.pairs * (0.06 - 0.5 * error_ratio))
    return {name: np.asarray(values, dtype=np.float64) for name, values in counts.items()}


def _nodes(place: Place, drivers: Drivers, rng: np.random.Generator, at: float) -> dict[Key, FloatArray]:
    traits, shape = place.traits, drivers.t1.shape
    scatter = traits.noise[:, None]
    hours = (at - STEP_S * np.arange(shape[1])[::-1]) / 86_400.0
    daily = 1 + 0.003 * np.sin(2 * np.pi * (hours + rng.random()))
    tables = {
        "qnet_coherence_t1_seconds": traits.t1[:, None] * drivers.t1 * (1 + scatter * wander(rng, shape, memory_s=20)),
        "qnet_coherence_t2_seconds": traits.t2[:, None] * drivers.t2 * (1 + scatter * wander(rng, shape, memory_s=20)),
        "qnet_measurement_variance_ratio": traits.variance[:, None]
        * drivers.variance
        * (1 + scatter * wander(rng, shape, memory_s=60)),
        "qnet_device_up": drivers.up,
    }
    if traits.has_calibration:
        tables["qnet_device_calibration_timestamp_seconds"] = at - STEP_S * (shape[1] - 1 - drivers.calibrated)
    series: dict[Key, FloatArray] = {}
    for row, node in enumerate(place.nodes):
        region = ("region", place.network.nodes[node].region)
        for name, values in tables.items():
            series[name, (("node", node), region)] = values[row]
        for sensor, kelvin in _temperatures(traits.temperature[row], traits.rack[row], drivers.temperature[row], rng):
            labels = (("node", node), region, ("sensor", sensor))
            series["qnet_device_temperature_kelvin", labels] = kelvin * daily
        for version in np.unique(drivers.version[row]):
            running = np.where(drivers.version[row] == version, 1.0, np.nan)
            series["qnet_firmware_info", (("node", node), ("version", f"2.{int(version)}.0"))] = running
    return series


def _temperatures(
    kelvin: float, around: float, warming: FloatArray, rng: np.random.Generator
) -> Iterator[tuple[str, FloatArray]]:
    """(sensor, K): the device itself, which the event warms, and where that is cold the rack, which stays."""
    quiet = 0.001 if kelvin > _ROOM_K else 0.003
    yield "rack" if kelvin > _ROOM_K else "stage", kelvin * warming * (1 + rng.normal(0.0, quiet, len(warming)))
    if np.isfinite(around):
        yield "rack", around * (1 + rng.normal(0.0, 0.001, len(warming)))
