"""Shifts of series: where the change is, how large, and what does not count as one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.diagnosis.shifts import RECENT, SIGNIFICANT, Shifts, shifts
from bot.model.telemetry import FloatArray

STEP = 15.0
TOTAL = 240
"""An hour of samples."""
QUIET = 0.01
seeds = st.integers(0, 2**32 - 1)
onsets = st.integers(TOTAL // 3, TOTAL - 8)


def times() -> FloatArray:
    """Instants every 15 s."""
    return np.asarray(1_790_000_000.0 + STEP * np.arange(TOTAL), dtype=np.float64)


def white(seed: int, *, rows: int = 1) -> FloatArray:
    """Normal noise of standard deviation 1, shape (rows, T)."""
    return np.random.default_rng(seed).normal(0.0, 1.0, (rows, TOTAL))


def found(values: FloatArray, *, quiet: float = QUIET) -> Shifts:
    """The shifts of these rows."""
    return shifts(values, times(), quiet=quiet)


@given(seed=seeds, onset=onsets, size=st.floats(30.0, 100.0), sign=st.sampled_from([-1.0, 1.0]))
@settings(max_examples=60, deadline=None)
def test_a_step_is_found_at_its_sample(seed: int, onset: int, size: float, sign: float) -> None:
    """Onset is where a fifth of the change is passed: from 30 standard deviations on, noise does not pass that."""
    values = white(seed)
    values[:, onset:] += sign * size
    result = found(values)
    assert result.onset[0] == times()[onset]
    assert abs(result.size[0] - sign * size) < 3.0
    assert result.steepness[0] > 0.7


@given(seed=seeds, onset=onsets, at=st.integers(1, TOTAL - 2), spike=st.floats(-1e6, 1e6))
@settings(max_examples=60, deadline=None)
def test_a_single_spike_moves_neither_the_baseline_nor_the_present_level(
    seed: int, onset: int, at: int, spike: float
) -> None:
    """Medians: one absurd sample shifts them by less than the noise, wherever it lies."""
    values = white(seed)
    values[:, onset:] += 20.0
    spiked = values.copy()
    spiked[:, at] = spike
    clean, dirty = found(values), found(spiked)
    assert abs(dirty.now[0] - clean.now[0]) < 3.0
    assert abs(dirty.baseline[0] - clean.baseline[0]) < 0.75


@given(seed=seeds, spike=st.floats(-1e6, 1e6), at=st.integers(0, TOTAL - 1))
@settings(max_examples=60, deadline=None)
def test_a_spike_in_a_steady_series_is_no_shift(seed: int, spike: float, at: int) -> None:
    """The present level stays within the noise of the baseline."""
    values = white(seed)
    values[:, at] = spike
    result = found(values)
    assert abs(result.size[0]) < SIGNIFICANT * max(result.spread[0], 0.5)


@given(seed=seeds, onset=onsets, lost=st.lists(st.integers(0, TOTAL - RECENT - 1), max_size=40, unique=True))
@settings(max_examples=60, deadline=None)
def test_gaps_move_neither_baseline_nor_size(seed: int, onset: int, lost: list[int]) -> None:
    """A missing sample is not a zero; a sixth of the samples may be missing."""
    values = white(seed)
    values[:, onset:] += 20.0
    gappy = values.copy()
    gappy[:, lost] = np.nan
    whole, partial = found(values), found(gappy)
    assert abs(partial.baseline[0] - whole.baseline[0]) < 0.75
    assert abs(partial.size[0] - whole.size[0]) < 2.0


@given(level=st.floats(-1e6, 1e6))
@settings(deadline=None)
def test_a_constant_series_has_no_onset(level: float) -> None:
    """Nothing happened, so nothing began."""
    result = found(np.full((1, TOTAL), level))
    assert np.isnan(result.onset[0])
    assert result.size[0] == 0
    assert result.spread[0] == QUIET


@given(seed=seeds, onset=onsets, factor=st.floats(1e-3, 1e3))
@settings(max_examples=60, deadline=None)
def test_the_unit_does_not_matter(seed: int, onset: int, factor: float) -> None:
    """Baseline, spread and size scale with the series; onset and steepness stay as they are."""
    values = white(seed)
    values[:, onset:] += 20.0
    one, other = found(values), found(values * factor, quiet=QUIET * factor)
    for name in ("baseline", "spread", "now"):
        np.testing.assert_allclose(getattr(other, name), factor * getattr(one, name), rtol=1e-6)
    np.testing.assert_array_equal(one.onset, other.onset)
    np.testing.assert_allclose(one.steepness, other.steepness, rtol=1e-6)


def test_noise_alone_is_hardly_ever_significant() -> None:
    """Of 2000 series of white noise fewer than 1 in 100 seems to have shifted by the significant number of spreads.

    A normal law would give 1 in 16 000; medians of a short history and the choice of the split have heavier tails.
    """
    result = found(white(1, rows=2000), quiet=1e-6)
    assert (np.abs(result.size) > SIGNIFICANT * result.spread).mean() < 0.01


def test_a_drift_is_not_steep_and_a_step_is() -> None:
    """Over 30 minutes a tenth at most happens within two minutes, by definition."""
    drift = np.concatenate([np.zeros(TOTAL // 2), np.linspace(0.0, 20.0, TOTAL // 2)])
    step = np.concatenate([np.zeros(TOTAL // 2), np.full(TOTAL // 2, 20.0)])
    steepness = found(np.stack([drift, step]) + white(2, rows=2) * 0.1).steepness
    assert steepness[0] < 0.2
    assert steepness[1] > 0.9


def test_too_short_a_history_has_no_baseline() -> None:
    """Nine samples are not enough; nothing is said rather than something wrong."""
    values = np.full((1, TOTAL), np.nan)
    values[:, -9:] = 1.0
    assert np.isnan(found(values).baseline[0])


def test_a_series_without_any_sample_says_nothing() -> None:
    """All NaN in, NaN out, and no warning."""
    result = found(np.full((1, TOTAL), np.nan))
    assert np.isnan([result.baseline[0], result.now[0], result.onset[0]]).all()
