"""Telemetry as strangers have it: other intervals, gaps, few counts, no traffic, daily swings, young and old faults.

Every case is a story of `tests/diagnosis/story.py`: rates and probabilities, counted with a seed.
"""

import dataclasses

import numpy as np
import pytest

from bot.diagnosis.engine import diagnose
from bot.diagnosis.rules import Rules
from bot.model.telemetry import Quality
from tests.diagnosis.story import AT, OPTIONAL, RULES, WIRES, Story, modes

EVERYWHERE = tuple(WIRES)


def quiet(story: Story, *, besides: tuple[str, ...] = ()) -> None:
    """Every link but these is healthy."""
    for link, found in story.diagnose().items():
        assert link in besides or found.verdict == "healthy", found.summary


@pytest.mark.parametrize(
    ("step", "scrape", "rate_window", "history"),
    [
        (5.0, 5.0, 120.0, 3600.0),
        (15.0, 15.0, 300.0, 1800.0),
        (15.0, 60.0, 300.0, 3600.0),
        (30.0, 30.0, 600.0, 3600.0),
        (60.0, 60.0, 300.0, 3600.0),
        (15.0, 15.0, 300.0, 7200.0),
    ],
)
@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_faults_are_told_at_every_interval_and_window(
    *, step: float, scrape: float, rate_window: float, history: float, lost: float
) -> None:
    """6 dB of loss on one link and a hot node elsewhere, ten minutes old, with and without a fifth of the scrapes."""
    story = Story(seed=3, step=step, scrape=scrape, rate_window=rate_window, history=history, lost=lost)
    story.lose(["a-h"], 6.0, 600)
    story.scale("device_temperature", ["d"], 1.15, 600)
    story.scale("coherence_t2", ["d"], 0.7, 480)
    found = story.diagnose()
    assert modes(found["a-h"]) == [("F1", "a-h")]
    assert modes(found["c-d"]) == [("F8", "d")]
    quiet(story, besides=("a-h", "c-d"))


@pytest.mark.parametrize("scrape", [15.0, 60.0])
def test_one_absurd_sample_is_no_fault_however_rarely_it_is_scraped(scrape: float) -> None:
    """A spike that is scraped once a minute and read every 15 s is told four times, and is still one sample."""
    story = Story(seed=4, scrape=scrape)
    last = story.times > AT - scrape
    for signal, factor in (("channel_fidelity", 0.6), ("coherence_t2", 0.3), ("device_temperature", 2.0)):
        for name, row in story.of[signal].items():
            story.of[signal][name] = np.where(last, row * factor, row)
    quiet(story)


@pytest.mark.parametrize("seed", range(5))
def test_hardware_without_optional_metrics_is_healthy_and_its_correlated_noise_is_still_told(seed: int) -> None:
    """No correlation, error ratio or key rate: five times as many failed transfers are correlated noise by counts."""
    story = Story(seed=seed, without=set(OPTIONAL))
    story.scale("failure", ["a-h"], 5.0, 900)
    assert modes(story.diagnose()["a-h"]) == [("F2", "a-h")]
    quiet(story, besides=("a-h",))


@pytest.mark.parametrize("seed", range(5))
def test_links_with_hardly_any_traffic_raise_nothing(seed: int) -> None:
    """One transfer in 50 s, 20 photons a second: a few failures in a row are chance."""
    story = Story(seed=seed)
    for quantity, rate in {"transfers": 0.02, "sent": 20.0, "attempts": 300.0, "consumed": 0.2, "rounds": 5.0}.items():
        for link in EVERYWHERE:
            story.of[quantity][link][:] = rate
    quiet(story)


def test_a_link_that_nobody_uses_is_healthy() -> None:
    """Without transfers their shares and times do not exist; nothing is missing and nothing is wrong."""
    story = Story(seed=5)
    story.of["transfers"]["a-h"][:] = 0.0
    for signal in ("decode_latency_p50", "decode_latency_p99"):
        story.of[signal]["a-h"][:] = np.nan
    found = story.diagnose()["a-h"]
    assert (found.verdict, found.missing) == ("healthy", ())
    assert "no transfers" in found.summary


def test_a_link_without_pool_is_unknown_but_its_loss_is_told() -> None:
    """The pool decides exhaustion, so that nobody may call the link healthy; loss shows elsewhere."""
    story = Story(seed=6, without={"entanglement_pool_level"})
    story.lose(["a-h"], 5.0, 600)
    found = story.diagnose()
    assert modes(found["a-h"]) == [("F1", "a-h")]
    assert found["b-h"].verdict == "unknown"
    assert found["b-h"].missing == ("entanglement_pool_level",)
    assert "(F4)" in found["b-h"].summary


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_swing_of_a_day_raises_nothing(hour: int) -> None:
    """Demand of plus or minus half over 24 h, queue and slots with it, at every time of day."""
    story = Story(seed=hour)
    swing = 1 + 0.5 * np.sin(2 * np.pi * ((story.times - AT) / 86_400 + hour / 24))
    for link in EVERYWHERE:
        for quantity in ("transfers", "consumed"):
            story.of[quantity][link] = story.of[quantity][link] * swing
        story.of["slot_utilisation"][link] = 0.5 * swing
        story.of["transfer_queue_length"][link] = np.round(2 * swing)
    quiet(story)


def test_a_reset_of_counters_is_no_burst() -> None:
    """A device that starts again leaves a gap in its rates and comes back as it was."""
    story = Story(seed=7)
    story.of["device_up"]["a"] = 1 - story.since(900) + story.since(840)
    for quantity in ("transfers", "sent", "attempts", "rounds", "consumed"):
        story.of[quantity]["a-h"] = story.of[quantity]["a-h"] * story.of["device_up"]["a"]
    quiet(story)


@pytest.mark.parametrize("age_s", [75.0, 120.0])
@pytest.mark.parametrize("step", [5.0, 15.0])
def test_a_young_fault_is_told(step: float, age_s: float) -> None:
    """A rate window of 300 s holds a quarter of the fault only: 6 dB of loss are told, and at their true size."""
    story = Story(seed=8, step=step, scrape=step)
    story.lose(["a-h"], 6.0, age_s)
    found = story.diagnose()["a-h"]
    assert modes(found) == [("F1", "a-h")]
    assert found.capacity is not None
    sizes = [-10 * np.log10(1 - side["physical_loss_ratio"]) for side in (found.capacity.baseline, found.capacity.now)]
    assert sizes[1] - sizes[0] == pytest.approx(6.0, abs=1.5)


@pytest.mark.parametrize("age_s", [2100.0, 2700.0])
def test_a_fault_older_than_half_of_the_window_is_told(age_s: float) -> None:
    """Most of the hour is after the onset; what came before is still the baseline."""
    story = Story(seed=9)
    story.lose(["a-h"], 4.0, age_s)
    story.scale("coherence_t2", ["d"], 0.6, age_s)
    story.firmware["d"] = story.since(age_s)
    found = story.diagnose()
    assert modes(found["a-h"]) == [("F1", "a-h")]
    assert modes(found["c-d"]) == [("F5", "d")]


@pytest.mark.parametrize(("decibels", "expected"), [(0.3, []), (1.2, [("F1", "a-h")])])
def test_loss_near_the_limit_is_told_from_a_decibel_on(decibels: float, expected: list[tuple[str, str]]) -> None:
    """0.3 dB is a cold connector; from 1.2 dB on a link is worth a look."""
    story = Story(seed=10)
    story.lose(["a-h"], decibels, 900)
    assert modes(story.diagnose()["a-h"]) == expected


@pytest.mark.parametrize("feature", ["coherence_t1", "coherence_t2", "channel_fidelity"])
def test_a_firmware_regression_shows_in_any_of_its_signs(feature: str) -> None:
    """T1, T2 or the channel tests of all its links: one step at the change of version is enough."""
    story = Story(seed=11)
    where = ["c-h", "c-d"] if feature == "channel_fidelity" else ["c"]
    story.scale(feature, where, 0.93 if feature == "channel_fidelity" else 0.65, 600)
    story.firmware["c"] = story.since(630)
    assert modes(story.diagnose()["c-d"]) == [("F5", "c")]


def test_what_no_mode_explains_is_unknown_and_not_healthy() -> None:
    """T2 halves with no change of firmware and no heat: nobody knows why, and the summary says what."""
    story = Story(seed=12)
    story.scale("coherence_t2", ["c"], 0.5, 900)
    found = story.diagnose()["c-d"]
    assert found.verdict == "unknown"
    assert "T2 of c fell from 1 s to 500 ms" in found.summary or "T2 of c fell from" in found.summary


def test_effects_that_began_long_before_their_cause_are_not_explained_by_it() -> None:
    """Readout drifts for half an hour before a firmware step: two faults, the older first."""
    story = Story(seed=13)
    drift = np.clip((story.times - (AT - 2400)) / 2400, 0, 1)
    story.of["measurement_variance"]["c"] = 0.1 * (1 + 1.5 * drift)
    for link in ("c-h", "c-d"):
        story.of["syndrome"][link] = 0.02 * (1 + 0.6 * drift)
    story.scale("coherence_t2", ["c"], 0.5, 300)
    story.firmware["c"] = story.since(300)
    assert set(modes(story.diagnose()["c-d"])) == {("F6", "c"), ("F5", "c")}


def test_the_rules_decide_and_not_the_engine() -> None:
    """Without a mode its fault is not named."""
    story = Story(seed=14)
    story.lose(["a-h"], 6.0, 900)
    without = Rules(tuple(mode for mode in RULES.modes if mode.mode != "F1"))
    assert story.diagnose(without)["a-h"].verdict == "unknown" or not modes(story.diagnose(without)["a-h"])


def test_a_cold_stage_that_warms_beside_a_warm_rack_is_a_thermal_event() -> None:
    """The hottest sensor is the rack and stays; where telemetry tells the coldest one apart, the stage decides."""
    story = Story(seed=15)
    story.scale("coherence_t2", ["c"], 0.7, 600)
    window = story.window()
    rack = window.signals["device_temperature"]
    warmed = np.array([0.02 * (1 + 0.15 * (name == "c") * (rack.times > AT - 660)) for name in rack.subjects])
    stage = dataclasses.replace(rack, signal="device_temperature_coldest", values=warmed)
    both = dataclasses.replace(window, signals={**window.signals, stage.signal: stage})
    without, told = (
        diagnose(link="c-d", network=story.place, window=each, at=AT, rules=RULES) for each in (window, both)
    )
    assert without.verdict == "unknown"
    assert modes(told) == [("F8", "c")]
    assert "temperature (coldest sensor) rose from 20 to 23 mK" in told.summary


@pytest.mark.parametrize("level", [np.nan, 1.0])
def test_telemetry_that_never_moves_or_was_never_there_breaks_nothing(level: float) -> None:
    """No sample at all is unknown, with every deciding signal named; flat lines are as healthy as noisy ones."""
    window = Story(seed=16).window()
    signals = {
        name: dataclasses.replace(
            series,
            values=np.where(np.isnan(level), np.nan, np.broadcast_to(series.values[:, :1], series.values.shape)),
            quality=tuple(Quality.MISSING if np.isnan(level) else Quality.FRESH for _ in series.subjects),
        )
        for name, series in window.signals.items()
    }
    still = dataclasses.replace(window, signals=signals)
    found = diagnose(link="c-d", network=Story().place, window=still, at=AT, rules=RULES)
    assert found.verdict == ("unknown" if np.isnan(level) else "healthy")
    assert ("physical_loss_ratio" in found.missing) == bool(np.isnan(level))


def test_a_link_that_has_failed_all_along_is_not_called_healthy() -> None:
    """A fault older than the history leaves no shift in it; a third of the transfers failing is no health."""
    story = Story(seed=6)
    story.scale("failure", ["a-h"], 0.33 / float(np.median(story.of["failure"]["a-h"])), 1e9)
    found = story.diagnose()
    assert found["a-h"].verdict == "unknown"
    assert "far below the promise" in found["a-h"].summary
    quiet(story, besides=("a-h",))
