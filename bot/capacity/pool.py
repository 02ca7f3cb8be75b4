"""The pool of stored pairs: N0 pairs, lam made and mu used per second (both Poisson), delta lost per pair and second.

Times in s. Sources: W. Feller vol. 2 (first passage of the difference of two Poisson processes), Gross et al. 2008
(M/M/1/K), Vardoyan, Guha, Nain, Towsley 2021 (expiring pairs).
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.optimise import root
from bot.capacity.ranges import Array, CapacityRangeError, count, elementwise, finite, not_negative, positive, within

DEBYE_FROM = 100.0
TAIL = 14.0
"""Standard deviations of the Skellam law that are summed."""
MOST_EVENTS = 1e9
"""Events of a Skellam law: beyond, the sum is long and rounding spoils the seventh digit."""
LARGEST = 1_000_000
"""Pool size up to which levels are summed one by one."""


def fluid_depletion(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike, delta: ArrayLike = 0.0) -> Array:
    """Time to empty of dN/dt = lam-mu-delta N: ln(1+N0 delta/(mu-lam))/delta; infinite where lam >= mu."""
    n0, lam, mu, delta = _checked(n0, lam, mu, delta)
    deficit = mu - lam
    short = deficit > 0
    plain = n0 / np.where(short, deficit, 1.0)
    growth = np.where(delta > 0, np.log1p(plain * delta) / np.where(delta > 0, delta, 1.0), plain)
    return np.where(short, growth, np.where(n0 > 0, np.inf, 0.0))


def mean_depletion(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike) -> Array:
    """N0/(mu-lam)."""
    return fluid_depletion(n0, lam, mu)


def std_depletion(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike) -> Array:
    """sqrt(N0 (lam+mu)/(mu-lam)³); infinite where lam >= mu."""
    n0, lam, mu, _ = _checked(n0, lam, mu, 0.0)
    deficit = mu - lam
    safe = np.where(deficit > 0, deficit, 1.0)
    return np.where(deficit > 0, np.sqrt(n0 * (lam + mu) / safe**3), np.inf)


def std_depletion_estimated(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike, window_s: ArrayLike) -> Array:
    """The same when both rates were estimated over a window: plus N0²(lam+mu)/(T (mu-lam)^4) in the variance."""
    own = std_depletion(n0, lam, mu)
    n0, lam, mu, _ = _checked(n0, lam, mu, 0.0)
    safe = np.where(mu > lam, mu - lam, 1.0)
    return np.asarray(np.sqrt(own**2 + n0**2 * (lam + mu) / (positive("T_obs", window_s) * safe**4)))


@elementwise
def stockout_by(n0: int, lam: float, mu: float, t: float) -> float:
    """Probability that the pool is empty at some time up to t, by reflection on the Skellam law; no cap."""
    n0 = count("N0", n0, 0)
    lam, mu, t = (float(finite(name, value)) for name, value in (("lam", lam), ("mu", mu), ("t", t)))
    if n0 == 0:
        return 1.0
    if t == 0 or mu == 0:
        return 0.0
    if lam == 0:
        from scipy.special import pdtrc  # noqa: PLC0415 - heavy, needed only here

        return float(pdtrc(n0 - 1, mu * t))
    return min(1.0, _reflected(n0, lam, mu, t))


@elementwise
def depletion_quantile(q: float, n0: int, lam: float, mu: float) -> float:
    """Time by which the pool has run empty with probability q; infinite where that never becomes so likely.

    >>> [round(depletion_quantile(q, 100, 8.0, 10.0), 1) for q in (0.05, 0.5, 0.95)]
    [29.5, 47.9, 77.7]
    """
    q = float(within("q", q, 0.0, 1.0, open_low=True, open_high=True))
    if count("N0", n0, 0) == 0:
        return 0.0
    if q >= float(eventual_depletion(n0, lam, mu)):
        return float("inf")
    high = n0 / mu
    while stockout_by(n0, lam, mu, high) < q:
        high *= 2
    return root(lambda t: stockout_by(n0, lam, mu, t) - q, 0.0, high)


def eventual_depletion(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike) -> Array:
    """(mu/lam)^N0 where lam > mu, else 1: chance that an uncapped pool ever empties."""
    n0, lam, mu, _ = _checked(n0, lam, mu, 0.0)
    more = lam > mu
    return np.where(more, (np.where(more, mu, 1.0) / np.where(more, lam, 1.0)) ** n0, 1.0)


@elementwise
def mean_depletion_capped(n0: int, lam: float, mu: float, cap: int) -> float:
    """Mean time to empty when pairs beyond `cap` are thrown away: d_K = 1/mu, d_n = 1/mu+(lam/mu) d_{n+1}."""
    cap = count("K", cap, 1, LARGEST)
    n0 = count("N0", n0, 0, cap)
    mu, lam = float(within("mu", mu, 0.0, open_low=True, open_high=True)), float(finite("lam", lam))
    # Summed over the levels passed, (lam/mu)^j stands in the recursion min(N0, K-j) times.
    j = np.arange(cap)
    with np.errstate(over="ignore"):
        return float(((lam / mu) ** j * np.minimum(n0, cap - j)).sum()) / mu


def stockout_stationary(lam: ArrayLike, mu: ArrayLike, cap: ArrayLike) -> Array:
    """Share of requests that find a pool of size K empty: (1-r)/(1-r^(K+1)), r = lam/mu."""
    lam, mu, k = finite("lam", lam), positive("mu", mu), within("K", cap, 1)
    r = lam / mu
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        log = np.log(r)
        above = np.expm1(-log) / np.expm1(-(k + 1) * log) * np.exp(-k * log)
        below = (1 - r) / -np.expm1((k + 1) * log)
    return np.where(r == 1, 1 / (k + 1), np.where(r > 1, above, below))


@elementwise
def stockout_expiring(lam: float, mu: float, delta: float, cap: int) -> float:
    """The same with pairs that expire at rate delta: 1/sum_i prod_{j<=i} lam/(mu+j delta)."""
    lam, mu = float(finite("lam", lam)), float(positive("mu", mu))
    levels = np.arange(1, count("K", cap, 1, LARGEST) + 1)
    with np.errstate(divide="ignore"):
        logs = np.cumsum(np.log(lam) - np.log(mu + levels * float(not_negative("delta", delta))))
    return float(np.exp(-np.logaddexp.reduce(np.concatenate([[0.0], logs]))))


def replenishment_needed(mu: ArrayLike, cap: ArrayLike, stockout: ArrayLike) -> Array:
    """Pairs/s that keep the stock-out share of a pool of size K at or below `stockout` (0..1); bisection on lam/mu."""
    mu, goal = positive("mu", mu), within("stockout", stockout, 0.0, 1.0, open_low=True)
    low, high = np.zeros(np.broadcast(mu, goal, np.asarray(cap)).shape), np.full_like(mu + goal, 1e6)
    for _ in range(200):
        middle = (low + high) / 2
        enough = stockout_stationary(middle, 1.0, cap) <= goal
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high * mu)


def _reflected(n0: int, lam: float, mu: float, t: float) -> float:
    """P(S <= -N0) + sum_m (lam/mu)^m P(S = -N0-m) with S = Poisson(lam t) - Poisson(mu t)."""
    a, b = lam * t, mu * t
    if a + b > MOST_EVENTS:
        raise CapacityRangeError("(lam+mu) t", a + b, f"up to {MOST_EVENTS:g} events")
    ratio = np.log(lam / mu)

    def mass(depth: Array) -> Array:
        level = (np.sqrt(a) - np.sqrt(b)) ** 2 + depth * ratio / 2
        return np.asarray(_log_bessel(depth, 2 * np.sqrt(a * b)) - level)

    # Tilted by (lam/mu)^m the law of S is that of its mirror image: both sums have a window of their own.
    below, above = _window(b - a, a + b, n0), _window(a - b, a + b, n0 + 1)
    return float(np.exp(mass(below)).sum() + np.exp(mass(above) + (above - n0) * ratio).sum())


def _window(centre: float, variance: float, lowest: int) -> Array:
    """Depths from `lowest` on that count for a Skellam law about `centre`: TAIL standard deviations about its top."""
    reach = np.ceil(TAIL * np.sqrt(variance) + 60)
    top = np.rint(centre)
    first, last = max(float(lowest), top - reach), max(float(lowest), top) + reach
    return np.asarray(np.arange(first, last + 1), dtype=np.float64)


def _log_bessel(order: Array, z: float) -> Array:
    """Log of e^-z I_order(z); above DEBYE_FROM by Debye's uniform expansion, whose next term is below 1e-8 there."""
    from scipy.special import gammaln, ive  # noqa: PLC0415 - heavy, needed only here

    large = np.maximum(order, DEBYE_FROM)
    radius = np.hypot(large, z)
    p = large / radius
    correction = (
        1
        + (3 * p - 5 * p**3) / (24 * large)
        + (81 * p**2 - 462 * p**4 + 385 * p**6) / (1152 * large**2)
        + (30375 * p**3 - 369603 * p**5 + 765765 * p**7 - 425425 * p**9) / (414720 * large**3)
    )
    exponent = radius - z + large * np.log(z / (large + radius)) - np.log(2 * np.pi * radius) / 2
    with np.errstate(divide="ignore"):
        small = np.log(ive(np.minimum(order, DEBYE_FROM), z))
    # Where ive underflows z is so small that two terms of the power series are enough.
    series = order * np.log(z / 2) - gammaln(order + 1) + np.log1p(z * z / 4 / (order + 1)) - z
    small = np.where(np.isfinite(small), small, series)
    return np.asarray(np.where(order <= DEBYE_FROM, small, exponent + np.log(correction)))


def _checked(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike, delta: ArrayLike) -> tuple[Array, Array, Array, Array]:
    return finite("N0", n0), finite("lam", lam), finite("mu", mu), finite("delta", delta)


def level_after(n0: ArrayLike, lam: ArrayLike, mu: ArrayLike, t: ArrayLike, cap: ArrayLike) -> Array:
    """Fluid level after t seconds between 0 and the cap."""
    n0, lam, mu, _ = _checked(n0, lam, mu, 0.0)
    return np.clip(n0 + (lam - mu) * not_negative("t", t), 0.0, not_negative("K", cap))


def burned_by_purification(raw_per_output: ArrayLike, outputs_per_s: ArrayLike) -> Array:
    """Pairs/s that purification uses up beyond what it delivers."""
    return (within("raw_pairs_per_output", raw_per_output, 1) - 1) * not_negative("outputs_per_s", outputs_per_s)
