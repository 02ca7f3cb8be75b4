"""From settings, devices and faults to the rates and probabilities that the traffic of a second meets.

Simplifications: environment is renewed every SLOW_S seconds (and at every act); both ends of a link store the pair for
the same time; a block is read out as badly as at its worse end; wobble is a first-order autoregression.
"""

from dataclasses import dataclass

import numpy as np

from bot.simulator import physics
from bot.simulator import plant as plants
from bot.simulator.physics import Array
from bot.simulator.plant import BEST_EFFORT, PRIORITIES, Plant
from bot.simulator.push import Push
from bot.simulator.state import BUCKETS, Devices, Flags, Settings

SLOW_S = 5
TRIP_K = 7.5
"""A device this warm drops out now and then, and cannot be calibrated nor its cooling restarted."""
TRIP_RATE, TRIP_S = 0.1, 20.0
"""Chance to drop out per SLOW_S, and for how long."""
HEAT_TAU_S, LAG_TAU_S = 45.0, 40.0
COHERENCE_POWER, LOSS_DB_PER_K = 3.0, 0.9
SAFE_HEAT, SAFE_ATTEMPTS = 0.35, 0.85
"""Safe power mode: share of excess heat and of attempts."""
RETRY_S = 0.5
RECURRENCE_GAIN = 2 / 3
"""Infidelity left after one round of recurrence on good Werner pairs (Bennett et al. 1996, F near 1)."""
DAILY, DAY_S = 0.08, 86400.0
WOBBLE = 0.97
FAST_DECODER, FAST_PENALTY = 0.3, 1.5
SKEW = 0.01


@dataclass(slots=True)
class Wobble:
    """Autoregressive noise of unit variance: rows are quantities."""

    links: Array
    nodes: Array

    @classmethod
    def of(cls, plant: Plant, rng: np.random.Generator) -> "Wobble":
        """Started in its stationary law."""
        return cls(rng.standard_normal((8, len(plant.links))), rng.standard_normal((4, len(plant.nodes))))

    def step(self, rng: np.random.Generator) -> None:
        """One step of SLOW_S."""
        fresh = np.sqrt(1 - WOBBLE**2)
        self.links = WOBBLE * self.links + fresh * rng.standard_normal(self.links.shape)
        self.nodes = WOBBLE * self.nodes + fresh * rng.standard_normal(self.nodes.shape)


@dataclass(frozen=True, slots=True)
class Environment:
    """Arrays over links unless said otherwise; what a scrape shows as gauges is in here too."""

    up: Flags
    attempts: Array
    eta: Array
    herald: Array
    demand: Array
    """(3, links) transfers/s."""
    slots: Array
    service_s: Array
    pairs_per_transfer: Array
    late: Array
    decode_shares: Array
    """(links, buckets + 1)."""
    decode_mean_s: Array
    logical_error: Array
    check_error: Array
    burst: Array
    target_pairs: Array
    fidelity: Array
    qber: Array
    key_bits_per_pair: Array
    correlation: Array
    rtt_s: Array
    t1_s: Array
    t2_s: Array
    variance: Array
    temperature_k: Array


def step_devices(devices: Devices, settings: Settings, push: Push, now: float, rng: np.random.Generator) -> None:
    """Heat, then lag, then drop-outs, over SLOW_S."""
    goal = plants.TEMPERATURE_K + push.heat_k * np.where(settings.safe, SAFE_HEAT, 1.0)
    devices.temperature_k += (goal - devices.temperature_k) * -np.expm1(-SLOW_S / HEAT_TAU_S)
    devices.lagging_k += (devices.temperature_k - devices.lagging_k) * -np.expm1(-SLOW_S / LAG_TAU_S)
    hot = (devices.lagging_k > TRIP_K) & devices.up & (rng.random(len(devices.up)) < TRIP_RATE)
    devices.down_until = np.where(hot, now + TRIP_S, devices.down_until)
    devices.up = now >= devices.down_until


def environment(
    *, plant: Plant, settings: Settings, devices: Devices, push: Push, wobble: Wobble, held: Flags, now: float
) -> Environment:
    """Everything that the second after `now` needs. `held`: links whose pool is being replenished."""
    a, b = plant.ends
    warm = plants.TEMPERATURE_K / np.maximum(plants.TEMPERATURE_K, devices.lagging_k)
    excess_k = np.maximum(0.0, devices.lagging_k - plants.TEMPERATURE_K)
    t1_share = push.t1 * warm**COHERENCE_POWER * (1 + 0.006 * wobble.nodes[0])
    t2_share = push.t2 * warm**COHERENCE_POWER * (1 + 0.008 * wobble.nodes[1])
    variance = push.variance * (1 + 0.015 * wobble.nodes[2])
    loss = plant.loss_db + push.loss_db + LOSS_DB_PER_K * (excess_k[a] + excess_k[b]) - settings.gain_db
    eta = np.minimum(1.0, physics.transmissivity(loss + 0.03 * wobble.links[0]))
    infidelity = np.clip(1 - plants.FIDELITY + push.infidelity[a] + push.infidelity[b], 0.0, 0.7)
    fidelity = physics.pair_fidelity(1 - infidelity * (1 + 0.06 * wobble.links[1]), eta)
    up = devices.up[a] & devices.up[b]
    active = ~(settings.drained[a] | settings.drained[b])
    demand = _demand(plant=plant, settings=settings, push=push, held=held, active=active, now=now)
    median = _decode(plant, settings, push, demand) * (1 + 0.02 * wobble.links[2])
    late = physics.slower_than(plant.budget_s, median, plants.DECODE_SPREAD)
    mean = median * np.exp(plants.DECODE_SPREAD**2 / 2)
    rtt = plant.rtt_s * (1 + 0.03 * np.abs(wobble.links[3]))
    readout = physics.readout_error(plant.readout, np.maximum(variance[a], variance[b]))
    waits = plant.storage_s + rtt
    memory = _memory(plant, waits + median, t1_share, t2_share)
    logical, check = _errors(plant, memory, 1.5 * (1 - fidelity) * RECURRENCE_GAIN**settings.purification, readout)
    stored = _memory(plant, waits, t1_share, t2_share)
    qber = np.clip((1 - fidelity) + 1.5 * stored[0] + stored[1] / 2 + 2 * readout, 0.0, 0.5)
    share = np.where(held, 1.0, settings.attempt_share * push.attempts)
    safe = np.where(settings.safe[a] | settings.safe[b], SAFE_ATTEMPTS, 1.0)
    tries = 1 + late + late**2
    ends = np.array(BUCKETS)
    below = 1 - physics.slower_than(ends, median[:, None], plants.DECODE_SPREAD)
    return Environment(
        up=up,
        attempts=plant.attempt_hz * share * safe * up,
        eta=eta,
        herald=physics.pairs_per_attempt(eta) + physics.DARK_PER_ATTEMPT,
        demand=demand,
        slots=np.maximum(1.0, np.floor(settings.slots * push.slots)),
        service_s=(plants.TRANSFER_S + mean) * tries + RETRY_S * (tries - 1),
        pairs_per_transfer=plant.pairs_per_transfer * plants.PURIFICATION ** (settings.purification - 1),
        late=late,
        decode_shares=np.clip(np.diff(below, prepend=0.0, append=1.0, axis=1), 0.0, 1.0),
        decode_mean_s=mean,
        logical_error=np.where(settings.fast_decoder, np.minimum(1.0, FAST_PENALTY * logical), logical),
        check_error=check,
        burst=push.burst,
        target_pairs=plant.pool * np.minimum(1.0, settings.target * (1 + 0.008 * wobble.links[4])),
        fidelity=np.clip(fidelity, 0.0, 1.0),
        qber=np.clip(qber * (1 + 0.02 * wobble.links[5]), 0.0, 0.5),
        key_bits_per_pair=physics.SIFTING * physics.key_fraction(qber),
        correlation=np.clip(0.012 + 0.003 * wobble.links[6] + 0.25 * push.burst, 0.0, 1.0),
        rtt_s=rtt,
        t1_s=plant.node_t1_s * t1_share,
        t2_s=np.minimum(plant.node_t2_s * t2_share, 2 * plant.node_t1_s * t1_share),
        variance=plants.READOUT_VARIANCE * variance,
        temperature_k=devices.temperature_k + SKEW * wobble.nodes[3],
    )


def _demand(*, plant: Plant, settings: Settings, push: Push, held: Flags, active: Flags, now: float) -> Array:
    """(3, links) transfers/s: flows on their present routes plus local traffic, after throttles and holds."""
    demand = np.zeros((3, len(plant.links)))
    place = {link: index for index, link in enumerate(plant.links)}
    for flow in plant.network.flows.values():
        state = settings.flows[flow.id]
        if not state.classical:
            rate = min(flow.demand_logical_per_s, state.quota)
            demand[PRIORITIES.index(flow.priority), [place[link] for link in state.route]] += rate
    demand[BEST_EFFORT] += plant.local * (1 + push.surge)
    demand *= 1 + DAILY * np.sin(2 * np.pi * now / DAY_S)
    demand = np.minimum(demand, settings.throttle)
    demand[BEST_EFFORT, held] = 0.0
    return np.asarray(demand * active)


def _decode(plant: Plant, settings: Settings, push: Push, demand: Array) -> Array:
    """Median decode time: load on the replicas delays it; a fast decoder needs less."""
    median = plants.DECODE_SHARE * plant.budget_s * push.decode
    speed = np.where(settings.fast_decoder, FAST_DECODER, 1.0)
    load = 0.05 * push.decode ** (1 / 3) * speed * plants.REPLICAS / settings.replicas
    return np.asarray(median * speed * (plants.REPLICAS / settings.replicas) * physics.queueing_delay(load) * 0.95)


def _memory(plant: Plant, wait_s: Array, t1_share: Array, t2_share: Array) -> tuple[Array, Array]:
    """(X = Y, Z) errors of a pair stored at both ends, as a sum: both are small."""
    flips, phases = np.zeros(len(plant.links)), np.zeros(len(plant.links))
    for end in plant.ends:
        t1 = plant.t1_s * t1_share[end]
        flip, phase = physics.memory_noise(wait_s, t1, np.minimum(plant.t2_s * t2_share[end], 2 * t1))
        flips, phases = flips + flip, phases + phase
    return flips, phases


def _errors(plant: Plant, memory: tuple[Array, Array], depolarized: Array, readout: Array) -> tuple[Array, Array]:
    """(logical failure of a block, share of check measurements that fire)."""
    small = np.where(plant.surface, 0.0, plant.gate + readout)
    flips = np.minimum(0.5, 2 * memory[0] + 2 / 3 * depolarized + small)
    phases = np.minimum(0.5, memory[0] + memory[1] + 2 / 3 * depolarized + small)
    c_x, k_x, c_z, k_z = plant.code
    once = 1 - (1 - physics.block_failure(c_x, k_x, flips)) * (1 - physics.block_failure(c_z, k_z, phases))
    rounds = np.where(plant.surface, physics.circuit_failure(k_x, plant.gate, readout), 0.0)
    per_round = plant.gate + (flips + phases) / (2 * plant.distance)
    check = (1 - (1 - 2 * readout) * (1 - 2 * np.minimum(0.5, per_round)) ** 4) / 2
    return 1 - (1 - once) * (1 - rounds), check
