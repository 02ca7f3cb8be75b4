"""What embedded telemetry keeps over a restart: real files, real HTTP, a clock that leaps."""

import asyncio
import errno
import logging
import os
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml

from bot.clock import FastClock, SystemClock
from bot.diagnosis.rules import load_rules
from bot.errors import TelemetryUnavailableError
from bot.flow.observe import Observer
from bot.model.telemetry import Quality
from bot.settings import TelemetrySettings, load_settings
from bot.simulator.scenarios import demo_network
from bot.telemetry.check import check
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.support.prometheus import Reply, far_side

START = 1_767_225_600.0
EXPORTER = "http://exporter"
NOBODY = "http://127.0.0.1:9"


@asynccontextmanager
async def server(
    file: Path, *exporters: str, at: float = START, write_every_s: float = 3600.0
) -> AsyncIterator[tuple[EmbeddedTelemetry, FastClock]]:
    """A source as the server has it, history recalled; its clock stands still until the test lets it leap."""
    clock = FastClock(start=at, speed=1.0)
    clock.stop()
    source = EmbeddedTelemetry(exporters or (EXPORTER,), clock=clock, history_file=file, write_every_s=write_every_s)
    await source.recall()
    try:
        yield source, clock
    finally:
        await source.aclose()


def page(scrape: int, *, made: float | None = None) -> str:
    """A gauge that tells which scrape it is of, and a counter of pairs that grows by 150 a scrape of 15 s."""
    pairs = 150.0 * scrape if made is None else made
    return (
        f'qnet_control_rtt_seconds{{link="a"}} {scrape}\n'
        f'qnet_entangled_pairs_total{{link="a"}} {pairs}\n'
    )  # fmt: skip


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def lived(file: Path, scrapes: int = 20) -> None:
    """A server's life: so many scrapes from START on, then its file."""
    async with server(file) as (source, _):
        for scrape in range(scrapes):
            source.feed(EXPORTER, START + 15 * scrape, page(scrape))
        await source.write_history()


async def test_a_restart_forgets_nothing_and_its_gap_stays_a_gap(tmp_path: Path) -> None:
    """Values from before the restart are those that were scraped; the five minutes between are missing."""
    await lived(file := tmp_path / "data" / "history.npz")
    again = START + 15 * 20 + 300
    async with server(file, at=again) as (source, _):
        for scrape in range(4):
            source.feed(EXPORTER, again + 15 * scrape, page(40 + scrape))
        window = await source.window(["control_rtt"], start=START, end=again + 45, step=15)
    row = window.signals["control_rtt"].values[0]
    np.testing.assert_array_equal(row[:20], np.arange(20.0))
    # A gauge is believed for five scrapes after its last sample (285 s), as without a restart; then nothing is known.
    assert np.isnan(row[26:40]).all()
    np.testing.assert_array_equal(row[40:], [40, 41, 42, 43])


async def test_a_rate_over_a_restart_is_the_counters_own(tmp_path: Path) -> None:
    """10 pairs/s before, during and after two minutes without a server; and after a counter that began anew, too."""
    await lived(file := tmp_path / "history.npz", scrapes=30)
    again = START + 15 * 29 + 120
    async with server(file, at=again) as (source, _):
        for scrape in range(8):
            source.feed(EXPORTER, again + 15 * scrape, page(scrape, made=150.0 * (29 + 8 + scrape)))
        window = await source.window(["entanglement_rate"], start=again, end=again + 105, step=15)
    np.testing.assert_allclose(window.signals["entanglement_rate"].values[0], 10.0, rtol=0.02)
    async with server(file, at=again) as (source, _):
        for scrape in range(30):
            source.feed(EXPORTER, again + 15 * scrape, page(scrape))
        window = await source.latest(["entanglement_rate"], at=again + 15 * 29)
    np.testing.assert_allclose(window.signals["entanglement_rate"].values[0], 10.0, rtol=0.02)


async def test_what_is_older_than_six_hours_is_forgotten_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that comes back after a day starts afresh, and that is nothing to warn of."""
    await lived(file := tmp_path / "history.npz")
    async with server(file, at=START + 86400) as (source, _):
        with pytest.raises(TelemetryUnavailableError, match="nothing was scraped yet"):
            source.subject_counts()
    assert caplog.records == []


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def _flipped(file: Path) -> None:
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 0xFF
    file.write_bytes(body)


def _pickled(file: Path) -> None:
    np.savez(file, head=np.array([object()], dtype=object))


def _other_zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("hello.txt", "no numbers here")


def _unordered(file: Path) -> None:
    with np.load(file, allow_pickle=False) as found:
        arrays = dict(found)
    np.savez(file, **{**arrays, "times0": arrays["times0"][::-1]})


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": _cut,
    "a bit flipped": _flipped,
    "pickled objects": _pickled,
    "another archive": _other_zip,
    "times that go back": _unordered,
    "a text": lambda file: file.write_text("hello"),
    "nothing": lambda file: file.write_bytes(b""),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_a_damaged_file_is_one_warning_and_kept_aside(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server starts without history, says so once, and does not write over what it could not read."""
    await lived(file := tmp_path / "history.npz")
    DAMAGE[name](file)
    body = file.read_bytes()
    async with server(file) as (source, _):
        source.feed(EXPORTER, START, page(0))
        await source.write_history()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "starting without history" in record.getMessage()
    assert (tmp_path / "history.npz.unusable").read_bytes() == body
    assert file.exists()


async def test_a_file_of_other_exporters_or_of_the_future_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither is mixed into what is scraped now."""
    await lived(file := tmp_path / "history.npz")
    async with server(file, "http://another"):
        assert "other exporters: http://exporter/metrics" in caplog.messages[0]
    await lived(file)
    async with server(file, at=START - 3600):
        assert "from the future" in caplog.messages[1]
    assert not file.exists()


async def test_a_disk_that_refuses_is_told_once_and_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One error in the log however often it fails; scrapes go on; it is written again once there is room."""
    async with server(tmp_path / "folder" / "history.npz") as (source, _):
        (tmp_path / "folder").write_text("a file where the folder should be")
        for scrape in range(3):
            source.feed(EXPORTER, START + 15 * scrape, page(scrape))
            await source.write_history()
        assert os.strerror(errno.EEXIST) in source.history_trouble or "ot a directory" in source.history_trouble
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert (await source.latest(["control_rtt"], at=START + 30)).signals["control_rtt"].last("a") == 2
        (tmp_path / "folder").unlink()
        await source.write_history()
        assert source.history_trouble == ""
    assert (tmp_path / "folder" / "history.npz").exists()


async def test_the_running_server_writes_by_itself_and_when_it_stops(tmp_path: Path) -> None:
    """Every so often while it runs (a second here), whole at any instant, and nothing else is left in the folder."""
    file = tmp_path / "history.npz"
    with far_side(lambda _: Reply(page(7).encode())) as side:
        async with server(file, side.address, write_every_s=0.01) as (source, clock):
            source.start()
            async with asyncio.timeout(20):
                while not file.exists():  # noqa: ASYNC110 - the file system fires no event
                    await asyncio.sleep(0.02)
            clock.leap(15)
            source.feed(side.address, clock.now(), page(8))
        async with server(file, side.address, at=START + 16) as (again, _):
            window = await again.latest(["control_rtt"], at=START + 16)
    assert window.signals["control_rtt"].last("a") == 8
    assert _names(tmp_path) == ["history.npz"]


async def test_another_command_sees_what_the_server_saw_and_the_present(tmp_path: Path) -> None:
    """It scrapes once beside the file, writes nothing, and what a killed write left is not its business."""
    with far_side(lambda _: Reply(page(20).encode())) as side:
        file = tmp_path / "history.npz"
        async with server(file, side.address) as (source, _):
            for scrape in range(20):
                source.feed(side.address, START + 15 * scrape, page(scrape))
            await source.write_history()
        before = file.stat().st_mtime_ns
        clock = FastClock(start=START + 300, speed=1.0)
        clock.stop()
        glance = EmbeddedTelemetry([side.address], clock=clock, history_file=file)
        window = await glance.window(["control_rtt"], start=START, end=START + 300, step=15)
        await glance.aclose()
    np.testing.assert_array_equal(window.signals["control_rtt"].values[0], np.arange(21.0))
    assert window.signals["control_rtt"].quality_of("a") is Quality.FRESH
    assert file.stat().st_mtime_ns == before


async def test_another_command_leaves_a_damaged_file_where_it_is(tmp_path: Path) -> None:
    """It says why there is no telemetry; moving files is the server's."""
    (file := tmp_path / "history.npz").write_text("hello")
    glance = EmbeddedTelemetry([NOBODY], clock=FastClock(start=START, speed=1.0), history_file=file)
    with pytest.raises(TelemetryUnavailableError, match="damaged"):
        await glance.latest(["control_rtt"], at=START)
    await glance.aclose()
    assert file.read_text() == "hello"


async def test_what_a_killed_write_left_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    """The half-written file is never read: the whole one beside it is."""
    await lived(file := tmp_path / "history.npz")
    (tmp_path / "history.npz.123.tmp").write_bytes(b"half")
    async with server(file, at=START + 300) as (source, _):
        assert source.subject_counts()["qnet_control_rtt_seconds"] == 1
    assert _names(tmp_path) == ["history.npz"]


async def test_a_run_that_goes_on_after_a_restart_still_knows_what_was_usual(tmp_path: Path) -> None:
    """The band of the time before the incident is the same before the restart and after it: 0..19 were scraped."""
    file, began = tmp_path / "history.npz", START + 15 * 20
    async with server(file) as (source, clock):
        for scrape in range(20):
            source.feed(EXPORTER, START + 15 * scrape, page(scrape))
        clock.leap(began - START)
        before = await observer(source, clock).read("control_rtt", "a", baseline_before=began)
        await source.write_history()
    async with server(file, at=began + 120) as (source, clock):
        source.feed(EXPORTER, began + 120, page(9))
        after = await observer(source, clock).read("control_rtt", "a", baseline_before=began)
    assert (after.baseline_low, after.baseline_high) == (before.baseline_low, before.baseline_high)
    assert (after.value, after.quality) == (9, "fresh")
    assert after.baseline_low is not None


def observer(source: EmbeddedTelemetry, clock: FastClock) -> Observer:
    """What reads for a runbook."""
    settings = TelemetrySettings.model_validate({"source": "embedded", "exporters": [EXPORTER]})
    return Observer(telemetry=source, network=demo_network(), rules=load_rules(), settings=settings, clock=clock)


@pytest.mark.parametrize(
    ("store", "given", "expected"),
    [
        ("sqlite:///data/bellhop.db", None, "data/telemetry-history.npz"),
        ("postgresql://bellhop@db.example/bellhop", None, "bellhop-data/telemetry-history.npz"),
        ("sqlite:///data/bellhop.db", "kept/here.npz", "kept/here.npz"),
    ],
)
def test_the_file_has_a_place_without_being_named(store: str, given: str | None, expected: str, tmp_path: Path) -> None:
    """Beside the SQLite file; with Postgres in bellhop-data; a name counts from the configuration's folder."""
    telemetry = {"source": "embedded", "exporters": [EXPORTER], **({"history_file": given} if given else {})}
    config = tmp_path / "bellhop.yaml"
    config.write_text(yaml.safe_dump({"network": "n.yaml", "store": {"url": store}, "telemetry": telemetry}))
    assert load_settings(config).telemetry.history_file == tmp_path / expected


async def test_doctor_names_a_history_that_cannot_be_kept(tmp_path: Path) -> None:
    """A file where the folder should be, or a file that is no history; nothing is said while all is well."""
    with far_side(lambda _: Reply(page(1).encode())) as side:
        told = {}
        for name, prepare in (("well", None), ("foreign", "hello")):
            file = tmp_path / name / "history.npz"
            file.parent.mkdir()
            if prepare is not None:
                file.write_text(prepare)
            told[name] = await _said_by_doctor(side.address, file)
        told["blocked"] = await _said_by_doctor(side.address, tmp_path / "foreign" / "history.npz" / "history.npz")
    assert told["well"] == []
    assert "is damaged or no telemetry history" in told["foreign"][0]
    assert "cannot be written" in told["blocked"][0]


async def _said_by_doctor(address: str, file: Path) -> list[str]:
    settings = TelemetrySettings.model_validate({"source": "embedded", "exporters": [address], "history_file": file})
    found = await check(settings, SystemClock())
    return [finding.line for finding in found if finding.line.startswith("the telemetry history")]
