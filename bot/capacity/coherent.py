"""Any qubit channel by its Kraus operators: coherent information and the test for antidegradability.

Kraus arrays have shape (..., k, 2, 2): parameters, operators, matrix.

>>> round(float(coherent_information(pauli_kraus(0.01, 0.01, 0.01), 0.5)), 6)  # hashing at p = 0.03
0.758059
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bot.capacity import pauli as paulis
from bot.capacity.entropy import term
from bot.capacity.ranges import Array, probability

Kraus = NDArray[np.complex128]

PAULIS = np.array([np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], np.diag([1, -1])])


def pauli_kraus(px: ArrayLike, py: ArrayLike, pz: ArrayLike) -> Kraus:
    """Pauli channel."""
    channel = paulis.pauli(px, py, pz)
    parts = np.broadcast_arrays(channel.identity, channel.x, channel.y, channel.z)
    weights = np.sqrt(np.stack(parts, axis=-1))
    return np.asarray(weights[..., None, None] * PAULIS)


def damping(gamma: ArrayLike) -> Kraus:
    """Amplitude damping |1> -> |0> with probability gamma."""
    g = probability("gamma", gamma)
    kraus = np.zeros((*g.shape, 2, 2, 2), dtype=np.complex128)
    kraus[..., 0, 0, 0], kraus[..., 0, 1, 1] = 1.0, np.sqrt(1 - g)
    kraus[..., 1, 0, 1] = np.sqrt(g)
    return kraus


def generalized_damping(gamma: ArrayLike, population: ArrayLike) -> Kraus:
    """Amplitude damping towards a thermal state with `population` of |1>."""
    g, n = np.broadcast_arrays(probability("gamma", gamma), probability("N", population))
    kraus = np.zeros((*g.shape, 4, 2, 2), dtype=np.complex128)
    down, up = np.sqrt(1 - n), np.sqrt(n)
    kraus[..., 0, 0, 0], kraus[..., 0, 1, 1] = down, down * np.sqrt(1 - g)
    kraus[..., 1, 0, 1] = down * np.sqrt(g)
    kraus[..., 2, 0, 0], kraus[..., 2, 1, 1] = up * np.sqrt(1 - g), up
    kraus[..., 3, 1, 0] = up * np.sqrt(g)
    return kraus


def then(first: Kraus, second: Kraus) -> Kraus:
    """Series: `first`, then `second`."""
    product = second[..., :, None, :, :] @ first[..., None, :, :, :]
    return np.asarray(product.reshape(*product.shape[:-4], -1, 2, 2))


def joint_state(kraus: Kraus, x: ArrayLike) -> Kraus:
    """Output together with the reference of the input diag(1-x, x): (..., 4, 4)."""
    x = probability("x", x)
    roots = np.stack([np.sqrt(1 - x), np.sqrt(x)], axis=-1)
    vectors = (kraus * roots[..., None, None, :]).reshape(*np.broadcast_shapes(kraus.shape[:-2], (*x.shape, 1)), 4)
    return np.asarray(np.swapaxes(vectors, -1, -2) @ vectors.conj())


def coherent_information(kraus: Kraus, x: ArrayLike) -> Array:
    """S(B) - S(E) for the input diag(1-x, x), qubit/use.

    Operators that are each diagonal or antidiagonal (Pauli, damping, T1/T2 and their series) have closed 2x2 blocks.
    """
    x = probability("x", x)
    if _diagonal_or_antidiagonal(kraus):
        return _blocks(kraus, x)
    if kraus.shape[-3] == 2:
        return _two_operators(kraus, x)
    joint = joint_state(kraus, x)
    return _entropy(_output(joint)) - _entropy(joint)


def _diagonal_or_antidiagonal(kraus: Kraus) -> bool:
    diagonal = (kraus[..., 0, 0] != 0) | (kraus[..., 1, 1] != 0)
    antidiagonal = (kraus[..., 0, 1] != 0) | (kraus[..., 1, 0] != 0)
    return not bool((diagonal & antidiagonal).any())


def _blocks(kraus: Kraus, x: Array) -> Array:
    """Output and reference share either equal or opposite bits: two 2x2 blocks, and a diagonal output."""
    root = np.sqrt(x * (1 - x))
    kept0, kept1 = _power(kraus[..., 0, 0]) * (1 - x), _power(kraus[..., 1, 1]) * x
    fell, rose = _power(kraus[..., 0, 1]) * x, _power(kraus[..., 1, 0]) * (1 - x)
    even = np.abs(_overlap(kraus[..., 0, 0], kraus[..., 1, 1])) * root
    odd = np.abs(_overlap(kraus[..., 0, 1], kraus[..., 1, 0])) * root
    output = term(kept0 + fell) + term(kept1 + rose)
    return output - _two_levels(kept0, kept1, even) - _two_levels(fell, rose, odd)


def _power(entries: Kraus) -> Array:
    return np.asarray(
        np.einsum("...k,...k->...", entries.real, entries.real)
        + np.einsum("...k,...k->...", entries.imag, entries.imag)
    )


def _overlap(left: Kraus, right: Kraus) -> Kraus:
    return np.asarray(np.einsum("...k,...k->...", left, right.conj()))


def _two_levels(a: Array, b: Array, off: Array) -> Array:
    """Entropy of the block [[a, off], [off*, b]]."""
    spread = np.hypot(a - b, 2 * off)
    return term((a + b + spread) / 2) + term(np.maximum(0.0, (a + b - spread) / 2))


def _two_operators(kraus: Kraus, x: Array) -> Array:
    """The same from the 2x2 state of an environment that two operators leave, instead of a 4x4 one."""
    weights = np.stack([1 - x, x], axis=-1)[..., None, None, :]
    loaded = kraus * weights
    output = np.einsum("...kib,...kjb->...ij", loaded, kraus.conj())
    environment = np.einsum("...kib,...lib->...kl", loaded, kraus.conj())
    return _entropy(output) - _entropy(environment)


def extension_margin(kraus: Kraus) -> Array:
    """Tr rho_B² - Tr rho_AB² + 4 sqrt(det rho_AB) of the Choi state; from 0 on the channel is antidegradable, Q = 0.

    Source: J. Chen et al., Phys. Rev. A 90, 032318 (2014).
    """
    joint = joint_state(kraus, 0.5)
    output = _output(joint)
    volume = np.sqrt(np.maximum(0.0, np.linalg.det(joint).real))
    return np.asarray(_purity(output) - _purity(joint) + 4 * volume)


def _output(joint: Kraus) -> Kraus:
    grid = joint.reshape(*joint.shape[:-2], 2, 2, 2, 2)
    return np.asarray(np.einsum("...iaja->...ij", grid))


def _purity(state: Kraus) -> Array:
    return np.asarray((np.abs(state) ** 2).sum(axis=(-1, -2)))


def _entropy(state: Kraus) -> Array:
    if state.shape[-1] != 2:
        return np.asarray(term(np.linalg.eigvalsh(state)).sum(axis=-1))
    return _two_levels(state[..., 0, 0].real, state[..., 1, 1].real, np.abs(state[..., 0, 1]))
