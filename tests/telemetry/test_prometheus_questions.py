"""What is asked of Prometheus: few queries, whole windows, and nothing that a name can break out of."""

from pathlib import Path

import numpy as np
import pytest

from bot.clock import SystemClock
from bot.errors import UsageError
from bot.settings import Far, TelemetrySettings
from bot.telemetry.build import build_telemetry
from bot.telemetry.catalogue import CATALOGUE
from bot.telemetry.prometheus import MAX_POINTS, PrometheusTelemetry
from tests.support.prometheus import backfill, constant, far_side, passing_on, running_prometheus
from tests.support.qnet_series import BASE

HOSTILE = ['a"b\\c{}', "a|b", ".*", "new\nline", '"} or vector(1) or x{y="', "straße", "a+b(c)[d]^$?"]


def gauges(links: list[str], *, name: str = "qnet_qber_ratio", extra: str = "", value: float = 0.25) -> str:
    """Two minutes of a gauge for each link, as OpenMetrics text."""
    texts = [link.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for link in links]
    return "".join(
        f'{name}{{link="{text}"{extra}}} {value} {BASE + 15 * scrape}\n' for text in texts for scrape in range(9)
    )


@pytest.mark.needs("prometheus")
async def test_hostile_link_names_select_themselves_and_nothing_else(tmp_path: Path) -> None:
    """Quotes, backslashes, braces, regular expressions, newlines and whole injected queries are only names."""
    database = backfill(gauges([*HOSTILE, "a", "b", "innocent"]) + "# EOF\n", tmp_path)
    async with running_prometheus(tmp_path, database=database) as address:
        source = PrometheusTelemetry(Far(url=address))
        try:
            for name in HOSTILE:
                window = await source.latest(["qber"], at=BASE + 60, subjects=[name])
                assert window.signals["qber"].subjects == (name,)
            window = await source.latest(["qber"], at=BASE + 60, subjects=HOSTILE)
            assert window.signals["qber"].subjects == tuple(sorted(HOSTILE))
        finally:
            await source.aclose()


@pytest.mark.needs("prometheus")
async def test_hostile_subjects_break_no_signals_query(tmp_path: Path) -> None:
    """Prometheus parses every signal's query whatever the names and matchers are, and finds nothing."""
    async with running_prometheus(tmp_path, database=backfill(gauges(["a"]) + "# EOF\n", tmp_path)) as address:
        source = PrometheusTelemetry(Far(url=address), matchers={"job": HOSTILE[0], "instance": HOSTILE[4]})
        try:
            window = await source.latest(list(CATALOGUE), at=BASE + 60, subjects=HOSTILE)
        finally:
            await source.aclose()
    assert [signal.subjects for signal in window.signals.values()] == [()] * len(CATALOGUE)


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("count", [1, 40, 1000])
async def test_one_query_per_signal_for_all_links(count: int, tmp_path: Path) -> None:
    """Requests are counted on the wire: as many as signals, for one link, for forty, for a thousand."""
    links = [f"link-{number:04}" for number in range(count)]
    text = gauges(links) + gauges(links, name="qnet_control_rtt_seconds") + "# EOF\n"
    async with running_prometheus(tmp_path, database=backfill(text, tmp_path)) as address:
        with far_side(passing_on(address)) as side:
            source = PrometheusTelemetry(Far(url=side.address))
            try:
                window = await source.window(list(CATALOGUE), start=BASE, end=BASE + 120, step=15)
                assert len(side.asked) == len(CATALOGUE)
                assert len(set(side.queries)) == len(CATALOGUE)
                assert window.signals["qber"].subjects == tuple(links)
                assert window.signals["qber"].values.shape == (count, 9)
                await source.window(["qber", "qber"], start=BASE, end=BASE + 120, step=15, subjects=links)
                assert len(side.asked) == len(CATALOGUE) + 1, "a signal named twice is asked once"
            finally:
                await source.aclose()


async def test_no_subjects_need_no_question() -> None:
    """An empty choice is answered without asking."""
    with far_side(constant("1", {"link": "a"})) as side:
        source = PrometheusTelemetry(Far(url=side.address))
        try:
            window = await source.latest(["qber"], at=BASE, subjects=[])
        finally:
            await source.aclose()
        assert side.asked == []
        assert window.signals["qber"].subjects == ()


async def test_more_than_11000_points_are_asked_in_parts() -> None:
    """11,001 instants take two queries and come back as one window without a seam."""
    with far_side(constant("0.25", {"link": "a"})) as side:
        source = PrometheusTelemetry(Far(url=side.address))
        try:
            await source.window(["qber"], start=BASE, end=BASE + (MAX_POINTS - 1), step=1)
            assert len(side.asked) == 1, "11,000 points still fit one query"
            window = await source.window(["qber"], start=BASE, end=BASE + MAX_POINTS, step=1)
        finally:
            await source.aclose()
        assert len(side.asked) == 3
    signal = window.signals["qber"]
    assert signal.values.shape == (1, MAX_POINTS + 1)
    assert np.isfinite(signal.values).all()
    np.testing.assert_array_equal(np.diff(signal.times), 1.0)


@pytest.mark.needs("prometheus")
async def test_a_real_prometheus_answers_a_window_of_more_than_11000_points(tmp_path: Path) -> None:
    """Asked in one piece it would refuse; links that are there in one part only keep their place."""
    late = "".join(f'qnet_qber_ratio{{link="late"}} 0.5 {BASE + at}\n' for at in range(11_500, 12_000, 15))
    text = "".join(f'qnet_qber_ratio{{link="early"}} 0.25 {BASE + at}\n' for at in range(0, 600, 15)) + late
    async with running_prometheus(tmp_path, database=backfill(text + "# EOF\n", tmp_path)) as address:
        source = PrometheusTelemetry(Far(url=address))
        try:
            window = await source.window(["qber"], start=BASE, end=BASE + 12_000, step=1)
        finally:
            await source.aclose()
    signal = window.signals["qber"]
    assert signal.subjects == ("early", "late")
    early, late_row = signal.row("early"), signal.row("late")
    assert early is not None
    assert late_row is not None
    assert np.flatnonzero(np.isfinite(early))[[0, -1]].tolist() == [0, 585 + 75], "the last sample counts for 75 s"
    assert np.flatnonzero(np.isfinite(late_row))[0] == 11_500


@pytest.mark.needs("prometheus")
async def test_settings_rename_metrics_and_add_matchers(tmp_path: Path) -> None:
    """A user's own metric name, one that PromQL cannot write plainly included, and a label on every selector."""
    text = gauges(["a"], name="acme:qber", extra=',job="qnet"') + gauges(["b"], name="acme:qber", extra=',job="lab"')
    text += gauges(["a", "b"], name="qnet_control_rtt_seconds", extra=',job="qnet"') + gauges(["c"])
    async with running_prometheus(tmp_path, database=backfill(text + "# EOF\n", tmp_path)) as address:
        settings = TelemetrySettings.model_validate(
            {"prometheus": {"url": address}, "metrics": {"qnet_qber_ratio": "acme:qber"}, "matchers": {"job": "qnet"}}
        )
        source = build_telemetry(settings, SystemClock())
        try:
            window = await source.latest(["qber", "control_rtt"], at=BASE + 60)
        finally:
            await source.aclose()
    assert window.signals["qber"].subjects == ("a",)
    assert window.signals["control_rtt"].subjects == ("a", "b")


async def test_a_metric_name_that_promql_cannot_write_plainly_goes_into_a_matcher() -> None:
    """UTF-8 names of Prometheus 3, and whatever else stands in the file, cannot break out either."""
    with far_side(constant("1", {"link": "a"})) as side:
        source = PrometheusTelemetry(Far(url=side.address), names={"qnet_qber_ratio": 'my.qber"} or x{'})
        try:
            await source.latest(["qber"], at=BASE)
        finally:
            await source.aclose()
        assert '{__name__="my.qber\\"} or x{"}' in side.queries[0]


def test_renaming_what_the_contract_does_not_have_is_a_usage_error() -> None:
    """It would never be used; an empty name neither."""
    settings = {"prometheus": {"url": "http://127.0.0.1:9"}}
    for names in ({"qnet_qber": "x"}, {"qnet_qber_ratio": ""}):
        with pytest.raises(UsageError, match=r"telemetry\.metrics"):
            build_telemetry(TelemetrySettings.model_validate({**settings, "metrics": names}), SystemClock())


async def test_an_unknown_signal_and_an_empty_window_are_usage_errors() -> None:
    """Said before anything is asked."""
    with far_side(constant("1", {"link": "a"})) as side:
        source = PrometheusTelemetry(Far(url=side.address))
        try:
            with pytest.raises(UsageError, match="qbert"):
                await source.latest(["qbert"], at=BASE)
            for start, end, step in ((BASE, BASE - 60, 15), (BASE + 1, BASE + 2, 15), (BASE, BASE + 60, 0)):
                with pytest.raises(UsageError):
                    await source.window(["qber"], start=start, end=end, step=step)
            with pytest.raises(UsageError):
                await source.latest(["qber"], at=float("nan"))
        finally:
            await source.aclose()
        assert side.asked == []
