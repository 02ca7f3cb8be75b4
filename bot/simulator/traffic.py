"""One second of traffic: pairs are made; transfers queue, start, take pairs, decode, end and are counted.

Simplifications: waiting transfers lose patience at a constant rate (Erlang-A; Garnett, Mandelbaum, Reiman 2002);
pairs in the pool do not age (the oldest are replaced); a transfer that times out decodes again on the same block; a
transfer that finds no pairs fails at once, whatever its priority; each link counts its own transfers, also those of a
longer route.
"""

import numpy as np
import numpy.typing as npt

from bot.simulator.environment import Environment
from bot.simulator.faults import BURST_FAILURE
from bot.simulator.physics import Array
from bot.simulator.plant import Plant
from bot.simulator.state import Flags, Traffic

Counts = npt.NDArray[np.int64]
PATIENCE_S = 20.0
ADMISSION_S = 0.1
HICCUP = 0.004
"""Share of transfers tried again because a message of the control channel was lost."""
KEY_SHARE = 0.1
"""Share of fresh pairs that a link which serves keys measures instead of storing."""
_EXPIRY = -np.expm1(-1 / PATIENCE_S)


def second(plant: Plant, now: Environment, traffic: Traffic, bursting: Flags, rng: np.random.Generator) -> None:
    """Advance `traffic` by one second in place."""
    key_pairs = _generate(plant, now, traffic, rng)
    started, expired = _start(now, traffic, rng)
    served, refused = _take_pairs(now, traffic, started)
    _carry(
        plant=plant,
        now=now,
        traffic=traffic,
        served=served,
        failed=refused + expired,
        bursting=bursting,
        rng=rng,
    )
    count = traffic.counters
    count["consumed"] += served * now.pairs_per_transfer + key_pairs
    traffic.pool = np.minimum(traffic.pool, np.maximum(now.target_pairs, 0.0))
    traffic.in_use = np.minimum(now.slots, np.round(started * now.service_s))
    traffic.queue_shown = traffic.queue.sum(axis=0) + rng.poisson(started * ADMISSION_S)


def _generate(plant: Plant, now: Environment, traffic: Traffic, rng: np.random.Generator) -> Array:
    """Attempts, photons and heralds; returns the pairs measured for keys."""
    attempts = now.attempts.astype(np.int64)
    pairs = rng.binomial(attempts, now.herald)
    lost = rng.binomial(attempts, 1 - now.eta)
    key_pairs = np.where(plant.keys, np.floor(pairs * KEY_SHARE), 0.0)
    traffic.pool = traffic.pool + pairs - key_pairs
    count = traffic.counters
    count["attempts"] += attempts
    count["sent"] += attempts
    count["lost"] += lost
    count["pairs"] += pairs
    count["key_bytes"] += key_pairs * now.key_bits_per_pair / 8
    return key_pairs


def _start(now: Environment, traffic: Traffic, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """(transfers started, transfers that lost patience), critical ones first."""
    waiting = traffic.queue + rng.poisson(now.demand)
    credit = np.minimum(traffic.slot_credit, 1.0) + now.slots / now.service_s
    total = waiting.sum(axis=0)
    started = np.minimum(total, np.floor(credit)).astype(np.int64)
    traffic.slot_credit = credit - started
    before = np.cumsum(waiting, axis=0) - waiting
    left = waiting - np.clip(started - before, 0, waiting)
    expired = rng.binomial(left, _EXPIRY)
    traffic.queue = left - expired
    return started, expired.sum(axis=0)


def _take_pairs(now: Environment, traffic: Traffic, started: Counts) -> tuple[Counts, Counts]:
    """(transfers that found their pairs, transfers that found none or met a dead device)."""
    affordable = np.floor(traffic.pool / now.pairs_per_transfer).astype(np.int64)
    served = np.minimum(started, affordable) * now.up
    traffic.pool = traffic.pool - served * now.pairs_per_transfer
    return served, started - served


def _carry(
    *,
    plant: Plant,
    now: Environment,
    traffic: Traffic,
    served: Counts,
    failed: Counts,
    bursting: Flags,
    rng: np.random.Generator,
) -> None:
    """Decode with up to two retries, then the code's own failures; then count."""
    again = rng.binomial(served, now.late)
    third = rng.binomial(again, now.late)
    timed_out = rng.binomial(third, now.late)
    decoded = served - timed_out
    error = 1 - (1 - now.logical_error) * np.where(bursting, 1 - BURST_FAILURE, 1.0)
    wrong = rng.binomial(decoded, error)
    decodes = served + again + third
    checks = (decodes * plant.distance * np.maximum(1.0, plant.overhead - plant.distance**2)).astype(np.int64)
    traffic.decodes += rng.multinomial(decodes, now.decode_shares / now.decode_shares.sum(axis=1, keepdims=True))
    count = traffic.counters
    count["success"] += decoded - wrong
    count["failure"] += wrong + timed_out + failed
    count["retries"] += again + third + rng.binomial(served, HICCUP)
    count["rounds"] += checks
    count["syndromes"] += rng.binomial(checks, now.check_error)
    count["decode_sum"] += decodes * now.decode_mean_s
