"""Channels: an independent Kraus oracle, bounds in order, limits exact, data processing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity import bosonic, channels, coherent, compose, pauli
from bot.capacity.entropy import binary
from bot.capacity.ranges import CapacityRangeError

UNIT = st.floats(0, 1)
Matrix = np.ndarray[Any, Any]


def plain_coherent_information(operators: list[Matrix], x: float) -> float:
    """S(B) - S(E) written out from textbook definitions, one matrix at a time, sharing nothing with the library."""
    rho = np.diag([1 - x, x]).astype(complex)
    output = sum((k @ rho @ k.conj().T for k in operators), np.zeros((2, 2), complex))
    environment = np.array([[np.trace(a @ rho @ b.conj().T) for b in operators] for a in operators])

    def entropy(state: Matrix) -> float:
        values = np.linalg.eigvalsh(state)
        return float(-sum(v * np.log2(v) for v in values if v > 1e-15))

    return entropy(output) - entropy(environment)


def plain_damping(g: float) -> list[Matrix]:
    """Kraus operators from the textbook."""
    return [np.array([[1, 0], [0, np.sqrt(1 - g)]]), np.array([[0, np.sqrt(g)], [0, 0]])]


def plain_pauli(px: float, py: float, pz: float) -> list[Matrix]:
    """Kraus operators from the textbook."""
    sigma = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    return [np.sqrt(p) * s for p, s in zip((1 - px - py - pz, px, py, pz), sigma, strict=True)]


@given(st.floats(0.01, 0.49), st.floats(0.01, 0.99))
def test_damping_agrees_with_plain_kraus(gamma: float, x: float) -> None:
    """The vectorised coherent information equals the textbook one, and the capacity is never below it."""
    plain = plain_coherent_information(plain_damping(gamma), x)
    assert float(coherent.coherent_information(coherent.damping(gamma), x)) == pytest.approx(plain, abs=1e-9)
    assert float(channels.damping_q(gamma)) >= plain - 1e-9


@given(st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.3))
def test_the_hashing_bound_is_the_coherent_information_of_half_a_pair(px: float, py: float, pz: float) -> None:
    """Pauli channels at the maximally mixed input: 1-H, clamped at 0."""
    plain = plain_coherent_information(plain_pauli(px, py, pz), 0.5)
    assert float(channels.pauli_hashing(px, py, pz)) == pytest.approx(max(0.0, plain), abs=1e-9)


@given(st.floats(0.001, 1), st.floats(0.01, 2))
def test_memory_agrees_with_plain_kraus_and_lies_between_its_bounds(t: float, ratio: float) -> None:
    """Twirled hashing <= lower <= upper, and lower is reached by some diagonal input of the Kraus form."""
    e1, e2 = np.exp(-t), np.exp(-t / ratio)
    flip = (1 - e2 / np.sqrt(e1)) / 2
    operators = [b @ a for a in plain_damping(1 - e1) for b in plain_pauli(0.0, 0.0, max(0.0, float(flip)))]
    best = max(plain_coherent_information(operators, float(x)) for x in np.linspace(0.001, 0.999, 60))
    lower, upper = (float(f(t, 1.0, ratio)) for f in (channels.memory_lower, channels.memory_upper))
    assert best - 1e-8 <= lower <= upper + 1e-8
    assert lower <= max(0.0, best) + 2e-3  # a grid of 60 inputs is this coarse
    assert float(pauli.hashing(pauli.memory(t, 1.0, ratio))) <= lower + 1e-8


BOUNDS: list[tuple[Callable[[float], Any], Callable[[float], Any]]] = [
    (channels.depolarizing_hashing, channels.depolarizing_upper),
    (channels.depolarizing_upper, channels.depolarizing_two_way_upper),
    (channels.damping_q, channels.damping_two_way_lower),
    (channels.damping_two_way_lower, channels.damping_two_way_upper),
    (channels.erasure_q, channels.erasure_two_way),
    (channels.damping_q, channels.damping_holevo),
    (bosonic.loss_q, bosonic.repeaterless_bound),
]


@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
@given(p=st.floats(0, 0.999))
def test_lower_bounds_never_exceed_upper_bounds(
    lower: Callable[[float], Any], upper: Callable[[float], Any], p: float
) -> None:
    """Q <= its upper bound, one-way <= two-way, quantum <= classical."""
    assert float(lower(p)) <= float(upper(p)) + 1e-9


@given(st.floats(0, 0.999), st.floats(0, 5))
def test_thermal_bounds_are_in_order_and_pure_loss_is_their_limit(eta: float, n: float) -> None:
    """Noise only takes away; without thermal photons both bounds are the pure-loss capacity."""
    assert float(bosonic.thermal_two_way_lower(eta, n)) <= float(bosonic.thermal_two_way_upper(eta, n)) + 1e-9
    assert float(bosonic.thermal_lower(eta, n)) <= float(bosonic.thermal_upper(eta, n)) + 1e-9
    assert float(bosonic.thermal_two_way_upper(eta, 0.0)) == pytest.approx(float(bosonic.repeaterless_bound(eta)))


NOISE: list[Callable[[Any], Any]] = [
    channels.depolarizing_hashing,
    channels.depolarizing_upper,
    channels.depolarizing_two_way_upper,
    channels.damping_q,
    channels.damping_two_way_lower,
    channels.damping_squashed,
    channels.damping_assisted,
    channels.damping_holevo,
    channels.erasure_q,
    channels.erasure_two_way,
]


@pytest.mark.parametrize("capacity", NOISE)
@given(a=UNIT, b=UNIT)
def test_more_noise_never_gives_more_capacity(capacity: Callable[[Any], Any], a: float, b: float) -> None:
    """Up to full noise, 3/4 for a depolarizing p (beyond it the channel is less mixing again)."""
    top = 0.75 if "depolarizing" in capacity.__name__ else 1.0
    low, high = sorted((a * top, b * top))
    assert float(capacity(high)) <= float(capacity(low)) + 1e-9


@pytest.mark.parametrize("capacity", NOISE)
def test_a_whole_array_at_once_equals_a_loop_and_keeps_unknown_unknown(capacity: Callable[[Any], Any]) -> None:
    """Vectorised = scalar; NaN in, NaN out, its neighbours untouched."""
    p = np.array([[0.0, 0.1, np.nan], [0.3, 0.5, 1.0]])
    together = capacity(p)
    assert together.shape == p.shape
    for at in np.ndindex(p.shape):
        assert together[at] == pytest.approx(float(capacity(p[at])), nan_ok=True, abs=1e-12)
    assert np.isnan(together[0, 2])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (channels.dephasing_q(0.0), 1.0),
        (channels.dephasing_q(0.5), 0.0),
        (channels.dephasing_q(1.0), 1.0),
        (channels.depolarizing_hashing(0.0), 1.0),
        (channels.depolarizing_hashing(0.25), 0.0),
        (channels.depolarizing_upper(0.25), 0.0),
        (channels.erasure_q(0.5), 0.0),
        (channels.damping_q(0.0), 1.0),
        (channels.damping_q(0.5), 0.0),
        (channels.damping_two_way_upper(1.0), 0.0),
        (bosonic.repeaterless_bound(0.0), 0.0),
        (bosonic.repeaterless_bound(1.0), np.inf),
        (bosonic.loss_q(0.5), 0.0),
        (bosonic.thermal_two_way_upper(0.5, 1.0), 0.0),
    ],
)
def test_edges_are_exact(value: Any, expected: float) -> None:
    """Perfect, useless and break-even channels give the exact number."""
    assert float(value) == pytest.approx(expected, abs=1e-12)


@given(st.floats(0, 0.2), st.floats(0, 0.2))
def test_a_chain_is_never_better_than_its_worst_part(gamma: float, p: float) -> None:
    """Data processing: series lower bound <= bottleneck upper bound."""
    assert float(compose.series_lower(gamma, 0.01, p, 0.05)) <= float(compose.series_upper(gamma, 0.01, p, 0.05)) + 1e-9


@given(st.tuples(UNIT, UNIT, UNIT), st.tuples(UNIT, UNIT, UNIT))
def test_composed_pauli_channels_multiply_their_eigenvalues(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> None:
    """Whatever the order, eigenvalue 1-2(pY+pZ) of the series is the product of the two."""
    first, second = (pauli.pauli(*(value / 3 for value in item)) for item in (a, b))
    both, other = pauli.series(first, second), pauli.series(second, first)
    assert float(both.x) == pytest.approx(float(other.x), abs=1e-12)
    expected = (1 - 2 * (first.y + first.z)) * (1 - 2 * (second.y + second.z))
    assert float(1 - 2 * (both.y + both.z)) == pytest.approx(float(expected), abs=1e-12)


@given(UNIT)
def test_binary_entropy_is_symmetric(p: float) -> None:
    """h(p) = h(1-p)."""
    assert float(binary(p)) == pytest.approx(float(binary(1 - p)), abs=1e-12)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("inf")])
def test_a_probability_out_of_range_is_named(value: float) -> None:
    """Name, value and allowed range stand in the error."""
    with pytest.raises(CapacityRangeError, match=r"gamma is .*allowed is \[0, 1\]"):
        channels.damping_q(np.array([0.1, value]))
