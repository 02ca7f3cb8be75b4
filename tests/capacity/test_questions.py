"""Questions by name: held against exact arithmetic and plain recursions, and refused where they make no sense."""

import json
from collections.abc import Callable
from fractions import Fraction
from math import comb, log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.__main__ import run
from bot.capacity import bosonic, channels, pool, repeater
from bot.capacity.quantities import QUANTITIES, evaluate
from bot.capacity.ranges import CapacityRangeError

ENTRIES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "capacity_reference.json").read_text(encoding="utf-8")
)["entries"]
EXAMPLES: dict[str, dict[str, Any]] = {entry["quantity"]: entry["parameters"] for entry in reversed(ENTRIES)}
"""Parameters that each quantity answers to."""


def binomial(p: Fraction, n: int) -> list[Fraction]:
    """The exact distribution of the number of errors in n uses."""
    return [comb(n, w) * p**w * (1 - p) ** (n - w) for w in range(n + 1)]


def largest(error: Callable[[int], Fraction], n: int, eps: float) -> int:
    """The largest k with error(k) <= eps, one k after the other; -1 where there is none."""
    best = -1
    while best < n and error(best + 1) <= Fraction(eps):
        best += 1
    return best


def random_code(p: float, n: int, eps: float, kinds: int) -> int:
    """The union bound over random stabilizer codes in fractions."""
    weights, volumes = binomial(Fraction(p), n), np.cumsum([kinds**w * comb(n, w) for w in range(n + 1)], dtype=object)
    return largest(
        lambda k: sum(
            (a * min(Fraction(1), Fraction(int(b), 2 ** (n - k))) for a, b in zip(weights, volumes, strict=True)),
            Fraction(0),
        ),
        n,
        eps,
    )


def converse(p: float, n: int, eps: float) -> float:
    """The best test of Bern(p)^n against uniform bits in fractions."""
    left, accepted = 1 - Fraction(eps), Fraction(0)
    for w, weight in enumerate(binomial(Fraction(p), n)):
        if weight >= left:
            accepted += left / weight * comb(n, w)
            break
        left, accepted = left - weight, accepted + comb(n, w)
    accepted /= 2**n
    return (log2(accepted.denominator) - log2(accepted.numerator)) / n


BLOCKS = {
    "p": st.sampled_from([0.0, 1e-6, 0.5]) | st.floats(0, 0.5),
    "n": st.integers(1, 40),
    "eps": st.sampled_from([1e-12, 1e-6, 0.999]) | st.floats(1e-9, 0.9),
}


@settings(max_examples=40)
@given(st.fixed_dictionaries(BLOCKS))
def test_finite_blocks_are_those_of_exact_fractions(block: dict[str, Any]) -> None:
    """Codes to the qubit and the converse to 1e-9, edges and tiny blocks included."""
    assert evaluate("dephasing.k_achievable", block) == random_code(**block, kinds=1)
    assert evaluate("depolarizing.k_achievable", block) == random_code(**block, kinds=3)
    assert evaluate("dephasing.R_converse", block) == pytest.approx(converse(**block), abs=1e-9)


@settings(max_examples=25)
@given(st.integers(1, 60), st.floats(0.01, 9), st.floats(0.01, 9), st.floats(0.1, 9))
def test_a_stockout_is_the_first_passage_of_a_walk_counted_step_by_step(
    n0: int, lam: float, mu: float, t: float
) -> None:
    """Poisson many steps of +-1 from N0 until 0, as a recursion over the levels."""
    events = (lam + mu) * t
    steps = int(events + 12 * events**0.5 + 40)
    level = np.zeros(n0 + steps + 2)
    level[n0] = 1.0
    weight, chance = np.exp(-events), 0.0
    for step in range(steps):
        chance += weight * level[0]
        moved = np.zeros_like(level)
        moved[2:] = level[1:-1] * lam / (lam + mu)
        moved[:-1] += np.concatenate([[0.0], level[2:]]) * mu / (lam + mu)
        moved[0] = level[0] + level[1] * mu / (lam + mu)
        level, weight = moved, weight * events / (step + 1)
    assert pool.stockout_by(n0, lam, mu, t) == pytest.approx(chance, abs=1e-8)


@given(st.integers(1, 40), st.floats(0.1, 9), st.floats(0.1, 9), st.data())
def test_a_capped_pool_empties_as_its_recursion_says(cap: int, lam: float, mu: float, data: st.DataObject) -> None:
    """d_K = 1/mu, d_n = 1/mu + (lam/mu) d_(n+1), summed over the levels passed."""
    n0 = data.draw(st.integers(0, cap))
    steps = [1 / mu]
    while len(steps) < cap:
        steps.append(1 / mu + lam / mu * steps[-1])
    expected = sum(steps[::-1][:n0])
    assert pool.mean_depletion_capped(n0, lam, mu, cap) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.floats(0, 0.999), st.floats(0, 100), st.floats(0, 3))
def test_thermal_noise_only_takes_away_and_none_is_pure_loss(eta: float, photons: float, n: float) -> None:
    """C and C_EA of thermal loss: equal to pure loss at n = 0, never above it, C never above C_EA."""
    for noisy, pure in ((bosonic.thermal_c, bosonic.loss_c), (bosonic.thermal_assisted, bosonic.loss_assisted)):
        clean = float(pure(eta, photons))
        assert float(noisy(eta, 0.0, photons)) == pytest.approx(clean, abs=1e-7)
        assert float(noisy(eta, n, photons)) <= clean + 1e-7
    assert float(bosonic.thermal_c(eta, n, photons)) <= float(bosonic.thermal_assisted(eta, n, photons)) + 1e-7


@settings(max_examples=25)
@given(st.floats(0, 1), st.floats(0, 1))
def test_generalized_damping_lies_between_its_bounds_and_is_damping_without_heat(gamma: float, n: float) -> None:
    """Lower <= upper; both are Q of amplitude damping at N = 0 and, mirrored, at N = 1."""
    lower = float(channels.generalized_damping_lower(gamma, n))
    assert lower <= float(channels.generalized_damping_upper(gamma, n)) + 1e-7
    for end in (0.0, 1.0):
        exact = pytest.approx(float(channels.damping_q(gamma)), abs=1e-7)
        assert float(channels.generalized_damping_upper(gamma, end)) == exact
        assert float(channels.generalized_damping_lower(gamma, end)) == exact


def test_nested_purification_of_many_pairs_equals_a_loop() -> None:
    """Starts x targets in one call; a pair that is good enough is left alone, an unknown one stays unknown."""
    starts, targets = np.array([[0.7], [0.99], [np.nan]]), np.array([0.9, 0.95])
    for nested in (repeater.nested_bbpssw, repeater.nested_dejmps):
        together = nested(starts, targets)
        alone = nested(0.7, 0.95)
        assert (together.rounds[0, 1], together.fidelity[0, 1]) == (alone.rounds, alone.fidelity)  # type: ignore[index]
        assert together.raw_pairs[1].tolist() == [1.0, 1.0]  # type: ignore[index]
        assert np.isnan(together.fidelity[2]).all()  # type: ignore[index]


@pytest.mark.parametrize(
    ("quantity", "parameters"),
    [
        ("bb84.rate_asymptotic", {"Q": 0.2, "f": 1.16}),
        ("sixstate.rate_asymptotic", {"Q": 0.3}),
        ("werner.bb84_rate", {"F": 0.5}),
        ("werner.hashing_rate", {"F": 0.5}),
        ("decoy.rate_asymptotic", {**EXAMPLES["decoy.rate_asymptotic"], "L": 500}),
    ],
)
def test_beyond_its_threshold_a_rate_is_none_and_not_negative(quantity: str, parameters: dict[str, Any]) -> None:
    """No key is a key of 0 bits."""
    assert evaluate(quantity, parameters) == 0.0


WRONG: dict[type, list[Any]] = {
    str: [None, 0.5, True, {}, [None]],
    bool: [None, 0.5, "yes", {}],
    list: [None, {}, [None], [True], ["x"], "x"],
    dict: [None, {}, 0.5, [0.1]],
    object: [None, "0.1", True, [None], {}, float("nan"), [[0.1]], 10**400],
}
"""Kind of a right value -> wrong ones; the first kind that fits counts."""
PLACES = [(name, parameter) for name, parameters in EXAMPLES.items() for parameter in parameters]


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_a_parameter_of_the_wrong_kind_is_named(quantity: str) -> None:
    """Null, text, booleans, NaN and nests where numbers belong, and numbers where text does: never a value."""
    for parameter, right in EXAMPLES[quantity].items():
        for wrong in next(bad for kind, bad in WRONG.items() if isinstance(right, kind)):
            with pytest.raises(CapacityRangeError):
                evaluate(quantity, {**EXAMPLES[quantity], parameter: wrong})


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from([-1, 0, 1, 2, 0.5, 1e-300, 1e300, 10**9, 10**18, float("inf")]))
def test_an_extreme_parameter_is_answered_or_refused_by_name(place: tuple[str, str], value: float) -> None:
    """Neither a crash nor a warning, whatever number stands there; sums are cut to lengths that end."""
    quantity, parameter = place
    try:
        answer = evaluate(quantity, {**EXAMPLES[quantity], parameter: value})
    except CapacityRangeError:
        return
    assert isinstance(answer, str | float)


@pytest.mark.parametrize(
    "line",
    [
        '{"quantity": "dephasing.Q", "parameters": {"p": ' + "1" * 5000 + "}}",
        "[" * 50_000,
        '{"quantity": "dephasing.Q", "parameters": {"p": ' + "[" * 900 + "]" * 900 + "}}",
        '{"quantity": "\\ud800", "parameters": {}}',
    ],
)
def test_a_line_that_breaks_parsers_is_an_error_of_that_line(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endless digits, deep nests, half characters; a byte order mark before the next question does no harm."""
    file = tmp_path / "hostile.jsonl"
    file.write_text('\ufeff{"quantity": "dephasing.Q", "parameters": {"p": 0.5}}\n' + line, encoding="utf-8")
    assert run(["capacity", "evaluate", str(file)]) == 1
    first, second = (json.loads(answer) for answer in capsys.readouterr().out.splitlines())
    assert first["value"] == 0.0
    assert "error" in second
