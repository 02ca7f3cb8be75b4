"""Formulas of the simulated network, element-wise on arrays over links. Errors are probabilities 0..1, times s.

Simplifications: memory noise is Pauli-twirled; contributions to a logical error are added as if independent; the
surface code's fits are carried on above the noise they were fitted to (they then overestimate by some ten per cent).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from bot.model.network import Code

Array = npt.NDArray[np.float64]

HERALD_EFFICIENCY = 0.005
"""Pairs per attempt on a lossless fiber: half of all Bell measurements succeed with linear optics (Calsamiglia,
Luetkenhaus 2001), times 0.1 at each end for collecting the photon and converting it to the telecom band."""
DARK_PER_ATTEMPT = 2e-7
"""False heralds in an attempt: 100 dark counts/s in each of four 0.5 ns detection windows."""
SIFTING, CORRECTION = 0.5, 1.16
_CIRCUIT_A, _CIRCUIT_SCALE = 0.032, 0.0065
_CAPACITY_A, _CAPACITY_SCALE = 0.22, 0.103


def transmissivity(loss_db: Array) -> Array:
    """Share of photons that arrive, 10^(-loss/10)."""
    return np.asarray(10 ** (-loss_db / 10))


def pairs_per_attempt(eta: Array) -> Array:
    """Heralds per attempt: proportional to transmissivity, so one dB is one dB; single-photon heralding."""
    return np.asarray(HERALD_EFFICIENCY * eta)


def pair_fidelity(fidelity: Array, eta: Array) -> Array:
    """Average fidelity of heralded pairs when a share of the heralds are dark counts, which carry fidelity 1/2."""
    false = DARK_PER_ATTEMPT / (DARK_PER_ATTEMPT + HERALD_EFFICIENCY * eta)
    return np.asarray(fidelity * (1 - false) + 0.5 * false)


def memory_noise(wait_s: Array, t1_s: Array, t2_s: Array) -> tuple[Array, Array]:
    """(X = Y probability, Z probability) of the Pauli-twirled T1/T2 memory (Geller, Zhou 2013)."""
    flip = (1 - np.exp(-wait_s / t1_s)) / 4
    return flip, np.maximum(0.0, (1 - np.exp(-wait_s / t2_s)) / 2 - flip)


def readout_error(specified: Array, variance: Array) -> Array:
    """Two Gaussian readout clouds whose variance grows `variance`-fold: error Phi(Phi^-1(m0)/sqrt(variance))."""
    return np.asarray(ndtr(ndtri(np.clip(specified, 1e-12, 0.5)) / np.sqrt(variance)))


def slower_than(limit_s: Array, median_s: Array, spread: float) -> Array:
    """Share of lognormal times with this median and sigma `spread` that are above `limit_s`."""
    return np.asarray(ndtr(np.log(median_s / limit_s) / spread))


def code_constants(code: Code) -> tuple[float, float, float, float]:
    """(coefficient, power) against flips and against phases: one type fails with (1-exp(-2 c p^k))/2.

    Surface: our fit to the failing share by weight of matching on d x d data qubits. Others: leading weight of ideal
    decoding ([[5,1,3]] 10 p^2 of the total, Steane 21 p^2 each, repetition C(d,(d+1)/2) p^((d+1)/2) against flips).
    """
    half = (code.distance + 1) // 2
    if code.family == "surface":
        c = _CAPACITY_A / _CAPACITY_SCALE**half
        return c, half, c, half
    if code.family == "steane":
        return 21.0, 2, 21.0, 2
    if code.family == "five-qubit":
        return 10.0, 2, 10.0, 2
    if code.family == "repetition":
        return float(math.comb(code.distance, half)), half, float(code.distance), 1
    return 1.0, 1, 1.0, 1


def data_qubits(code: Code) -> int:
    """Data qubits, and so teleported pairs, in a code block."""
    return {"surface": code.distance**2, "steane": 7, "five-qubit": 5, "repetition": code.distance, "none": 1}[
        code.family
    ]


def block_failure(coefficient: Array, power: Array, p: Array) -> Array:
    """Failure of one error type with probability p on each data qubit."""
    return np.asarray(-np.expm1(-2 * coefficient * p**power) / 2)


def circuit_failure(power: Array, gate: Array, readout: Array) -> Array:
    """Failure of a surface-code block of d rounds, both types, from gates and readout in every round.

    A (p/p*)^((d+1)/2) with A = 0.032, p* = 0.0065 (stim with matching, 0.001 <= p <= 0.004; cf. Fowler et al. 2012),
    p = (3 gate + readout)/4: readout is one of the four places where the sampled circuits fail.
    """
    x = _CIRCUIT_A * ((3 * gate + readout) / (4 * _CIRCUIT_SCALE)) ** power
    return np.asarray(-np.expm1(-2 * x))


def queueing_delay(load: Array) -> Array:
    """Sojourn over service time of an M/M/1 server, 1/(1-load), at most 50."""
    return np.asarray(1 / np.maximum(0.02, 1 - load))


def key_fraction(qber: Array) -> Array:
    """BBM92 secret bits per sifted bit, 1-(1+f) h(Q), never below 0 (Shor, Preskill 2000)."""
    q = np.clip(qber, 1e-12, 0.5)
    h = -q * np.log2(q) - (1 - q) * np.log2(1 - q)
    return np.asarray(np.maximum(0.0, 1 - (1 + CORRECTION) * h))
