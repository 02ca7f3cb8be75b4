"""One body that the database will never take stops nobody: it is put aside with its reason, kept, and counted."""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import FastClock
from bot.doctor import examine
from bot.errors import BadPayloadError, UnavailableError
from bot.flow.intake import IntakeWorker, Reconcile
from bot.flow.journal import Journal
from bot.intake.counters import IntakeCounters
from bot.intake.inbox import Inbox
from bot.model.alert import Alert, Delivery
from bot.settings import Settings
from bot.store import Store
from bot.store.tables import INBOX
from bot.telemetry.build import build_telemetry
from bot.vitals import counters
from tests.intake.door import CAPTURED_AT, captured, nowhere
from tests.support.incident_story import network
from tests.support.postgres import Cluster

BEGAN = "2026-11-23T03:33:13Z"
ODD_KEYS = """
CREATE FUNCTION refuse_odd() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'this key is odd' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER refuse_odd BEFORE INSERT ON bellhop_events FOR EACH ROW
WHEN (NEW.key LIKE 'alert:generic:odd@%') EXECUTE FUNCTION refuse_odd();
"""
"""A database that says of one key what a real one says of data that it cannot hold."""


class Bot:
    """An inbox and the worker behind it."""

    def __init__(self, store: Store, reconcile: Reconcile | None = None) -> None:
        self.store = store
        self.clock = FastClock(start=CAPTURED_AT, speed=1.0)
        self.clock.stop()
        self.journal = Journal(store, self.clock)
        self.inbox = Inbox(store)
        self.counters = IntakeCounters()
        self.worker = IntakeWorker(
            journal=self.journal,
            network=network(),
            join_window_s=600.0,
            respond=self._respond,
            publish=nowhere,
            reconcile=reconcile,
            counters=self.counters,
        )

    async def _respond(self, incident: str) -> None:
        del incident

    async def small(self, name: str, link: str) -> None:
        """An alert of the generic door, past the door as an older version let it."""
        content = json.dumps({"id": name, "link": link, "starts_at": BEGAN, "title": name}).encode()
        await self.inbox.put("generic", content, received_at=self.clock.now())

    async def titles(self) -> list[str]:
        """Of every incident, once the inbox is empty."""
        while await self.worker.work_once():
            pass
        return [view.title for view in await self.journal.incidents(open_only=False)]

    async def aside(self) -> list[str]:
        """Why bodies were put aside, oldest first."""
        query = sa.select(INBOX.c.note).where(INBOX.c.refused).order_by(INBOX.c.id)
        return list(await self.store.read(lambda transaction: transaction.connection.execute(query).scalars().all()))


async def test_a_body_that_an_older_door_let_in_is_put_aside(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """NUL in its id; those before and behind it are worked on, and the log, the counter and the inbox tell why."""
    bot = Bot(store)
    for name, link in (("first", "ams-rpt1"), ("a\0b", "ams-rpt1"), ("last", "rpt1-dlf")):
        await bot.small(name, link)
    with caplog.at_level(logging.ERROR, "bot.flow.intake"):
        titles = await bot.titles()
    reason = "id: is not 1 to 512 printable characters"
    assert (titles, await bot.aside()) == (["first", "last"], [reason])
    assert not await store.read(lambda transaction: transaction.inbox_take(10))
    assert bot.counters.put_aside == 1
    assert await store.read(lambda transaction: transaction.inbox_aside()) == (1, f"generic: {reason}")
    (line,) = caplog.messages
    assert line == f"delivery 2 of generic is put aside, its alerts have no effect: {reason}"


@pytest.mark.parametrize("url", [pytest.param("postgres", marks=pytest.mark.needs("postgres"))], indirect=True)
@pytest.mark.parametrize("state", ["22021", "54000"])
async def test_what_the_database_calls_unfit_holds_nothing_up(
    store: Store, url: str, cluster: Cluster, state: str
) -> None:
    """A value that it cannot hold (class 22) and one past its limits (54) are no outage and are not tried again."""
    with cluster.connect(url.rpartition("/")[2]) as connection:
        connection.execute(ODD_KEYS.format(state=state))
    bot = Bot(store)
    await bot.small("odd", "ams-rpt1")
    await bot.small("good", "ams-rpt1")
    assert await bot.titles() == ["good"]
    (reason,) = await bot.aside()
    assert reason.endswith("refuses: this key is odd")
    assert (store.outage, bot.counters.put_aside) == (None, 1)


async def test_text_that_cannot_be_written_down_is_put_aside(store: Store) -> None:
    """Half a character from Alertmanager's API, which no JSON of the doors can hold."""

    async def reconcile(delivery: Delivery) -> Sequence[Alert]:
        del delivery
        return (Alert(fingerprint="a\ud800b", name="odd", status="firing", starts_at=CAPTURED_AT, labels={}),)

    bot = Bot(store, reconcile)
    cut = json.dumps(captured("truncated_max_alerts_3")).encode()
    await bot.inbox.put("alertmanager", cut, received_at=CAPTURED_AT)
    await bot.small("good", "ams-rpt1")
    assert await bot.titles() == ["good"]
    (reason,) = await bot.aside()
    assert "surrogates not allowed" in reason


async def test_a_reason_that_quotes_the_body_is_written_all_the_same(store: Store) -> None:
    """The reason is made printable and short: it must not be refused in its turn."""

    async def reconcile(delivery: Delivery) -> Sequence[Alert]:
        del delivery
        raise BadPayloadError("alerts[0]: a\0b\ud800" + "c" * 9000, field="alerts[0]")

    bot = Bot(store, reconcile)
    cut = json.dumps(captured("truncated_max_alerts_3")).encode()
    await bot.inbox.put("alertmanager", cut, received_at=CAPTURED_AT)
    assert await bot.titles() == []
    (reason,) = await bot.aside()
    assert reason.startswith("alerts[0]: a b ccc")
    assert len(reason) == 500


async def test_what_was_put_aside_is_kept_when_the_inbox_forgets(store: Store) -> None:
    """Handled bodies go after seven days; one that had no effect stays until somebody has looked at it."""
    bot = Bot(store)
    await bot.small("good", "ams-rpt1")
    await bot.small("a\0b", "ams-rpt1")
    await bot.titles()
    forgotten = await store.transact(lambda transaction: transaction.inbox_forget(CAPTURED_AT + 1))
    assert (forgotten, len(await bot.aside())) == (1, 1)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_doctor_and_the_metrics_tell_what_was_put_aside(store: Store, url: str, tmp_path: Path) -> None:
    """The doctor with the newest reason, for as long as it is there; the metric since the start."""
    bot = Bot(store)
    await bot.small("a\0b", "ams-rpt1")
    await bot.titles()
    telemetry = {"source": "prometheus", "prometheus": {"url": "http://127.0.0.1:9"}}
    where = {"network": tmp_path / "network.yaml", "store": {"url": url}, "telemetry": telemetry}
    settings = Settings.model_validate(where)
    (found,) = [finding.message for finding in await examine(settings) if finding.part == "store"]
    reason = "generic: id: is not 1 to 512 printable characters"
    assert found == f"sqlite, 0 incidents; put aside without effect: 1 delivery of alerts, the newest from {reason}"
    own = counters(bot.counters, store, build_telemetry(settings.telemetry, bot.clock))
    told = {each.name: each.read() for each in own}
    assert told["bellhop_deliveries_put_aside_total"] == {(): 1.0}


async def test_what_everybody_waits_for_is_told_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """An Alertmanager that does not answer holds its delivery; the log says so, not every two seconds."""
    asked = asyncio.Event()

    async def reconcile(delivery: Delivery) -> Sequence[Alert]:
        del delivery
        if caplog.messages:
            asked.set()
        raise UnavailableError("Alertmanager cannot be asked")

    bot = Bot(store, reconcile)
    await bot.inbox.put("alertmanager", json.dumps(captured("truncated_max_alerts_3")).encode(), received_at=1.0)
    working = asyncio.create_task(bot.worker.work())
    async with asyncio.timeout(30):
        await asked.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert caplog.messages == ["deliveries of alerts wait: Alertmanager cannot be asked"]
    assert len(await store.read(lambda transaction: transaction.inbox_take(10))) == 1
