"""What n uses carry at error eps = 1 - entanglement fidelity; rates in qubit/use, k in qubits.

Rigorous brackets (random stabilizer codes below, hypothesis testing above) and second-order expansions between
them. Dephasing after Tomamichel, Berta, Renes 2016; erasure with classical post-processing likewise; depolarizing by
the union bound over random stabilizers (Pr[a Pauli is undetected] <= 2^-(n-k)), with converse of Wilde, Tomamichel,
Berta 2017. A k of -1 means that no code of this kind reaches eps. Expansions are raw: they can be negative and, for
n below about 50, above the converse; then only the bracket counts.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.entropy import binary, shannon
from bot.capacity.ranges import Array, CapacityRangeError, count, elementwise, finite, one_of, probability, within

LN2 = float(np.log(2))
LN3 = float(np.log(3))
N_MAX = 200_000
SCAN = 2


def quantile(eps: ArrayLike) -> Array:
    """Phi^-1(eps), negative for eps below 1/2."""
    from scipy.special import ndtri  # noqa: PLC0415 - heavy, needed only here

    return np.asarray(ndtri(within("eps", eps, 0.0, 1.0, open_low=True, open_high=True)))


def dephasing_dispersion(p: ArrayLike) -> Array:
    """p(1-p) log2²((1-p)/p)."""
    p = within("p", p, 0.0, 1.0)
    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    return np.where(inside, safe * (1 - safe) * np.log2((1 - safe) / safe) ** 2, 0.0 * p)


def depolarizing_dispersion(p: ArrayLike) -> Array:
    """p(1-p) log2²(3(1-p)/p)."""
    p = within("p", p, 0.0, 1.0)
    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    return np.where(inside, safe * (1 - safe) * np.log2(3 * (1 - safe) / safe) ** 2, 0.0 * p)


def dephasing_expansion(p: ArrayLike, n: ArrayLike, eps: ArrayLike) -> Array:
    """1-h(p)+sqrt(v/n) Phi^-1(eps)+log2(n)/(2n)."""
    n = finite("n", n, 1)
    return 1 - binary(p) + np.sqrt(dephasing_dispersion(p) / n) * quantile(eps) + np.log2(n) / (2 * n)


def depolarizing_expansion(p: ArrayLike, n: ArrayLike, eps: ArrayLike) -> Array:
    """1-H+sqrt(V/n) Phi^-1(eps): approximation about the hashing bound."""
    n, third = finite("n", n, 1), probability("p", p) / 3
    spread = np.sqrt(depolarizing_dispersion(p) / n) * quantile(eps)
    return np.asarray(1 - shannon(1 - 3 * third, third, third, third) + spread)


def erasure_expansion(p: ArrayLike, n: ArrayLike, eps: ArrayLike) -> Array:
    """1-p+sqrt(p(1-p)/n) Phi^-1(eps), with classical post-processing (capacity 1-p)."""
    p, n = probability("p", p), finite("n", n, 1)
    return np.asarray(1 - p + np.sqrt(p * (1 - p) / n) * quantile(eps))


@elementwise
def converse(p: float, n: int, eps: float) -> float:
    """-log2 beta_{1-eps}(Bern(p)^n against uniform)/n: no code exceeds it, two-way help included; p <= 1/2.

    The same number holds for dephasing and for depolarizing p (test between p and the separable boundary at 1/2).
    """
    n, p = count("n", n, 1, N_MAX), float(within("p", p, 0.0, 0.5))
    eps = _eps(eps)
    weights = _binomial(n, p)
    # Summed from the rare end, so that a small eps keeps its digits.
    tail = np.cumsum(np.exp(weights)[::-1])[::-1]
    last = max(0, int(np.count_nonzero(tail > eps)) - 1)
    share = min(1.0, max(0.0, (tail[last] - eps) / np.exp(weights[last])))
    volumes = _log_choose(n)[: last + 1].copy()
    volumes[last] += np.log(share) if share > 0 else -np.inf
    return 1 - float(np.logaddexp.reduce(volumes)) / LN2 / n


@elementwise
def dephasing_k(p: float, n: int, eps: float) -> int:
    """Largest k that random X-type stabilizer codes carry: rigorous achievability."""
    return _random_code_k(p, n, eps, 0.0)


@elementwise
def depolarizing_k(p: float, n: int, eps: float) -> int:
    """Largest k that random stabilizer codes carry: the conservative value to plan with.

    >>> depolarizing_k(0.05, 1000, 1e-3)  # asymptotically 634
    511
    """
    return _random_code_k(p, n, eps, LN3)


@elementwise
def random_code_error(p: float, n: int, k: float, *, kinds: int) -> float:
    """sum_w Bin(w) min(1, 2^(k-n) sum_{j<=w} kinds^j C(n,j)): error of the random code; kinds of error 1 or 3."""
    return _union(_binomial(n, p), _volumes(n, float(np.log(kinds))), (k - n) * LN2)


@elementwise
def blocklength(p: float, eps: float, bound: str, share: float = 0.9) -> int:
    """Smallest n at which dephasing (or a binary symmetric channel) p carries `share` of its capacity at eps.

    `bound` is RCU (achievable, whole qubits) or converse (necessary). Both waver with n by about a percent: found by
    doubling and halving, then by a scan of the last SCAN percent below.
    """
    rate = share * float(1 - binary(within("p", p, 0.0, 0.5, open_high=True)))
    achievable, eps = one_of("bound", bound, ("RCU", "converse")) == "RCU", _eps(eps)

    def enough(n: int) -> bool:
        if achievable:
            return float(random_code_error(p, n, np.ceil(rate * n), kinds=1)) <= eps
        return float(converse(p, n, eps)) >= rate

    high = 16
    while not enough(high):
        high *= 2
        if high > N_MAX:
            raise CapacityRangeError("p", p, f"small enough for blocks of at most {N_MAX} uses")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return next(n for n in range(max(1, high - high * SCAN // 100), high + 1) if enough(n))


@elementwise
def erasure_k_assisted(p: float, n: int, eps: float) -> int:
    """Exact k with classical post-processing: eps = sum_{l>n-k} Bin(l)(1-2^(n-k-l))."""
    n, p = count("n", n, 1, N_MAX), float(probability("p", p))
    weights, lost = np.exp(_binomial(n, p)), np.arange(n + 1)

    def error(k: int) -> float:
        excess = lost - (n - k)
        return float(weights @ np.where(excess > 0, -np.expm1(-np.maximum(excess, 0) * LN2), 0.0))

    return _largest(error, n, _eps(eps))


@elementwise
def erasure_k(p: float, n: int, eps: float) -> int:
    """Largest k of random stabilizer codes without help: sum_l Bin(l) min(1, 2^(2l-(n-k)))."""
    n, p = count("n", n, 1, N_MAX), float(probability("p", p))
    weights, lost = np.exp(_binomial(n, p)), np.arange(n + 1)
    return _largest(lambda k: float(weights @ np.exp2(np.minimum(0, 2 * lost - (n - k)))), n, _eps(eps))


def _random_code_k(p: float, n: int, eps: float, log_kinds: float) -> int:
    n, p = count("n", n, 1, N_MAX), float(probability("p", p))
    weights, volumes = _binomial(n, p), _volumes(n, log_kinds)
    return _largest(lambda k: _union(weights, volumes, (k - n) * LN2), n, _eps(eps))


def _union(weights: Array, volumes: Array, shift: float) -> float:
    return float(np.exp(weights + np.minimum(0.0, volumes + shift)).sum())


def _largest(error: Callable[[int], float], n: int, eps: float) -> int:
    """Largest k in 0..n with error(k) <= eps, -1 where there is none; error grows with k."""
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if error(middle) <= eps else (low, middle)
    return low


def _eps(eps: float) -> float:
    return float(within("eps", eps, 0.0, 1.0, open_low=True, open_high=True))


@lru_cache(maxsize=64)
def _log_choose(n: int) -> Array:
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.asarray(logs[n] - logs - logs[::-1])


@lru_cache(maxsize=64)
def _volumes(n: int, log_kinds: float) -> Array:
    """Log of sum_{j<=w} kinds^j C(n,j)."""
    return np.asarray(np.logaddexp.accumulate(_log_choose(n) + log_kinds * np.arange(n + 1)))


def _binomial(n: int, p: float) -> Array:
    weights = np.arange(n + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(weights > 0, weights * np.log(p), 0.0)
        misses = np.where(weights < n, (n - weights) * np.log1p(-p), 0.0)
    return np.asarray(_log_choose(n) + hits + misses)
