"""What a slow decoder costs: idle errors, backlog, queues. Times in s, rates in 1/s.

Sources: Terhal 2015 (backlog), Gross et al. 2008 (queues); kappa from sampled circuits, see surface.py.

>>> float(backlog_wait(2.0, 3, 1e-3))  # twice too slow: the third wait is eight cycles
0.008
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity import surface
from bot.capacity.channels import memory_error
from bot.capacity.ranges import Array, CapacityRangeError, not_negative, positive, probability, within


def idle_error(dt_s: ArrayLike, t1_s: ArrayLike, t2_s: ArrayLike) -> Array:
    """1-F_e of waiting dt: total Pauli error of the twirled idle."""
    return memory_error(dt_s, t1_s, t2_s)


def logical_success(
    *,
    d: int,
    p: ArrayLike,
    t_dec: ArrayLike,
    t_budget: ArrayLike,
    t1_s: ArrayLike,
    t2_s: ArrayLike,
    rounds: ArrayLike,
) -> Array:
    """Stretched cycle: p + kappa p_idle in every round, S = (1+(1-2 eps)^rounds)/2; one basis, the fit's formula."""
    late = np.maximum(0.0, not_negative("t_dec", t_dec) - not_negative("t_budget", t_budget))
    effective = np.minimum(1.0, probability("p", p) + surface.KAPPA_IDLE * idle_error(late, t1_s, t2_s))
    return 1 - surface.after_rounds(surface.per_round_fit(d, effective), not_negative("rounds", rounds))


def backlog_wait(f: ArrayLike, k: ArrayLike, t0: ArrayLike) -> Array:
    """Wait before the k-th feed-forward, t0 f^k when decoding is f > 1 times slower than the cycle; else none."""
    f, k, t0 = not_negative("f", f), not_negative("k", k), not_negative("t0", t0)
    with np.errstate(over="ignore"):
        return np.where(f > 1, t0 * f**k, 0.0 * f * k * t0)


def md1_wait(rate: ArrayLike, t_dec: ArrayLike) -> Array:
    """Mean wait before an M/D/1 decoder starts, rho t/(2(1-rho)); infinite from rho = 1."""
    rate, t = not_negative("rate", rate), not_negative("t_dec", t_dec)
    rho = rate * t
    safe = np.where(rho < 1, rho, 0.0)
    return np.where(rho < 1, safe * t / (2 * (1 - safe)), np.inf)


def mm1_tail(rate: ArrayLike, service: ArrayLike, budget: ArrayLike) -> Array:
    """P(an M/M/1 decoder takes longer than the budget) = exp(-(service-rate) budget)."""
    rate, service = not_negative("rate", rate), positive("service", service)
    if np.any(rate >= service):
        raise CapacityRangeError("rate", float(np.max(rate)), "below the service rate, else the queue never ends")
    return np.asarray(np.exp(-(service - rate) * within("budget", budget, 0.0)))
