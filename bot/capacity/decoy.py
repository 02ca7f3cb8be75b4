"""BB84 with weak laser pulses and decoy states, statistics infinite; bit per pulse, raw (negative: no key).

Sources: Gottesman, Lo, Lütkenhaus, Preskill 2004; Ma, Qi, Zhao, Lo 2005. Finite-size decoy keys are not covered.

>>> gys = Device(alpha=0.21, eta_bob=0.045, dark=1.7e-6, misalignment=0.033, efficiency=1.22, sifting=0.5)
>>> round(max_distance(gys), 1)  # km; the device of Gobby, Yuan and Shields 2004
142.2
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bot.capacity.entropy import binary
from bot.capacity.optimise import maximum, root
from bot.capacity.ranges import Array, CapacityRangeError, not_negative, probability, within

MOST_LOSS_DB = 300.0
MOST_PHOTONS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Fiber loss dB/km, receiver efficiency, dark yield Y0 per pulse, misalignment, error correction f, sifting q."""

    alpha: float
    eta_bob: float
    dark: float
    misalignment: float
    efficiency: float
    sifting: float


def rate(device: Device, length_km: ArrayLike, mu: ArrayLike) -> Array:
    """Infinitely many decoy intensities: q{Q1[1-h(e1)]-Q_mu f h(E_mu)}."""
    eta, (y0, ed) = _arrives(device, length_km), _noise(device)
    y1 = np.minimum(1.0, y0 + eta)
    errors = (y0 / 2 + ed * eta) / np.where(y1 > 0, y1, 1.0)
    return _rate(device, eta, _photons("mu", mu), y1, errors)


def rate_weak_vacuum(device: Device, length_km: ArrayLike, mu: ArrayLike, nu: ArrayLike) -> Array:
    """One weak decoy nu < mu and vacuum: lower bound on the yield Y1, upper bound on its error e1."""
    eta, (y0, ed) = _arrives(device, length_km), _noise(device)
    mu, nu = _photons("mu", mu), _photons("nu", nu)
    within("nu/mu", nu / mu, 0.0, 1.0, open_high=True)
    strong, weak = _gain(y0, eta, mu) * np.exp(mu), _gain(y0, eta, nu) * np.exp(nu)
    single = weak - strong * nu**2 / mu**2 - (mu**2 - nu**2) / mu**2 * y0
    y1 = np.maximum(1e-300, mu / (mu * nu - nu**2) * single)
    errors = y0 / 2 + ed * -np.expm1(-eta * nu)
    e1 = np.clip((errors * np.exp(nu) - y0 / 2) / (y1 * nu), 0.0, 0.5)
    return _rate(device, eta, mu, y1, e1)


def max_distance(device: Device) -> float:
    """Length in km at which the best rate over mu in 0.02..1 reaches zero; 0 where there is no key at all.

    Raises CapacityRangeError for a detector so dark that the key reaches MOST_LOSS_DB.
    """
    per_km = float(within("alpha", device.alpha, 0.0, open_low=True, open_high=True))

    def best(loss_db: float) -> float:
        return float(maximum(lambda mu: rate(device, loss_db / per_km, mu), 0.02, 1.0))

    if best(0.0) <= 0:
        return 0.0
    if best(MOST_LOSS_DB) > 0:
        raise CapacityRangeError("Y0", device.dark, f"enough dark counts to end the key within {MOST_LOSS_DB:g} dB")
    return root(best, 0.0, MOST_LOSS_DB) / per_km


def _photons(name: str, mean: ArrayLike) -> Array:
    return within(name, mean, 0.0, MOST_PHOTONS, open_low=True)


def _arrives(device: Device, length_km: ArrayLike) -> Array:
    loss = not_negative("L", length_km) * not_negative("alpha", device.alpha)
    return np.asarray(probability("eta_bob", device.eta_bob) * 10 ** (-loss / 10))


def _noise(device: Device) -> tuple[Array, Array]:
    return probability("Y0", device.dark), probability("ed", device.misalignment)


def _gain(y0: Array, eta: Array, mu: Array) -> Array:
    return np.asarray(y0 - np.expm1(-eta * mu))


def _rate(device: Device, eta: Array, mu: Array, y1: Array, e1: Array) -> Array:
    f, q = within("f", device.efficiency, 1.0), probability("q", device.sifting)
    y0, ed = _noise(device)
    gain = _gain(y0, eta, mu)
    errors = (y0 / 2 + ed * -np.expm1(-eta * mu)) / np.where(gain > 0, gain, 1.0)
    single = y1 * mu * np.exp(-mu)
    return np.asarray(q * (single * (1 - binary(e1)) - gain * f * binary(np.minimum(1.0, errors))))
