"""Transfers and pairs of all links step by step: queue, slots, pool, with Poisson arrivals and binomial heralds."""

from dataclasses import dataclass

import numpy as np

from bot.laboratory.drivers import STEP_S, Drivers
from bot.laboratory.network import Place, Traits
from bot.model.telemetry import FloatArray

HOLDING = 0.9
"""Share of the slots that transfers hold while they wait for pairs."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """What happened in each step, shape (L, T): counts per step, and levels at its end."""

    served: FloatArray
    starved: FloatArray
    """Transfers that failed because no pair was there in time."""
    attempts: FloatArray
    pairs: FloatArray
    consumed: FloatArray
    pool: FloatArray
    queue: FloatArray
    in_use: FloatArray
    limit: FloatArray


def run(
    place: Place, drivers: Drivers, rng: np.random.Generator, *, demand: FloatArray, service: FloatArray
) -> Traffic:
    """Let the network work; `demand` in transfers/s and `service` in s have shape (L, T)."""
    traits, (links, steps) = place.traits, demand.shape
    names = ("served", "starved", "attempts", "pairs", "consumed", "pool", "queue", "in_use", "limit")
    out = {name: np.zeros((links, steps)) for name in names}
    arrivals = rng.poisson(demand * STEP_S).astype(np.float64)
    level, queue = traits.target * traits.pool_pairs, np.zeros(links)
    up = (drivers.up[place.ends[:, 0]] * drivers.up[place.ends[:, 1]]) > 0
    chance = np.minimum(traits.herald[:, None] * 10 ** (-drivers.loss_db / 10), 0.9)
    for step in range(steps):
        alive = up[:, step].astype(np.float64)
        attempts = _attempts(traits, demand[:, step], level) * drivers.attempts[:, step] * alive
        pairs = rng.binomial(np.round(attempts).astype(np.int64), chance[:, step]).astype(np.float64)
        stored = level + pairs
        limit = np.maximum(1.0, np.round(traits.slots * drivers.slots[:, step]))
        room = limit * (1 - drivers.stuck[:, step]) * STEP_S / service[:, step] * alive
        waiting = queue + arrivals[:, step]
        affordable = np.floor(stored / traits.pairs_per_transfer)
        served = np.floor(np.minimum(np.minimum(waiting, room), affordable))
        queue = waiting - served
        hungry = affordable < np.minimum(waiting, room)
        most = np.maximum(traits.patience * traits.demand, 10.0)
        turned = np.maximum(0.0, queue - most)
        queue = np.minimum(queue, most)
        level = np.minimum(stored - served * traits.pairs_per_transfer, traits.pool_pairs)
        busy = served * service[:, step] / STEP_S + drivers.stuck[:, step] * limit
        busy = np.where(hungry, np.maximum(busy, HOLDING * limit), busy)
        out["served"][:, step], out["starved"][:, step] = served, np.where(hungry, turned, 0.0)
        out["attempts"][:, step], out["pairs"][:, step] = np.round(attempts), pairs
        out["consumed"][:, step] = served * traits.pairs_per_transfer
        out["pool"][:, step], out["queue"][:, step] = level, queue
        out["in_use"][:, step], out["limit"][:, step] = busy, limit
    out["queue"] += rng.poisson(0.05 * np.sqrt(demand))
    free = np.clip(1 - out["in_use"] / out["limit"], 0.0, 1.0)
    out["in_use"] = np.clip(rng.normal(out["in_use"], np.sqrt(out["in_use"] * free)).round(), 0, out["limit"])
    return Traffic(**out)


def _attempts(traits: Traits, demand: FloatArray, level: FloatArray) -> FloatArray:
    """Attempts of a step: always at full rate, or as many as bring the pool back to its target."""
    made = traits.demand * traits.pairs_per_transfer * traits.headroom
    full = made / traits.herald
    short = traits.target * traits.pool_pairs - level
    wanted = np.clip((demand * traits.pairs_per_transfer + short / 120.0) / made, 0.05, 1.0)
    return np.asarray(full * STEP_S * np.where(traits.throttled > 0, wanted, 1.0))
