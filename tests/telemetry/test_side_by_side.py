"""The embedded source and a real Prometheus, on the same samples."""

from pathlib import Path

import numpy as np
import pytest

from bot.clock import SystemClock
from bot.settings import Far
from bot.telemetry.catalogue import CATALOGUE
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.telemetry.prometheus import PrometheusTelemetry
from tests.support.prometheus import backfill, running_prometheus
from tests.support.qnet_series import BASE, Exporter, random_exporters

RELATIVE = 1e-9
"""Both sum the same doubles in another order; nothing else may differ."""


def _embedded(exporters: list[Exporter], matchers: dict[str, str] | None = None) -> EmbeddedTelemetry:
    urls = [f"http://{exporter.instance}" for exporter in exporters]
    source = EmbeddedTelemetry(urls, clock=SystemClock(), matchers=matchers)
    for url, exporter in zip(urls, exporters, strict=True):
        for scrape, at in enumerate(exporter.times):
            source.feed(url, float(at), exporter.page(scrape))
    return source


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("seed", range(3))
async def test_every_signal_has_the_numbers_that_prometheus_has(seed: int, tmp_path: Path) -> None:
    """Resets, gaps, vanished, late and absurd series included: same subjects, same unknowns, same values, quality."""
    exporters = random_exporters(seed)
    text = "".join(exporter.openmetrics() for exporter in exporters) + "# EOF\n"
    async with running_prometheus(tmp_path, database=backfill(text, tmp_path)) as address:
        real = PrometheusTelemetry(Far(url=address))
        own = _embedded(exporters)
        try:
            for step in (15.0, 7.0):
                theirs = await real.window(list(CATALOGUE), start=BASE, end=BASE + 3150.0, step=step)
                ours = await own.window(list(CATALOGUE), start=BASE, end=BASE + 3150.0, step=step)
                for name in CATALOGUE:
                    expected, actual = theirs.signals[name], ours.signals[name]
                    assert actual.subjects == expected.subjects, name
                    assert actual.subjects, f"the samples exercise {name}"
                    assert actual.labels == expected.labels, name
                    np.testing.assert_allclose(
                        actual.values, expected.values, rtol=RELATIVE, atol=0.0, equal_nan=True, err_msg=name
                    )
                    assert np.isfinite(actual.values).any(), name
                    assert actual.quality == expected.quality, name
                    np.testing.assert_array_equal(actual.age_s, expected.age_s, err_msg=name)
        finally:
            await real.aclose()
            await own.aclose()


@pytest.mark.needs("prometheus")
async def test_matchers_and_subjects_select_the_same_series(tmp_path: Path) -> None:
    """An extra matcher and a hostile subject pick the same rows from both sources."""
    exporters = random_exporters(7)
    text = "".join(exporter.openmetrics() for exporter in exporters) + "# EOF\n"
    wanted, matchers = ['c"d\\e', "b-c", ".*"], {"instance": "qnet-a:9100"}
    async with running_prometheus(tmp_path, database=backfill(text, tmp_path)) as address:
        real = PrometheusTelemetry(Far(url=address), matchers=matchers)
        own = _embedded(exporters, matchers)
        try:
            selected = set[str]()
            for at in BASE + np.arange(300.0, 1300.0, 171.3):
                theirs = await real.latest(list(CATALOGUE), at=at, subjects=wanted)
                ours = await own.latest(list(CATALOGUE), at=at, subjects=wanted)
                assert set(theirs.signals["channel_fidelity"].subjects) <= {'c"d\\e', "b-c"}
                for name in CATALOGUE:
                    assert ours.signals[name].subjects == theirs.signals[name].subjects, name
                    np.testing.assert_allclose(ours.signals[name].values, theirs.signals[name].values, rtol=RELATIVE)
                    selected.update(theirs.signals[name].subjects)
            assert selected == {'c"d\\e', "b-c"}
        finally:
            await real.aclose()
            await own.aclose()
