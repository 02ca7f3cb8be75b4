"""Secret keys: BB84 and six-state, asymptotic, with preprocessing, from Werner pairs, and of finite length.

Rates are raw bits per sifted bit (or per pair): negative means no key, and what is shown to people is clamped at 0.
Sources: Shor, Preskill 2000; Lo 2001; Renner, Gisin, Kraus 2005; Devetak, Winter 2005; Tomamichel, Lim, Gisin,
Renner 2012 (finite key, coherent attacks).

>>> round(bb84_threshold(), 6), round(six_state_threshold(), 6)
(0.110028, 0.126193)
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.channels import LOG3
from bot.capacity.entropy import binary, shannon, term
from bot.capacity.optimise import maximum, root
from bot.capacity.ranges import Array, elementwise, finite, probability, within


def bb84(qber: ArrayLike, efficiency: ArrayLike = 1.0) -> Array:
    """1-h(Q)-f h(Q)."""
    q, f = probability("Q", qber), within("f", efficiency, 1.0)
    return np.asarray(1 - (1 + f) * binary(q))


def six_state(qber: ArrayLike) -> Array:
    """1-H(1-3Q/2, Q/2, Q/2, Q/2)."""
    half = within("Q", qber, 0.0, 2 / 3) / 2
    return 1 - shannon(1 - 3 * half, half, half, half)


@elementwise
def bb84_threshold(efficiency: float = 1.0) -> float:
    """QBER at which the BB84 rate is zero: 11.0% at f = 1."""
    return root(lambda q: float(bb84(q, efficiency)), 0.0, 0.5)


def six_state_threshold() -> float:
    """QBER at which the six-state rate is zero: 12.6%."""
    return root(lambda q: float(six_state(q)), 1e-6, 0.3)


def bb84_preprocessed(qber: ArrayLike, flips: ArrayLike) -> Array:
    """Devetak-Winter rate of BB84 when the sender flips each key bit with probability `flips` first.

    Least over the Bell-diagonal states (1-2Q+t, Q-t, Q-t, t) that show QBER Q in both bases.
    """
    q, f = within("Q", qber, 0.0, 0.5), within("flip_probability", flips, 0.0, 0.5)
    fresh = binary(q * (1 - f) + (1 - q) * f)

    def rate(part: Array) -> Array:
        t = q * part
        good, bad = (1 - 2 * q + t, q - t), (q - t, t)
        return 1 + _mixed(*good, f) + _mixed(*bad, f) - shannon(*good, *bad) - fresh

    return -maximum(lambda part: -rate(part), 0.0, 1.0)


@elementwise
def preprocessing_threshold(flips: float) -> float:
    """QBER at which the preprocessed BB84 rate is zero."""
    within("flip_probability", flips, 0.0, 0.5, open_high=True)
    return root(lambda q: float(bb84_preprocessed(q, flips)), 0.09, 0.14)


def werner_bb84(fidelity: ArrayLike) -> Array:
    """BB84 on Werner pairs of fidelity F, Q = 2(1-F)/3; bit/pair."""
    return bb84(2 * (1 - probability("F", fidelity)) / 3)


def werner_hashing(fidelity: ArrayLike) -> Array:
    """One-way distillable entanglement of Werner pairs by hashing, ebit/pair."""
    p = 1 - probability("F", fidelity)
    return 1 - binary(p) - p * LOG3


def statistical_deviation(n: ArrayLike, k: ArrayLike, security: ArrayLike) -> Array:
    """Deviation mu = sqrt((n+k)/(nk) (k+1)/k ln(4/eps_sec)): how far n key bits can differ from k tested ones."""
    n, k = finite("n", n, 1), finite("k", k, 1)
    eps = within("eps_sec", security, 0.0, 1.0, open_low=True)
    return np.asarray(np.sqrt((n + k) / (n * k) * (k + 1) / k * np.log(4 / eps)))


def finite_length(
    *, n: ArrayLike, k: ArrayLike, qber: ArrayLike, efficiency: ArrayLike, security: ArrayLike, correctness: ArrayLike
) -> Array:
    """Key bits from n sifted bits with k tested: n[1-h(Q+mu)]-f n h(Q)-log2(2/(eps_sec² eps_cor)), at least 0."""
    q, f = probability("Q", qber), within("f", efficiency, 1.0)
    secure, correct = (
        within(name, eps, 0.0, 1.0, open_low=True) for name, eps in (("eps_sec", security), ("eps_cor", correctness))
    )
    worst = np.minimum(0.5, q + statistical_deviation(n, k, secure))
    price = 1 - 2 * np.log2(secure) - np.log2(correct)
    return np.asarray(np.maximum(0.0, np.asarray(n) * (1 - binary(worst) - f * binary(q)) - price))


def finite_penalty(
    *, n: ArrayLike, k: ArrayLike, qber: ArrayLike, efficiency: ArrayLike, security: ArrayLike, correctness: ArrayLike
) -> Array:
    """1 - finite length over asymptotic length of the n key bits; NaN where there is no key at all."""
    asymptotic = np.asarray(n) * bb84(qber, efficiency)
    length = finite_length(n=n, k=k, qber=qber, efficiency=efficiency, security=security, correctness=correctness)
    return np.where(asymptotic > 0, 1 - length / np.where(asymptotic > 0, asymptotic, 1.0), np.nan)


def _mixed(same: Array, flipped: Array, flips: Array) -> Array:
    """Entropy of a two-level block whose coherence is damped by 1-2 flips."""
    spread = np.sqrt((same - flipped) ** 2 + 4 * (1 - 2 * flips) ** 2 * same * flipped)
    return term((same + flipped + spread) / 2) + term((same + flipped - spread) / 2)
