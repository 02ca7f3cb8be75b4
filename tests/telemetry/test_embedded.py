"""Bellhop scraping exporters itself, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bot.clock import FastClock
from bot.errors import BadPayloadError, TelemetryUnavailableError
from bot.model.telemetry import Quality
from bot.settings import TelemetrySettings
from bot.telemetry.build import build_telemetry
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.support.prometheus import Reply, far_side, free_port

START = 1_767_225_600.0
PAGE = b'# HELP qnet_qber_ratio x\n# TYPE qnet_qber_ratio gauge\nqnet_qber_ratio{link="a"} 0.25\nother{x="y"} 1\n'


@asynccontextmanager
async def scraping(*urls: str, max_series: int = 20_000) -> AsyncIterator[tuple[EmbeddedTelemetry, FastClock]]:
    """A source whose clock stands still until the test lets it leap."""
    clock = FastClock(start=START, speed=1.0)
    clock.stop()
    source = EmbeddedTelemetry(urls, clock=clock, max_series=max_series)
    try:
        yield source, clock
    finally:
        await source.aclose()


async def test_a_scraped_gauge_is_a_window() -> None:
    """The address without a path means /metrics; metrics that no signal reads are passed over."""
    with far_side(lambda _: Reply(PAGE)) as side:
        async with scraping(side.address) as (source, clock):
            for _ in range(3):
                await source.scrape_once()
                clock.leap(15)
            window = await source.window(["qber"], start=START, end=START + 30, step=15)
        assert {each.path for each in side.asked} == {"/metrics"}
    np.testing.assert_array_equal(window.signals["qber"].values, [[0.25, 0.25, 0.25]])
    assert window.warnings == ()


async def test_before_the_first_scrape_there_is_no_telemetry() -> None:
    """Nothing known is an error with a hint, not an empty healthy answer."""
    async with scraping("http://127.0.0.1:9") as (source, _):
        with pytest.raises(TelemetryUnavailableError, match="nothing was scraped yet"):
            await source.latest(["qber"], at=START)


BROKEN = {
    "another status": Reply(b"oops", 500),
    "a web page": Reply(b"<html>Sign in</html>"),
    "half a line": Reply(PAGE + b'qnet_qber_ratio{link="b'),
    "not UTF-8": Reply(b'qnet_qber_ratio{link="\xff"} 1\n'),
    "a word for a value": Reply(b'qnet_qber_ratio{link="a"} many\n'),
    "one label twice": Reply(b'qnet_qber_ratio{link="a",link="b"} 1\n'),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_exporter_that_fails_is_a_warning_beside_one_that_answers(name: str) -> None:
    """The broken one is named, nothing of its page is kept; the other's values stay."""
    with far_side(lambda _: BROKEN[name]) as broken, far_side(lambda _: Reply(PAGE)) as good:
        async with scraping(broken.address, good.address) as (source, _):
            await source.scrape_once()
            window = await source.latest(["qber"], at=START)
    assert window.signals["qber"].subjects == ("a",)
    assert len(window.warnings) == 1
    assert broken.address in window.warnings[0]


async def test_an_exporter_that_is_down_is_named_in_the_error() -> None:
    """When no exporter answers, the error says which and why."""
    address = f"http://127.0.0.1:{free_port()}"
    async with scraping(address) as (source, _):
        await source.scrape_once()
        with pytest.raises(TelemetryUnavailableError, match=address):
            await source.latest(["qber"], at=START)


async def test_an_exporter_that_dies_leaves_stale_series() -> None:
    """75 s after its last answer, and it is back at its next one."""
    replies = [Reply(PAGE)] + [Reply(b"", 503)] * 6 + [Reply(PAGE)]
    with far_side(lambda _: replies.pop(0)) as side:
        async with scraping(side.address) as (source, clock):
            qualities = []
            for _ in range(8):
                await source.scrape_once()
                window = await source.window(["qber"], start=START, end=clock.now(), step=1)
                qualities.append(window.signals["qber"].quality_of("a"))
                clock.leap(15)
    assert qualities == [Quality.FRESH] * 6 + [Quality.STALE, Quality.FRESH]


async def test_series_above_the_limit_are_refused_and_said() -> None:
    """An exporter cannot fill the memory; the warning says how many are left out."""
    page = "".join(f'qnet_qber_ratio{{link="l{number}"}} 0.25\n' for number in range(30)).encode()
    with far_side(lambda _: Reply(page)) as side:
        async with scraping(side.address, max_series=20) as (source, _):
            await source.scrape_once()
            window = await source.latest(["qber"], at=START)
    assert len(window.signals["qber"].subjects) == 20
    assert "10 series more than the 20" in window.warnings[0]


async def test_memory_is_bounded_in_time() -> None:
    """After a day of scrapes only the configured stretch is left, and the newest values are right."""
    clock = FastClock(start=START, speed=1.0)
    source = EmbeddedTelemetry(["http://e"], clock=clock, keep_s=600.0)
    for scrape in range(5760):
        source.feed("http://e", START + 15 * scrape, f'qnet_control_rtt_seconds{{link="a"}} {scrape}\n')
    end = START + 15 * 5759
    window = await source.window(["control_rtt"], start=end - 3600, end=end, step=15)
    await source.aclose()
    row = window.signals["control_rtt"].values[0]
    assert row[-1] == 5759
    np.testing.assert_array_equal(row[-40:], np.arange(5720, 5760))
    assert np.isnan(row[0]), "an hour back is forgotten"


async def test_it_scrapes_by_itself_once_per_interval_of_the_clock() -> None:
    """A clock a thousand times as fast as the wall's brings a scrape every 15 ms."""
    with far_side(lambda _: Reply(PAGE)) as side:
        settings = TelemetrySettings.model_validate({"source": "embedded", "exporters": [side.address]})
        clock = FastClock(start=START, speed=1000.0)
        source = build_telemetry(settings, clock)
        assert isinstance(source, EmbeddedTelemetry)
        source.start()
        try:
            async with asyncio.timeout(10):
                while len(side.asked) < 5:  # noqa: ASYNC110 - the exporter's list of requests is the condition
                    await asyncio.sleep(0.005)
            window = await source.latest(["qber"], at=clock.now())
        finally:
            await source.aclose()
    assert window.signals["qber"].last("a") == 0.25


def test_a_scrape_fed_by_hand_names_its_bad_line() -> None:
    """The field of the error is the line."""
    source = EmbeddedTelemetry(["http://e"], clock=FastClock(start=START, speed=1.0))
    with pytest.raises(BadPayloadError) as caught:
        source.feed("http://e", START, 'qnet_qber_ratio{link="a"} 1\nqnet_qber_ratio{link=a} 1\n')
    assert caught.value.field == "line 2"
