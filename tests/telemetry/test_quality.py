"""What counts as known: the same for both sources, on samples written by hand."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from bot.clock import SystemClock
from bot.model.telemetry import Quality, SignalWindow
from bot.settings import Far
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.telemetry.prometheus import PrometheusTelemetry
from tests.support.prometheus import backfill, running_prometheus
from tests.support.qnet_series import BASE, INTERVAL

SOURCES = ["embedded", pytest.param("prometheus", marks=pytest.mark.needs("prometheus"))]
Rows = Mapping[str, Sequence[float | None]]
"""Series as text -> a value per scrape; None where the scrape lacks it."""

PAIRS = "qnet_entangled_pairs_total"
NAN, INFINITE = float("nan"), float("inf")


@asynccontextmanager
async def told(
    source: str, rows: Rows, folder: Path, *, scrape_interval_s: float = INTERVAL
) -> AsyncIterator[EmbeddedTelemetry | PrometheusTelemetry]:
    """A source that was told `rows`, the first value at BASE and then one each 15 s."""
    scrapes = max(len(values) for values in rows.values())
    table = [(name, number, value) for name, values in rows.items() for number, value in enumerate(values)]
    if source == "embedded":
        own = EmbeddedTelemetry(["http://exporter"], clock=SystemClock(), scrape_interval_s=scrape_interval_s)
        for scrape in range(scrapes):
            lines = [
                f"{name} {text(value)}\n" for name, number, value in table if number == scrape and value is not None
            ]
            own.feed("http://exporter", BASE + INTERVAL * scrape, "".join(lines))
        yield own
        await own.aclose()
        return
    lines = [f"{name} {text(value)} {BASE + INTERVAL * at}\n" for name, at, value in table if value is not None]
    async with running_prometheus(folder, database=backfill("".join(lines) + "# EOF\n", folder)) as address:
        real = PrometheusTelemetry(Far(url=address), scrape_interval_s=scrape_interval_s)
        yield real
        await real.aclose()


def text(value: float) -> str:
    """A sample's value in the text format."""
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), repr(float(value)))


async def window(
    source: EmbeddedTelemetry | PrometheusTelemetry, signal: str, start: float, end: float, step: float = INTERVAL
) -> SignalWindow:
    """One signal from `start` to `end`, seconds after BASE."""
    answer = await source.window([signal], start=BASE + start, end=BASE + end, step=step)
    return answer.signals[signal]


@pytest.mark.parametrize("source", SOURCES)
async def test_impossible_samples_are_out_of_range_and_their_neighbours_stay(source: str, tmp_path: Path) -> None:
    """Negative, infinite and above one: unknown, never zero. NaN is no sample at all."""
    bad = {"negative": -0.25, "infinite": INFINITE, "minus": -INFINITE, "above": 1.25, "nan": NAN}
    rows = {f'qnet_qber_ratio{{link="{link}"}}': [value] * 4 for link, value in bad.items()}
    rows |= {'qnet_qber_ratio{link="good"}': [0.125] * 4, 'qnet_qber_ratio{link="healed"}': [-1.0, -1.0, 0.5, 0.5]}
    rows |= {'qnet_qber_ratio{link="broken"}': [0.5, 0.5, 0.5, -1.0]}
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "qber", 0, 45)
    for link in ("negative", "infinite", "minus", "above"):
        assert signal.quality_of(link) is Quality.OUT_OF_RANGE, link
        assert signal.last(link) is None, link
    assert signal.quality_of("nan") is Quality.MISSING
    assert signal.quality_of("good") is Quality.FRESH
    assert signal.quality_of("healed") is Quality.FRESH
    assert signal.quality_of("broken") is Quality.OUT_OF_RANGE
    np.testing.assert_array_equal(signal.row("good"), [0.125] * 4)
    np.testing.assert_array_equal(signal.row("healed"), [np.nan, np.nan, 0.5, 0.5])
    np.testing.assert_array_equal(signal.row("broken"), [0.5, 0.5, 0.5, np.nan])
    assert signal.age_s[signal.subjects.index("broken")] == INTERVAL


@pytest.mark.parametrize("source", SOURCES)
async def test_a_gauge_is_stale_after_five_scrape_intervals(source: str, tmp_path: Path) -> None:
    """75 s after the last sample of a 15 s scrape; the last value and its age stay readable."""
    rows: Rows = {'qnet_qber_ratio{link="a"}': [0.25] * 5, 'qnet_qber_ratio{link="b"}': [0.5] * 20}
    last_sample = 60.0
    async with told(source, rows, tmp_path) as telemetry:
        fresh = await window(telemetry, "qber", 0, last_sample + 74, step=1)
        stale = await window(telemetry, "qber", 0, last_sample + 76, step=1)
        gone = await window(telemetry, "qber", last_sample + 76, last_sample + 90, step=1)
    assert (fresh.quality_of("a"), stale.quality_of("a")) == (Quality.FRESH, Quality.STALE)
    assert stale.last("a") == 0.25
    assert stale.age_s[0] in (1.0, 2.0), "the value is carried on for 75 s, Prometheus 3 leaves the last instant out"
    assert gone.quality_of("a") is Quality.MISSING
    assert gone.quality_of("b") is Quality.FRESH


@pytest.mark.parametrize("source", SOURCES)
async def test_a_rate_is_stale_as_soon_as_its_counter_is(source: str, tmp_path: Path) -> None:
    """A rate over 300 s would still find two samples minutes after the exporter died."""
    rows: Rows = {f'{PAIRS}{{link="a"}}': [100.0 * scrape for scrape in range(21)]}
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "entanglement_rate", 0, 300 + 76, step=1)
    assert signal.quality_of("a") is Quality.STALE
    row = signal.row("a")
    assert row is not None
    assert np.isfinite(row[300])
    assert np.isnan(row[300 + 76])


@pytest.mark.parametrize("source", SOURCES)
async def test_five_intervals_follow_the_configured_interval(source: str, tmp_path: Path) -> None:
    """At 60 s between scrapes, 300 s are not too old."""
    rows: Rows = {'qnet_qber_ratio{link="a"}': [0.25], 'qnet_qber_ratio{link="b"}': [0.5] * 40}
    async with told(source, rows, tmp_path, scrape_interval_s=60.0) as telemetry:
        signal = await window(telemetry, "qber", 0, 299, step=1)
        later = await window(telemetry, "qber", 0, 301, step=1)
    assert signal.quality_of("a") is Quality.FRESH
    assert later.quality_of("a") is Quality.STALE


@pytest.mark.parametrize("source", SOURCES)
async def test_a_counter_reset_is_not_a_burst(source: str, tmp_path: Path) -> None:
    """A device restarts after millions of pairs: the rate stays at 100 pairs per 15 s, at no instant above."""
    before = [5e6 + 100.0 * scrape for scrape in range(30)]
    after = [100.0 * scrape for scrape in range(1, 31)]
    rows: Rows = {f'{PAIRS}{{link="a"}}': before + after}
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "entanglement_rate", 300, 885)
    assert signal.quality_of("a") is Quality.FRESH
    np.testing.assert_allclose(signal.values[0], 100 / INTERVAL, rtol=1e-9)


@pytest.mark.parametrize("source", SOURCES)
async def test_ratios_of_nothing_are_unknown(source: str, tmp_path: Path) -> None:
    """No transfers at all say nothing of their success: not 0, not 1."""
    rows: Rows = {
        'qnet_logical_transfers_total{link="idle",result="success"}': [7.0] * 30,
        'qnet_logical_transfers_total{link="idle",result="failure"}': [1.0] * 30,
        'qnet_logical_transfers_total{link="busy",result="success"}': [3.0 * scrape for scrape in range(30)],
        'qnet_logical_transfers_total{link="busy",result="failure"}': [1.0 * scrape for scrape in range(30)],
    }
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "logical_success_ratio", 300, 435)
        delivered = await window(telemetry, "delivered_logical_per_second", 300, 435)
    assert signal.quality_of("idle") is Quality.MISSING
    assert signal.last("idle") is None
    assert signal.last("busy") == pytest.approx(0.75)
    assert delivered.last("idle") == 0.0, "a counter that stands still is a rate of zero, and known"


@pytest.mark.parametrize("source", SOURCES)
async def test_firmware_carries_its_version_and_when_it_changed(source: str, tmp_path: Path) -> None:
    """The values are places in `labels`; the instant of the step is the first scrape of the new version."""
    rows: Rows = {
        'qnet_firmware_info{node="n1",version="2.9"}': [1.0] * 12 + [None] * 12,
        'qnet_firmware_info{node="n1",version="2.10"}': [None] * 12 + [1.0] * 12,
        'qnet_firmware_info{node="n2",version="2.9"}': [1.0] * 24,
    }
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "firmware_version", 0, 345)
    assert signal.labels == ("2.10", "2.9")
    changed, steady = signal.row("n1"), signal.row("n2")
    assert changed is not None
    assert steady is not None
    assert [signal.labels[int(place)] for place in changed] == ["2.9"] * 12 + ["2.10"] * 12
    assert signal.times[np.flatnonzero(np.diff(changed))[-1] + 1] == BASE + 12 * INTERVAL
    assert {signal.labels[int(place)] for place in steady} == {"2.9"}
    assert signal.quality == (Quality.FRESH, Quality.FRESH)


@pytest.mark.parametrize("source", SOURCES)
async def test_two_versions_at_once_are_unknown(source: str, tmp_path: Path) -> None:
    """An exporter that claims both contradicts itself."""
    rows: Rows = {f'qnet_firmware_info{{node="n1",version="{version}"}}': [1.0] * 4 for version in ("1", "2")}
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "firmware_version", 0, 45)
    assert signal.last("n1") is None


@pytest.mark.parametrize("source", SOURCES)
async def test_labels_beside_the_subject_change_nothing(source: str, tmp_path: Path) -> None:
    """Region, rack and job may differ between series of one link: still one row."""
    rows: Rows = {
        'qnet_control_rtt_seconds{link="a",region="eu"}': [0.25] * 4,
        'qnet_control_rtt_seconds{link="a",region="us"}': [0.75] * 4,
    }
    async with told(source, rows, tmp_path) as telemetry:
        signal = await window(telemetry, "control_rtt", 0, 45)
    assert signal.subjects == ("a",)
    assert signal.last("a") == 0.5
