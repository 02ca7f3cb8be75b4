"""Loss and thermal noise on light, unbounded in energy unless a photon number is given; bit or qubit per mode.

eta is the transmissivity, n the mean photon number of the environment. Sources: Pirandola, Laurenza, Ottaviani,
Banchi 2017; Wolf, Perez-Garcia, Giedke 2007; Wilde, Qi 2018; Holevo, Werner 2001; Rosati, Mari, Giovannetti 2018;
Giovannetti et al. 2004, 2014.

>>> round(float(repeaterless_bound(fibre(100.0, 0.2))), 5)  # 100 km of fiber: about 1.44 eta
0.0145
"""

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.entropy import thermal
from bot.capacity.ranges import Array, finite, not_negative, probability

LN2 = float(np.log(2))


def fibre(length_km: ArrayLike, alpha_db_km: ArrayLike, coupling: ArrayLike = 1.0) -> Array:
    """Transmissivity of a fiber: coupling × 10^(-alpha L/10)."""
    loss = not_negative("length_km", length_km) * not_negative("alpha_db_km", alpha_db_km)
    return np.asarray(probability("coupling", coupling) * 10 ** (-loss / 10))


def repeaterless_bound(eta: ArrayLike) -> Array:
    """-log2(1-eta): Q2 = K = P2 of pure loss, exact (PLOB)."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.abs(np.log1p(-probability("eta", eta)) / LN2))


def loss_q(eta: ArrayLike) -> Array:
    """max(0, log2(eta/(1-eta))): one-way, exact, 0 up to eta = 1/2."""
    eta = probability("eta", eta)
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(0.0, np.log2(eta) - np.log2(1 - eta)))


def loss_q_limited(eta: ArrayLike, photons: ArrayLike) -> Array:
    """g(eta N)-g((1-eta)N): exact for N photons on average."""
    eta, n = probability("eta", eta), finite("N", photons)
    return np.maximum(0.0, thermal(eta * n) - thermal((1 - eta) * n))


def loss_c(eta: ArrayLike, photons: ArrayLike) -> Array:
    """g(eta N): classical capacity."""
    return thermal(probability("eta", eta) * finite("N", photons))


def loss_assisted(eta: ArrayLike, photons: ArrayLike) -> Array:
    """g(N)+g(eta N)-g((1-eta)N): entanglement-assisted."""
    eta, n = probability("eta", eta), finite("N", photons)
    return thermal(n) + thermal(eta * n) - thermal((1 - eta) * n)


def thermal_c(eta: ArrayLike, n: ArrayLike, photons: ArrayLike) -> Array:
    """g(eta N+(1-eta)n)-g((1-eta)n): classical capacity (Giovannetti, Garcia-Patron, Cerf, Holevo 2014)."""
    eta, n, sent = probability("eta", eta), finite("nbar", n), finite("N", photons)
    return thermal(eta * sent + (1 - eta) * n) - thermal((1 - eta) * n)


def thermal_assisted(eta: ArrayLike, n: ArrayLike, photons: ArrayLike) -> Array:
    """g(N)+g(N')-g((D+N'-N-1)/2)-g((D-N'+N-1)/2), N' = eta N+(1-eta)n, D² = (N+N'+1)²-4 eta N(N+1)."""
    eta, n, sent = probability("eta", eta), finite("nbar", n), finite("N", photons)
    out = eta * sent + (1 - eta) * n
    d = np.sqrt((sent + out + 1) ** 2 - 4 * eta * sent * (sent + 1))
    noise = [thermal(np.maximum(0.0, (d + sign * (out - sent) - 1) / 2)) for sign in (1, -1)]
    return np.asarray(thermal(sent) + thermal(out) - noise[0] - noise[1])


def thermal_two_way_upper(eta: ArrayLike, n: ArrayLike) -> Array:
    """-log2[(1-eta) eta^n]-g(n), 0 once n >= eta/(1-eta): upper bound on Q2."""
    eta, n = probability("eta", eta), finite("nbar", n)
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = -np.log2(1 - eta) - np.where(n > 0, n * np.log2(eta), 0.0) - thermal(n)
        return np.where(n * (1 - eta) >= eta, 0.0, np.maximum(0.0, bound))


def thermal_two_way_lower(eta: ArrayLike, n: ArrayLike) -> Array:
    """max(0, -log2(1-eta)-g(n)): lower bound on Q2."""
    return np.maximum(0.0, repeaterless_bound(eta) - thermal(finite("nbar", n)))


def thermal_lower(eta: ArrayLike, n: ArrayLike) -> Array:
    """max(0, log2(eta/(1-eta))-g(n)): lower bound on Q."""
    return np.maximum(0.0, loss_q(eta) - thermal(finite("nbar", n)))


def thermal_upper(eta: ArrayLike, n: ArrayLike) -> Array:
    """max(0, log2[(eta-n(1-eta))/((1-eta)(1+n))]): upper bound on Q."""
    eta, n = probability("eta", eta), finite("nbar", n)
    signal = eta - n * (1 - eta)
    with np.errstate(divide="ignore"):
        bound = np.log2(np.where(signal > 0, signal, 1.0)) - np.log2(1 - eta) - np.log2(1 + n)
    return np.where(signal > 0, np.maximum(0.0, bound), 0.0)
