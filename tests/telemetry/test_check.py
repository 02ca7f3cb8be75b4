"""What `bellhop doctor` says about a telemetry source."""

from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.settings import TelemetrySettings
from bot.telemetry.catalogue import METRICS
from bot.telemetry.check import Finding, check
from tests.support.prometheus import Reply, backfill, far_side, free_port, running_prometheus
from tests.support.qnet_series import random_exporters

OPTIONAL = {
    "qnet_secret_key_bytes_total",
    "qnet_qber_ratio",
    "qnet_syndrome_correlation_ratio",
    "qnet_device_calibration_timestamp_seconds",
}
"""What only optional signals read; the QKD metrics, the syndrome correlation and the time of calibrations."""


async def asked(settings: dict[str, object]) -> dict[str, Finding]:
    """The findings by the metric that they begin with."""
    found = await check(TelemetrySettings.model_validate(settings), SystemClock())
    return {finding.line.partition(":")[0].partition(" ")[0]: finding for finding in found}


@pytest.mark.needs("prometheus")
async def test_a_complete_prometheus_is_counted_metric_by_metric(tmp_path: Path) -> None:
    """Each metric of the contract with the number of links or nodes that have it."""
    text = "".join(f'{metric}{{{of}="{name}"}} 1 TIME\n' for metric, of in METRICS.items() for name in ("a", "b"))
    text = text.replace("decode_duration_seconds{", 'decode_duration_seconds_bucket{le="+Inf",')
    now = SystemClock().now()
    database = backfill(text.replace("TIME", f"{now:.3f}") + "# EOF\n", tmp_path)
    async with running_prometheus(tmp_path, database=database) as address:
        found = await asked({"prometheus": {"url": address}})
    assert found.keys() == METRICS.keys()
    assert all(finding.ok for finding in found.values()), found
    assert found["qnet_qber_ratio"].line == "qnet_qber_ratio: 2 links"
    assert found["qnet_device_up"].line == "qnet_device_up: 2 nodes"
    assert found["qnet_decode_duration_seconds"].line.endswith("2 links")


@pytest.mark.needs("prometheus")
async def test_what_is_missing_is_named_with_the_signals_that_suffer(tmp_path: Path) -> None:
    """Metrics of optional signals may be missing; others may not."""
    database = backfill(f'qnet_qber_ratio{{link="a"}} 1 {SystemClock().now():.3f}\n# EOF\n', tmp_path)
    async with running_prometheus(tmp_path, database=database) as address:
        found = await asked({"prometheus": {"url": address}, "metrics": {"qnet_device_up": "acme_up"}})
    assert {name for name, finding in found.items() if finding.ok} == OPTIONAL
    assert "logical_success_ratio" in found["qnet_logical_transfers_total"].line
    assert found["qnet_device_up"].line.startswith("qnet_device_up (as acme_up): missing")
    assert found["qnet_qber_ratio"].line.endswith("1 link")


async def test_an_exporter_is_scraped_once_and_counted() -> None:
    """Embedded telemetry gives the same findings."""
    page = random_exporters(1)[0].page(5).encode()
    with far_side(lambda _: Reply(page)) as side:
        found = await asked({"source": "embedded", "exporters": [side.address]})
        assert len(side.asked) == 1
    assert found.keys() == METRICS.keys()
    assert found["qnet_device_temperature_kelvin"].line == "qnet_device_temperature_kelvin: 2 nodes"


@pytest.mark.parametrize("source", ["prometheus", "embedded"])
async def test_a_source_that_is_down_is_one_finding(source: str) -> None:
    """Not an error: doctor goes on with its other checks."""
    address = f"http://127.0.0.1:{free_port()}"
    settings = {"source": source, "prometheus": {"url": address}} if source == "prometheus" else {
        "source": source, "exporters": [address]
    }  # fmt: skip
    found = await check(TelemetrySettings.model_validate(settings), SystemClock())
    assert [finding.ok for finding in found] == [False]
    assert address in found[0].line


async def test_the_source_that_is_set_is_the_one_that_is_checked() -> None:
    """A Prometheus that is named but not used is not asked."""
    with far_side(lambda _: Reply(b'qnet_qber_ratio{link="a"} 1\n')) as side:
        unused = {"url": f"http://127.0.0.1:{free_port()}"}
        found = await asked({"source": "embedded", "exporters": [side.address], "prometheus": unused})
    assert found["qnet_qber_ratio"].line == "qnet_qber_ratio: 1 link"


async def test_a_source_that_answers_nonsense_is_one_finding() -> None:
    """A web page in place of Prometheus."""
    with far_side(lambda _: Reply(b"<html></html>")) as side:
        found = await check(TelemetrySettings.model_validate({"prometheus": {"url": side.address}}), SystemClock())
    assert [finding.ok for finding in found] == [False]
