"""Attribution: exact shares of a drop, by parameter."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity.attribution import PARAMETERS, attribute, coalitions, explain, shapley
from bot.capacity.link import capacity
from tests.support.capacity_links import baseline, changed, now

WORSE = {
    "physical_loss_ratio": 0.85,
    "channel_fidelity": 0.97,
    "coherence_t1": 1.0,
    "coherence_t2": 0.3,
    "decode_latency_p50": 0.03,
    "decode_latency_p99": 0.2,
    "entanglement_consumption_rate": 200.0,
    "entanglement_pool_level": 0.1,
    "measurement_variance": 0.3,
}


def test_shares_of_a_drop_sum_to_one() -> None:
    """With everything worse at once, all shares together are the whole drop."""
    shares = attribute(baseline(), now(**WORSE))
    assert set(shares) == set(PARAMETERS)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)


def test_parts_sum_to_the_drop_in_qubits_per_second() -> None:
    """The Shapley values of `explain` add up to baseline minus now."""
    told = explain(baseline(), now(**WORSE))
    assert sum(told.shapley.values()) == pytest.approx(told.baseline - told.now, rel=1e-12)
    assert told.now == pytest.approx(float(capacity(now(**WORSE))))


@pytest.mark.parametrize(
    ("parameter", "signals"),
    [
        ("loss", {"physical_loss_ratio": 0.9}),
        ("dephasing", {"coherence_t2": 0.1}),
        ("fidelity", {"channel_fidelity": 0.95}),
        ("measurement", {"measurement_variance": 0.4}),
        ("pool", {"entanglement_consumption_rate": 400.0}),
        ("pool", {"entanglement_rate": 20.0}),
        ("decoder", {"decode_latency_p50": 0.3, "decode_latency_p99": 1.0}),
    ],
)
def test_a_single_cause_is_given_the_whole_drop(parameter: str, signals: dict[str, float]) -> None:
    """When one parameter changed, it explains everything and the others nothing."""
    shares = attribute(baseline(), now(**signals))
    assert shares[parameter] == pytest.approx(1.0)
    assert all(abs(share) < 1e-9 for name, share in shares.items() if name != parameter)


def test_memory_and_dephasing_are_told_apart() -> None:
    """A shorter T1 alone, with the T2 that follows from it, is memory and not dephasing."""
    before = changed(t1_s=1.0, t2_s=0.5)
    after = replace(before, t1_s=0.2, t2_s=1 / (1 / 0.4 + 1.5))  # 1/Tphi = 1/0.5 - 1/2 = 1.5 in both
    shares = attribute(before, after)
    assert shares["memory"] == pytest.approx(1.0)
    assert shares["dephasing"] == pytest.approx(0.0, abs=1e-9)


def test_no_drop_explains_nothing() -> None:
    """Equal or better capacity gives zero for every parameter."""
    assert set(attribute(baseline(), baseline()).values()) == {0.0}
    assert set(attribute(baseline(), now(physical_loss_ratio=0.5)).values()) == {0.0}


def test_a_dead_link_is_still_explained() -> None:
    """Where capacity is zero now, shares still sum to 1."""
    shares = attribute(baseline(), changed(fidelity=0.5, gate_error=0.3))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["fidelity"] > 0.1


def test_unknown_parameters_leave_the_explanation_unknown() -> None:
    """A NaN is never counted as zero."""
    assert np.isnan(attribute(baseline(), changed(t1_s=float("nan")))["loss"])


def test_many_links_at_once_equal_a_loop() -> None:
    """An array of links is attributed as each link alone."""
    losses = np.linspace(6, 12, 5)
    together = attribute(baseline(), replace(now(**WORSE), loss_db=losses))
    for i, loss in enumerate(losses):
        alone = attribute(baseline(), replace(now(**WORSE), loss_db=float(loss)))
        for name, share in alone.items():
            assert np.asarray(together[name])[i] == pytest.approx(share, rel=1e-12)


@given(st.lists(st.floats(-10, 10), min_size=16, max_size=16))
def test_values_equal_the_mean_over_all_orders(game: list[float]) -> None:
    """For any game of four players the matrix gives the average marginal gain over all 24 orders."""
    values = np.array(game)
    expected = np.zeros(4)
    for order in permutations(range(4)):
        seen = 0
        for player in order:
            expected[player] += values[seen | 1 << player] - values[seen]
            seen |= 1 << player
    np.testing.assert_allclose(shapley(values), expected / 24, atol=1e-12)


def test_coalitions_are_all_subsets_once() -> None:
    """256 different rows for eight players."""
    assert len({tuple(row) for row in coalitions(8)}) == 256
