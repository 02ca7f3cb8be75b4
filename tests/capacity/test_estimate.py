"""The estimate of a link: planning beside asymptotic, factors that multiply, limits that are named."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity.estimate import PLANNED, PLANNED_KEY, estimate, finite_key_rate, units
from bot.capacity.history import over_time
from bot.capacity.link import capacity
from bot.capacity.variation import scatter
from bot.model.telemetry import Quality, SignalWindow, Window
from tests.support.capacity_links import HEALTHY, LINK, baseline, changed, now

CAPACITY = "capacity_qubits_per_s"


@given(st.floats(0, 40), st.floats(0.9, 1.0), st.floats(0, 0.05), st.sampled_from([100, 1000, 5000]))
def test_planning_never_promises_more_than_the_bounds(loss: float, fidelity: float, gate: float, uses: int) -> None:
    """Finite block <= hashing <= relative-entropy bound, whatever the link."""
    answer = estimate(baseline(), changed(loss_db=loss, fidelity=fidelity, gate_error=gate), uses=uses).now
    assert 0 <= answer[PLANNED] <= answer[CAPACITY] + 1e-9
    assert answer[CAPACITY] <= answer["capacity_upper_qubits_per_s"] + 1e-9
    assert 0 <= answer[PLANNED_KEY] <= answer["secret_key_rate"] + 1e-9


def test_longer_blocks_plan_closer_to_the_asymptotic_capacity() -> None:
    """More pairs per block, less is lost to finite size; at 50,000 pairs within a tenth."""
    planned = [estimate(baseline(), baseline(), uses=uses).now[PLANNED] for uses in (100, 1000, 50_000)]
    assert planned == sorted(planned)
    assert planned[-1] > 0.9 * float(capacity(baseline()))


def test_the_factors_multiply_to_the_capacity() -> None:
    """Attempts x arrivals x heralding x supply x in time x qubits per pair is the asymptotic capacity."""
    answer = estimate(baseline(), now(physical_loss_ratio=0.9, entanglement_consumption_rate=300.0))
    for side, told in ((0, answer.baseline), (1, answer.now)):
        assert prod(pair[side] for pair in answer.factors.values()) == pytest.approx(told[CAPACITY], rel=1e-9)


@pytest.mark.parametrize(
    ("signals", "limit"),
    [
        ({"physical_loss_ratio": 0.95}, "photons that arrive"),
        ({"entanglement_consumption_rate": 900.0, "entanglement_pool_level": 0.0}, "requests that find a pair"),
        ({"decode_latency_p50": 0.3, "decode_latency_p99": 1.0}, "decoded in time"),
        ({"channel_fidelity": 0.93}, "qubits per pair"),
        ({}, "photons that arrive"),
    ],
)
def test_the_limit_is_the_factor_that_fell_most_or_else_the_smallest(signals: dict[str, float], limit: str) -> None:
    """One factor pushed down at a time; in health 27% of the photons arrive, the smallest factor of all."""
    assert estimate(baseline(), now(**signals)).limit == limit


def test_a_drop_within_the_usual_scatter_is_not_explained() -> None:
    """Loss that scatters by 0.5 dB hides a drop of 0.1 dB, and does not hide one of 6 dB."""
    usual = [scatter("loss_db", 0.5)]
    loss = float(np.asarray(baseline().loss_db))
    assert estimate(baseline(), changed(loss_db=loss + 0.1), usual).shares == {}
    assert estimate(baseline(), changed(loss_db=loss + 6), usual).shares["loss"] == pytest.approx(1.0)


def test_without_a_known_scatter_a_twentieth_is_no_drop() -> None:
    """0.05 dB costs 1.1% of the pairs, which nobody can tell from noise; 1 dB costs a fifth."""
    loss = float(np.asarray(baseline().loss_db))
    assert estimate(baseline(), changed(loss_db=loss + 0.05)).shares == {}
    assert estimate(baseline(), changed(loss_db=loss + 1)).shares["loss"] == pytest.approx(1.0)


def test_what_is_unknown_stays_unknown() -> None:
    """Without T2 neither capacity nor its limit is claimed; pairs still are."""
    answer = estimate(baseline(), changed(t2_s=float("nan")))
    assert np.isnan([answer.now[CAPACITY], answer.now[PLANNED]]).all()
    assert answer.limit is None
    assert np.isfinite(answer.now["entanglement_rate"])
    assert np.isnan(finite_key_rate(float("nan"), 0.01))


def test_every_quantity_has_a_unit() -> None:
    """What is told can be labelled."""
    assert all(units(name) for name in estimate(baseline(), baseline()).now)


def test_a_key_needs_enough_bits() -> None:
    """An hour of 1,000 pairs/s gives a key at 1% QBER, an hour of 0.1 pairs/s gives none, nor does a QBER of 12%."""
    assert 0 < finite_key_rate(1000.0, 0.01) < 500.0
    assert finite_key_rate(0.1, 0.01) == 0.0
    assert finite_key_rate(1000.0, 0.12) == 0.0


def _window(rows: dict[str, list[float]]) -> Window:
    times = np.arange(6, dtype=np.float64) * 15
    nodes = ("coherence_t1", "coherence_t2", "measurement_variance")
    signals = {
        name: SignalWindow(
            signal=name,
            subjects=LINK.ends if name in nodes else (LINK.id,),
            times=times,
            values=np.array([values, values] if name in nodes else [values]),
            quality=(Quality.FRESH,) * (2 if name in nodes else 1),
            age_s=np.zeros(2 if name in nodes else 1),
        )
        for name, values in rows.items()
    }
    return Window(start=0.0, end=75.0, step=15.0, signals=signals, rate_window=15.0)


def test_capacity_over_time_is_the_model_at_each_instant() -> None:
    """A row of samples gives at each instant what the samples of that instant give alone."""
    coherence = [1.4, 1.4, 0.8, 0.2, 0.1, 0.05]
    rows = {name: [value] * 6 for name, value in HEALTHY.items()} | {"coherence_t2": coherence}
    times, told = over_time(LINK, _window(rows), baseline())
    assert times.shape == (6,)
    for at, t2 in enumerate(coherence):
        assert told[CAPACITY][at] == pytest.approx(float(capacity(now(coherence_t2=t2))))


def test_instants_without_a_sign_of_life_are_unknown() -> None:
    """Before the first pair was counted, and for the rate window after, and in a gap: NaN, not the baseline."""
    nan = float("nan")
    rows = {name: [value] * 6 for name, value in HEALTHY.items()}
    rows["entanglement_rate"] = [nan, 120.0, 120.0, 120.0, nan, 120.0]
    _, told = over_time(LINK, _window(rows), baseline())
    np.testing.assert_array_equal(np.isnan(told[CAPACITY]), [True, True, False, False, True, False])


def test_an_empty_window_has_no_history() -> None:
    """Nothing scraped, nothing told."""
    times, told = over_time(LINK, _window({}), baseline())
    assert times.size == 0
    assert told == {}
