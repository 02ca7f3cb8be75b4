"""One signal beside the band that it kept: what runbooks and people compare the present with."""

import numpy as np
import pytest

from bot.diagnosis.reading import reading
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

END = 1_790_000_000.0
STEP = 15.0
TOTAL = 241


def window(values: FloatArray, *, signal: str = "coherence_t2", quality: Quality = Quality.FRESH) -> Window:
    """A window that holds one series of one subject and ends at END."""
    times = np.asarray(END - STEP * np.arange(len(values))[::-1], dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    age = np.array([END - times[known[-1]] if known.size else np.inf])
    series = SignalWindow(
        signal=signal, subjects=("a",), times=times, values=values[None, :], quality=(quality,), age_s=age
    )
    return Window(start=float(times[0]), end=END, step=STEP, signals={signal: series})


def noisy(level: float = 1.0, relative: float = 0.01) -> FloatArray:
    """An hour of normal noise."""
    return np.random.default_rng(1).normal(level, relative * level, TOTAL)


def test_the_value_is_the_last_known_sample() -> None:
    """With its age, and the quality that telemetry gave it."""
    values = noisy()
    values[-4:] = np.nan
    seen = reading(window(values), "coherence_t2", "a", END)
    assert (seen.value, seen.quality, seen.age_s) == (values[-5], "fresh", 4 * STEP)


def test_the_band_is_the_median_with_four_spreads_to_either_side() -> None:
    """For normal noise of 5% that is 1 ± 0.2; a robust spread from 241 samples is right to a tenth or so."""
    seen = reading(window(noisy(relative=0.05)), "coherence_t2", "a", END)
    assert seen.baseline == pytest.approx(1.0, abs=0.015)
    assert seen.baseline_low == pytest.approx(0.8, abs=0.04)
    assert seen.baseline_high == pytest.approx(1.2, abs=0.04)


def test_a_flat_history_still_leaves_a_band_of_five_percent() -> None:
    """Runbooks ask for recovery, not for coincidence."""
    seen = reading(window(np.full(TOTAL, 2.0)), "coherence_t2", "a", END)
    assert seen.baseline == 2.0
    assert seen.baseline_low == pytest.approx(1.9)
    assert seen.baseline_high == pytest.approx(2.1)


def test_a_queue_that_was_empty_may_hold_a_few() -> None:
    """Five percent of nothing is nothing: counts have a band of four transfers."""
    seen = reading(window(np.zeros(TOTAL), signal="transfer_queue_length"), "transfer_queue_length", "a", END)
    assert seen.baseline_high == 4.0


def test_a_few_spikes_do_not_move_the_middle() -> None:
    """Four absurd samples of 241 shift the median by less than a thousandth."""
    values = noisy()
    spiked = values.copy()
    spiked[[10, 50, 90, 130]] = 1e6
    clean, dirty = (reading(window(each), "coherence_t2", "a", END) for each in (values, spiked))
    assert clean.baseline is not None
    assert dirty.baseline == pytest.approx(clean.baseline, rel=1e-3)


@pytest.mark.parametrize(("signal", "subject"), [("coherence_t2", "b"), ("coherence_t1", "a")])
def test_what_is_not_measured_has_no_value(signal: str, subject: str) -> None:
    """Another subject, another signal: missing, infinitely old, and never zero."""
    seen = reading(window(noisy()), signal, subject, END)
    assert (seen.value, seen.quality, seen.age_s, seen.baseline) == (None, "missing", np.inf, None)


def test_a_series_without_a_sample_has_no_value() -> None:
    """A row of NaN is as good as none."""
    seen = reading(window(np.full(TOTAL, np.nan), quality=Quality.MISSING), "coherence_t2", "a", END)
    assert seen.value is None
    assert seen.baseline_low is None


def test_a_stale_series_says_so() -> None:
    """The last value stands there, with its age and the word stale."""
    values = noisy()
    values[-40:] = np.nan
    seen = reading(window(values, quality=Quality.STALE), "coherence_t2", "a", END)
    assert (seen.quality, seen.age_s) == ("stale", 40 * STEP)
