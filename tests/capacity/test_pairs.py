"""What pairs cost: waiting with a cut-off, and measuring; checked by playing them through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity import correlation, cutoff, finite_block, measurement, pool, repeater
from bot.capacity.ranges import CapacityRangeError

SEED = 17


def play(p: float, most: int, slots: int) -> list[int]:
    """Waiting times of the pairs that two segments deliver in so many slots, slot by slot."""
    draw, waited, waits = np.random.default_rng(SEED), -1, []
    for first, second in draw.random((slots, 2)) < p:
        if waited < 0:
            if first and second:
                waits.append(0)
            elif (first or second) and most > 0:
                waited = 0
        else:
            waited += 1
            if first:
                waits.append(waited)
                waited = -1
            elif waited == most:
                waited = -1
    return waits


@pytest.mark.parametrize("most", [0, 3, 12])
def test_rate_and_waiting_are_those_of_a_played_protocol(most: int) -> None:
    """200,000 slots: rate and mean exp(-K/50) within four standard errors."""
    p, slots = 0.1, 200_000
    waits = np.array(play(p, most, slots))
    expected = float(cutoff.pairs_per_slot(p, most))
    assert abs(len(waits) / slots - expected) < 4 * np.sqrt(expected / slots)
    left = np.exp(-waits / 50)
    error = max(float(left.std()) / len(waits) ** 0.5, 1e-12)
    assert abs(left.mean() - float(cutoff.memory_factor(p, 1 / 50, most))) < 4 * error


@given(st.floats(0.001, 1.0), st.floats(0, 1))
def test_a_cutoff_that_never_comes_is_none(p: float, loss: float) -> None:
    """For an infinite cut-off rate and memory are those of two segments that wait for ever."""
    assert float(cutoff.pairs_per_slot(p, np.inf)) == pytest.approx(float(repeater.two_segment_rate(p, 1.0, 1.0)))
    assert float(cutoff.memory_factor(p, loss, np.inf)) == pytest.approx(float(repeater.memory_factor(p, loss)))


@given(st.floats(0.001, 0.9), st.floats(0.001, 1), st.integers(0, 200))
def test_patience_buys_rate_and_costs_quality(p: float, loss: float, slots: int) -> None:
    """One slot more never lowers the rate and never raises the fidelity."""
    for measure, sign in (
        (cutoff.pairs_per_slot(p, [slots, slots + 1]), 1),
        (cutoff.memory_factor(p, loss, [slots, slots + 1]), -1),
    ):
        assert sign * (measure[1] - measure[0]) >= -1e-12


def test_the_best_cutoff_is_no_worse_than_its_neighbours_or_none_at_all() -> None:
    """At p = 0.01 and memories of 100 slots a cut-off of some slots beats both ends."""
    slots, ebits = cutoff.best(0.95, 0.95, 0.01, 0.01)
    assert 0 < slots < 100
    assert ebits > cutoff.best(0.95, 0.95, 0.01, 0.01, most=0)[1]
    assert cutoff.best(0.95, 0.95, 0.01, 0.0)[0] > 1_000  # a perfect memory waits until nothing more is to be won


def test_the_pairs_that_a_fidelity_costs_give_the_promised_accuracy() -> None:
    """2,000 measurements of F = 0.9 to +-0.02: 95% of them within it, give or take four standard errors (2%)."""
    pairs = int(measurement.pairs_for_fidelity(0.9, 0.02))
    draw, e = np.random.default_rng(SEED), (4 * 0.9 - 1) / 3
    third = pairs // 3
    agreed = draw.binomial(third, (1 + e) / 2, size=(2_000, 3))
    told = (1 + (2 * agreed / third - 1).sum(axis=1)) / 4
    assert (np.abs(told - 0.9) < 0.02).mean() == pytest.approx(0.95, abs=0.02)


def test_a_perfect_pair_needs_one_look_and_a_finer_answer_more_pairs() -> None:
    """No variance, one pair; half the width, four times the pairs; each minute 600 pairs are 10/s from the pool."""
    assert float(measurement.pairs_for_fidelity(1.0, 0.01)) == 1.0
    coarse, fine = measurement.pairs_for_share(0.05, [0.02, 0.01])
    assert fine == pytest.approx(4 * coarse, rel=0.01)
    assert float(measurement.burned_per_s(600, 60.0)) == 10.0


def test_functions_of_counts_take_arrays_of_links() -> None:
    """Sums whose length depends on the numbers broadcast as closed forms do; a scalar stays what it was."""
    p, n = np.array([[0.01], [0.05]]), np.array([100, 1000, 2000])
    together = finite_block.depolarizing_k(p, n, 1e-3)
    assert together.shape == (2, 3)
    assert together[1, 1] == finite_block.depolarizing_k(0.05, 1000, 1e-3) == 511
    assert isinstance(finite_block.depolarizing_k(0.05, 1000, 1e-3), int)
    times = pool.depletion_quantile(np.array([0.05, 0.5, 0.95]), 100, 8.0, 10.0)
    np.testing.assert_allclose(times, [29.5, 47.9, 77.7], atol=0.05)
    assert correlation.excess_p_value(np.array([1, 20]), 100, 0.05)[1] < 1e-6
    assert repeater.mean_attempts(0.5, links=np.array([1, 2])).tolist() == pytest.approx([2.0, 8 / 3])


def test_an_array_of_counts_keeps_unknown_unknown_and_names_what_is_out_of_range() -> None:
    """NaN in, NaN out; a probability of 2 among good ones is refused by name."""
    assert np.isnan(finite_block.depolarizing_k(np.array([0.05, np.nan]), 100, 1e-3)[1])
    with pytest.raises(CapacityRangeError, match="p is 2"):
        finite_block.depolarizing_k(np.array([0.05, 2.0]), 100, 1e-3)
