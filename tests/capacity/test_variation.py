"""Seasons, scatter and operations: capacity as a distribution."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity import variation
from bot.capacity.link import evaluate
from bot.capacity.ranges import CapacityRangeError
from bot.capacity.variation import drawn, quantiles, scatter, season, seen, state_for, uniform
from tests.support.capacity_links import baseline, changed

CAPACITY = "capacity_qubits_per_s"


def test_without_factors_every_quantile_is_the_point() -> None:
    """A distribution of nothing is what `evaluate` answers."""
    told = quantiles(baseline(), ())
    for name, value in evaluate(baseline()).items():
        np.testing.assert_array_equal(told[name], [value] * 3)


def test_pairs_under_a_season_follow_the_arcsine_law() -> None:
    """Loss swings by 2 dB: the 25% quantile of the pairs is at +2 sin(pi/4) = +1.414 dB, so 10^-0.1414 of the usual."""
    usual = evaluate(baseline())["entanglement_rate"]
    low = quantiles(baseline(), [season("loss_db", 2.0)], (0.25,))["entanglement_rate"]
    assert low[0] == pytest.approx(usual * 10**-0.1414, rel=2e-3)


def test_pairs_under_scatter_follow_the_normal_law() -> None:
    """Loss scatters by 1 dB: the 5% quantile of the pairs is at +1.645 dB."""
    usual = evaluate(baseline())["entanglement_rate"]
    low = quantiles(baseline(), [scatter("loss_db", 1.0)], (0.05,))["entanglement_rate"]
    assert low[0] == pytest.approx(usual * 10**-0.16449, rel=5e-3)


def test_a_state_that_holds_for_a_fifth_of_the_time_is_a_fifth_of_the_draws() -> None:
    """A laser at half power for 20% of the time: the 19% quantile has half the attempts, the 21% quantile all."""
    usual = evaluate(baseline())["entanglement_rate"]
    half = state_for("attempt_rate_hz", 0.2, -0.5, "multiply")
    low, high = quantiles(baseline(), [half], (0.19, 0.21))["entanglement_rate"]
    assert (low, high) == (pytest.approx(usual / 2), pytest.approx(usual))


def test_values_that_were_seen_keep_their_own_quantiles() -> None:
    """The median of five seen shifts is the third; what was missing is left out."""
    shifts = [0.0, 1.0, 3.0, float("nan"), 4.0, 9.0]
    usual = evaluate(baseline())["entanglement_rate"]
    middle = quantiles(baseline(), [seen("loss_db", shifts)], (0.5,))["entanglement_rate"]
    assert middle[0] == pytest.approx(usual * 10**-0.3, rel=5e-3)


def test_many_links_at_once_equal_a_loop() -> None:
    """Quantiles of 3 links in one call are those of each link alone with the same draws."""
    losses = np.array([3.0, 9.0, 15.0])
    factors = [season("loss_db", 0.5), scatter("t2_s", 0.1, "multiply"), uniform("fidelity", -0.02, 0.0)]
    together = quantiles(changed(loss_db=losses), factors)
    for row, loss in enumerate(losses):
        for name, value in quantiles(changed(loss_db=float(loss)), factors).items():
            np.testing.assert_allclose(np.broadcast_to(together[name], (3, 3))[row], value, rtol=1e-12)


def test_the_same_seed_draws_the_same_and_another_seed_nearly() -> None:
    """Deterministic; another seed moves the 5% quantile by less than 1%, as a Latin hypercube should."""
    factors = [scatter("loss_db", 0.5), scatter("t2_s", 0.2, "multiply")]
    first, again, other = (float(quantiles(baseline(), factors, seed=seed)[CAPACITY][0]) for seed in (1, 1, 2))
    assert first == again
    assert first == pytest.approx(other, rel=0.01)


PARAMETER = st.sampled_from(["loss_db", "t1_s", "t2_s", "fidelity", "gate_error", "pool_pairs", "consumption_rate"])


@given(st.lists(st.tuples(PARAMETER, st.floats(0, 5), st.sampled_from(["add", "multiply"])), max_size=4))
def test_draws_stay_physical_and_quantiles_in_order(asked: list[tuple[str, float, variation.How]]) -> None:
    """However wide the factors: nothing leaves its range, T2 never exceeds 2 T1, and 5% <= 50% <= 95%."""
    factors = [scatter(name, size, how) for name, size, how in asked]
    told = quantiles(baseline(), factors, draws=64)
    for value in told.values():
        assert (np.diff(value[np.isfinite(value)]) >= 0).all()
    state = drawn(baseline(), factors, draws=64)
    assert (np.asarray(state.t2_s) <= 2 * np.asarray(state.t1_s) * (1 + 1e-12)).all()


def test_what_is_unknown_stays_unknown() -> None:
    """NaN in a parameter is NaN in each quantile that needs it, and in no other."""
    told = quantiles(changed(t2_s=float("nan")), [season("loss_db", 1.0)])
    assert np.isnan(told[CAPACITY]).all()
    assert np.isfinite(told["entanglement_rate"]).all()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: season("length_km", 1.0), "length_km"),
        (lambda: season("loss_db", -1.0), "amplitude"),
        (lambda: uniform("loss_db", 2.0, 1.0), "low"),
        (lambda: state_for("loss_db", 1.5, 1.0), "share"),
        (lambda: seen("loss_db", [float("nan")]), "values"),
        (lambda: drawn(baseline(), (), draws=0), "draws"),
    ],
)
def test_a_factor_out_of_range_is_named(make: Callable[[], object], named: str) -> None:
    """Name and allowed range stand in the error."""
    with pytest.raises(CapacityRangeError, match=named):
        make()


def test_a_thousand_links_times_a_hundred_draws_are_one_call() -> None:
    """100,000 evaluations of the whole model in well under five seconds."""
    start = time.perf_counter()
    told = quantiles(changed(loss_db=np.linspace(1, 20, 1000)), [season("loss_db", 0.5)], draws=100)
    assert told[CAPACITY].shape == (1000, 3)
    assert time.perf_counter() - start < 5
