"""Finite blocks, codes, keys, pools and routes: properties that no table of values shows."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity import code_choice, codes, correlation, decoy, erasures, finite_block, key_rate, path, pool, repeater
from bot.capacity import surface as surface_code
from bot.capacity.channels import dephasing_q, depolarizing_hashing, erasure_two_way
from bot.capacity.pauli import depolarizing
from bot.capacity.ranges import CapacityRangeError


@given(st.floats(0.001, 0.2), st.integers(20, 2000), st.floats(1e-6, 0.1))
def test_what_is_achieved_never_exceeds_the_converse(p: float, n: int, eps: float) -> None:
    """k/n of random codes <= converse, for dephasing and, harder, depolarizing noise."""
    limit = finite_block.converse(p, n, eps)
    assert finite_block.dephasing_k(p, n, eps) / n <= limit + 1e-9
    assert finite_block.depolarizing_k(p, n, eps) <= finite_block.dephasing_k(p, n, eps)


@pytest.mark.parametrize("p", [0.01, 0.05])
def test_long_blocks_approach_the_asymptotic_capacity(p: float) -> None:
    """At n = 100,000 each finite-block rate is within 0.02 below its limit."""
    n, eps = 100_000, 1e-3
    for k, limit in (
        (finite_block.dephasing_k(p, n, eps), dephasing_q(p)),
        (finite_block.depolarizing_k(p, n, eps), depolarizing_hashing(p)),
        (finite_block.erasure_k_assisted(p, n, eps), erasure_two_way(p)),
    ):
        assert float(limit) - 0.02 < k / n < float(limit)


def test_the_expansion_lies_inside_the_rigorous_bracket() -> None:
    """From n = 100 on, second order is between random codes (to one qubit) and converse."""
    for n in (100, 1000, 10000):
        second = float(finite_block.dephasing_expansion(0.05, n, 1e-3))
        assert finite_block.dephasing_k(0.05, n, 1e-3) / n <= second + 1e-9
        assert second <= finite_block.converse(0.05, n, 1e-3)


@given(st.sampled_from([3, 5, 7, 9, 11]), st.floats(0, 0.5), st.floats(0, 0.5))
def test_surface_code_failures_grow_with_noise(d: int, a: float, b: float) -> None:
    """Per round and per shot, up to a half at most."""
    low, high = sorted((a, b))
    for failure in (surface_code.per_round, surface_code.phenomenological_per_round):
        assert 0 <= float(failure(d, low)) <= float(failure(d, high)) + 1e-12 <= 0.5 + 1e-9


@given(st.floats(0, 0.003))
def test_larger_distance_helps_below_threshold(p: float) -> None:
    """At low noise every step of distance lowers the logical error."""
    errors = [float(surface_code.per_round(d, p)) for d in (3, 5, 7, 9, 11)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("family", codes.FAMILIES)
def test_a_perfect_link_never_fails(family: str) -> None:
    """No noise, no logical error, for every code."""
    assert float(codes.logical_failure(family, 3, depolarizing(0.0), 0.0, 0.0)) == pytest.approx(0.0, abs=1e-15)


def test_erasure_patterns_of_distance_three_are_those_of_a_fresh_enumeration() -> None:
    """All 512 patterns by maximum likelihood without flips give the shipped polynomial (one type = half of each)."""
    for p in (0.1, 0.3, 0.6):
        weights = np.arange(10)
        holding = np.array(erasures.ONE_TYPE[3]) / 2 + np.array(erasures.BOTH_TYPES[3])
        one_type = float((p**weights * (1 - p) ** (9 - weights)) @ holding) / 2
        assert erasures.erasure_flip_failure(p, 0.0) == pytest.approx(one_type, abs=1e-12)


@pytest.mark.parametrize("d", [3, 5])
def test_erasure_counts_obey_the_cleaning_lemma(d: int) -> None:
    """A pattern holds one type of operator exactly where its complement lacks the other: counts mirror by weight."""
    one, both = np.array(erasures.ONE_TYPE[d]), np.array(erasures.BOTH_TYPES[d])
    total = surface_code.binomials(d * d)
    assert (one == one[::-1]).all()
    np.testing.assert_allclose(both + one + both[::-1], total)


@given(st.floats(0, 0.11))
def test_preprocessing_never_lowers_the_threshold(q: float) -> None:
    """Where plain BB84 has a key, so has BB84 without flips in the general formula, and they are equal."""
    assert float(key_rate.bb84_preprocessed(q, 0.0)) == pytest.approx(float(key_rate.bb84(q)), abs=1e-9)


@given(st.floats(0, 0.1), st.integers(1000, 10**7))
def test_finite_keys_are_shorter_than_asymptotic_ones(q: float, n: int) -> None:
    """Length is between 0 and n times the asymptotic rate."""
    length = float(
        key_rate.finite_length(n=n, k=n // 10 + 1, qber=q, efficiency=1.1, security=1e-10, correctness=1e-15)
    )
    assert 0 <= length <= max(0.0, n * float(key_rate.bb84(q, 1.1)))


def test_a_receiver_that_only_sees_noise_reaches_nowhere() -> None:
    """Without a key at 0 km the distance is 0, not the end of the search."""
    device = decoy.Device(alpha=0.2, eta_bob=0.1, dark=0.01, misalignment=0.3, efficiency=1.2, sifting=0.5)
    assert decoy.max_distance(device) == 0.0


@given(st.integers(1, 200), st.floats(0.1, 20), st.floats(0.2, 20))
def test_the_chance_of_an_empty_pool_grows_with_time_to_its_limit(n0: int, lam: float, mu: float) -> None:
    """P(empty by t) is a distribution function that never exceeds the eventual probability."""
    chances = [pool.stockout_by(n0, lam, mu, t) for t in (0.0, 1.0, 5.0, 20.0, 100.0)]
    assert all(a <= b + 1e-9 for a, b in pairwise(chances))
    assert chances[-1] <= float(pool.eventual_depletion(n0, lam, mu)) + 1e-7


def test_depletion_agrees_with_a_simulated_pool() -> None:
    """20,000 simulated pools (seed 5): the 50% quantile splits them to 4 standard errors (1.4%)."""
    generator, n0, lam, mu = np.random.default_rng(5), 20, 8.0, 10.0
    t = pool.depletion_quantile(0.5, n0, lam, mu)
    empty = 0
    for _ in range(20_000):
        events = generator.poisson((lam + mu) * t)
        steps = np.where(generator.random(events) < lam / (lam + mu), 1, -1)
        empty += bool(events) and bool((n0 + np.cumsum(steps)).min() <= 0)
    assert empty / 20_000 == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))


def test_the_replenishment_needed_gives_the_stockout_asked_for() -> None:
    """Rate for 1% stock-outs, put back into M/M/1/K, gives 1%."""
    rate = float(pool.replenishment_needed(10.0, 50.0, 0.01))
    assert float(pool.stockout_stationary(rate, 10.0, 50.0)) == pytest.approx(0.01, rel=1e-6)


@given(st.lists(st.tuples(st.sampled_from("abxyz"), st.sampled_from("abxyz"), st.floats(0.01, 0.9)), max_size=8))
def test_all_routes_carry_at_least_what_the_best_one_does(edges: list[tuple[str, str, float]]) -> None:
    """Multi-path >= single-path, and the widest route really goes from a to b."""
    links = [edge for edge in edges if edge[0] != edge[1]]
    single = path.single_path(links)
    assert path.multipath(links) >= single - 1e-9
    route, width = path.widest_route(links, "a", "b")
    assert width == single
    assert not route or (route[0], route[-1]) == ("a", "b")


def test_policy_keeps_a_route_out_of_forbidden_nodes() -> None:
    """The wide route through x is refused, the narrow one through y taken."""
    edges = [("a", "x", 0.9), ("x", "b", 0.9), ("a", "y", 0.2), ("y", "b", 0.2)]
    assert path.widest_route(edges, "a", "b")[0] == ("a", "x", "b")
    assert path.widest_route(edges, "a", "b", allowed=lambda node: node != "x")[0] == ("a", "y", "b")


@given(
    st.lists(st.tuples(st.sampled_from("axyzb"), st.sampled_from("axyzb"), st.floats(0.1, 100)), max_size=9),
    st.sets(st.sampled_from("xyz")),
)
def test_the_best_route_for_any_links_is_that_of_all_routes_tried(
    edges: list[tuple[str, str, float]], closed: set[str]
) -> None:
    """Links with capacities of their own: no permitted route has a better worst link."""
    links = [edge for edge in edges if edge[0] != edge[1]]
    widths: dict[tuple[str, str], float] = {}
    for a, b, width in links:
        widths[a, b] = widths[b, a] = max(width, widths.get((a, b), 0.0))
    middles = [node for node in "xyz" if node not in closed]
    routes = [("a", *some, "b") for size in range(len(middles) + 1) for some in permutations(middles, size)]
    tried = max(min(widths.get(pair, 0.0) for pair in pairwise(route)) for route in routes)
    route, found = path.best_route(links, "a", "b", allowed=lambda node: node not in closed)
    assert found == tried
    assert not closed & set(route)


@given(st.floats(0.51, 0.99))
def test_purification_gains_above_one_half(fidelity: float) -> None:
    """BBPSSW and DEJMPS raise any Werner pair above 1/2."""
    wrong = (1 - fidelity) / 3
    assert float(repeater.bbpssw(fidelity, fidelity)[0]) > fidelity
    assert float(repeater.dejmps([fidelity, wrong, wrong, wrong])[0][0]) > fidelity


def test_a_target_out_of_reach_is_refused() -> None:
    """Purification from exactly 1/2 never gets anywhere: refused, not looped for ever."""
    with pytest.raises(CapacityRangeError):
        repeater.nested_bbpssw(0.5, 0.9)


def test_recommendations_flip_where_they_say() -> None:
    """Just below and above each flip the chosen code is the one announced."""
    scenario = {"slo": 1e-3, "c_pair": 1.0, "c_fixed": 0.5, "allow_discard": False}
    changes = code_choice.flips(**scenario)  # type: ignore[arg-type]
    assert [code for _, code in changes] == ["bare", "513", "surface_d5", "surface_d7", "none"]
    for start, code in changes[1:]:
        above = code_choice.choose(p=start * 1.002, **scenario)  # type: ignore[arg-type]
        below = code_choice.choose(p=start * 0.998, **scenario)  # type: ignore[arg-type]
        assert (above.code if above else "none") == code
        assert below is not None
        assert below.code != code


@given(st.integers(0, 50))
def test_exact_intervals_hold_their_share(k: int) -> None:
    """Clopper-Pearson brackets k/n."""
    low, high = correlation.clopper_pearson(k, 50, 0.05)
    assert low <= k / 50 <= high
