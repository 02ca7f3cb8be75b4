"""What a diagnosis keeps to be drawn."""

import numpy as np
import pytest

from bot.diagnosis.traces import with_traces
from bot.model.diagnosis import Diagnosis, Evidence, Finding
from bot.model.network import Subject
from bot.model.telemetry import Quality, SignalWindow, Window

LINK = Subject(kind="link", id="a-b")
TIMES = np.arange(0.0, 3600.0, 15.0)
ONSET = 3000.0


def window(values: np.ndarray, signal: str = "physical_loss_ratio") -> Window:
    """One signal of one link over an hour."""
    series = SignalWindow(signal, ("a-b",), TIMES, values[None, :], (Quality.FRESH,), np.zeros(1))
    return Window(start=0.0, end=float(TIMES[-1]), step=15.0, signals={signal: series})


def diagnosis(*signals: str) -> Diagnosis:
    """A fault with a piece of evidence for each signal."""
    evidence = tuple(Evidence(signal=name, why="", subject=LINK, observed=0.9, onset=ONSET) for name in signals)
    finding = Finding(mode="F1", name="excess loss", confidence=1, subject=LINK, evidence=evidence, runbook="f1")
    return Diagnosis(link="a-b", at=3600.0, verdict="fault", summary="", findings=(finding,))


def test_a_trace_holds_the_band_from_before_the_onset() -> None:
    """Median 0.2, median absolute deviation 0.01: three times 1.4826 times that to either side (normal law)."""
    values = np.where(TIMES < ONSET, 0.2 + 0.01 * (-1) ** np.arange(TIMES.size), 0.9)
    (trace,) = with_traces(diagnosis("physical_loss_ratio"), window(values)).traces
    assert (trace.low, trace.high) == pytest.approx((0.2 - 0.044478, 0.2 + 0.044478))
    assert (trace.onset, trace.end, trace.values[-1]) == (ONSET, TIMES[-1], 0.9)


def test_a_long_history_is_thinned_and_keeps_its_last_value() -> None:
    """At most 120 points; a gap stays unknown."""
    values = np.where(TIMES > 3500, np.nan, TIMES)
    values[-1] = 7.0
    (trace,) = with_traces(diagnosis("physical_loss_ratio"), window(values)).traces
    assert len(trace.values) == 120
    assert trace.step == 30.0
    assert (trace.values[-1], trace.values[-2]) == (7.0, None)


def test_a_signal_is_drawn_once_and_only_where_it_is_known() -> None:
    """Two pieces of evidence about one signal make one trace; a signal without values makes none."""
    told = diagnosis("physical_loss_ratio", "physical_loss_ratio", "qber")
    assert [each.signal for each in with_traces(told, window(np.ones(TIMES.size))).traces] == ["physical_loss_ratio"]
    assert with_traces(told, window(np.full(TIMES.size, np.nan))).traces == ()
