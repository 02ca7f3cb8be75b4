"""Somebody sends again what was sent before, with a signature that fits: it has no effect, however late."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bot.clock import FastClock
from bot.far_settings import Secret
from bot.flow.intake import IntakeWorker
from bot.flow.journal import Journal
from bot.http import free_port, running
from bot.intake.counters import IntakeCounters
from bot.intake.door import intake_routes
from bot.intake.inbox import Inbox
from bot.intake_settings import GenericSettings, GrafanaSettings, IntakeSettings, PagerDutySettings
from bot.model.event import StateChanged
from bot.store import Store
from tests.intake.door import nowhere
from tests.support.incident_story import network

NOW = 1_795_405_990.0
"""2026-11-23T03:53:10Z."""
DAY_S = 86400.0
SECRET = "a-secret"
ALERT = {"id": "qber-17", "title": "QBER above 5%", "link": "ams-rpt1", "starts_at": "2026-11-23T03:33:13Z"}


def proof(content: bytes) -> str:
    """The signature of some bytes."""
    return hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()


class Bot:
    """The doors, the worker behind them and a clock that only leaps."""

    def __init__(self, web: httpx.AsyncClient, store: Store, clock: FastClock, counters: IntakeCounters) -> None:
        self._web = web
        self._store = store
        self.clock = clock
        self.counters = counters
        self.journal = Journal(store, clock)
        self._worker = IntakeWorker(
            journal=self.journal,
            network=network(),
            join_window_s=600.0,
            respond=self._respond,
            publish=nowhere,
            reconcile=None,
            counters=counters,
        )

    async def _respond(self, incident: str) -> None:
        del incident

    async def grafana(self, content: bytes, stamp: str) -> httpx.Response:
        """Post a message that was signed with this time."""
        signed = stamp.encode("latin-1")
        headers = {b"X-Stamp": signed, b"X-Grafana-Alerting-Signature": proof(signed + b":" + content).encode()}
        return await self._web.post("/alerts/grafana", content=content, headers=headers)

    async def page(self, kind: str, *, occurred: str) -> httpx.Response:
        """Post PagerDuty's event about one and the same incident."""
        data = {"id": "PGR0VU2", "created_at": "2026-11-23T03:33:20Z", "title": "ams-rpt1 fails"}
        event = {"id": kind, "event_type": f"incident.{kind}", "occurred_at": occurred, "data": data}
        content = json.dumps({"event": event}).encode()
        headers = {"X-PagerDuty-Signature": f"v1={proof(content)}"}
        return await self._web.post("/alerts/pagerduty", content=content, headers=headers)

    async def small(self, **more: str) -> httpx.Response:
        """Post the alert of the generic door."""
        content = json.dumps(ALERT | more).encode()
        return await self._web.post("/alerts/generic", content=content, headers={"authorization": f"Bearer {SECRET}"})

    async def states(self) -> list[str]:
        """Of every incident, once the inbox is empty."""
        while await self._worker.work_once():
            pass
        return [view.state for view in await self.journal.incidents(open_only=False)]

    async def forget(self) -> None:
        """Eight days go by, and the inbox forgets."""
        self.clock.leap(8 * DAY_S)
        await self._worker._forget()


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """Three doors over a store."""
    (tmp_path / "secret").write_text(SECRET)
    secret = Secret(file=tmp_path / "secret")
    settings = IntakeSettings(
        grafana=GrafanaSettings(signing_secret=secret, timestamp_header="X-Stamp"),
        pagerduty=PagerDutySettings(secrets=(secret,)),
        generic=GenericSettings(bearer_token=secret),
    )
    store = Store(f"sqlite:///{tmp_path / 'bellhop.db'}")
    await store.open()
    clock, counters = FastClock(start=NOW, speed=1.0), IntakeCounters()
    clock.stop()
    app = Starlette(routes=intake_routes(settings, Inbox(store), clock, counters))
    async with running(app, free_port()) as address, httpx.AsyncClient(base_url=address, trust_env=False) as web:
        yield Bot(web, store, clock, counters)
    await store.close()


def grafana_message() -> bytes:
    """An alert as Grafana sends it."""
    labels = {"alertname": "QberHigh", "link": "ams-rpt1"}
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-11-23T03:33:13Z", "fingerprint": "0123"}
    return json.dumps({"version": "1", "groupKey": "g", "alerts": [alert]}).encode()


@pytest.mark.parametrize(("off_s", "status"), [(-299, 200), (300, 200), (-302, 401), (302, 401)])
async def test_a_signature_is_good_for_five_minutes(bot: Bot, off_s: int, status: int) -> None:
    """Before and behind our clock alike; the answer tells an honest sender to compare the clocks."""
    answer = await bot.grafana(grafana_message(), str(int(NOW) + off_s))
    assert answer.status_code == status
    assert ("compare the clocks" in answer.text) == (status == 401)
    assert bot.counters.deliveries["stale"] == (status == 401)


@pytest.mark.parametrize("stamp", ["", "now", "-1795405990", "1795405990.5", "1" * 13, "²"])
async def test_a_signed_time_that_is_none_is_refused(bot: Bot, stamp: str) -> None:
    """Although the signature over it fits."""
    answer = await bot.grafana(grafana_message(), stamp)
    assert (answer.status_code, bot.counters.deliveries["stale"]) == (401, 1)
    assert await bot.states() == []


async def test_old_news_opens_nothing_after_the_inbox_has_forgotten_it(bot: Bot) -> None:
    """The episode belongs to an incident that is over; a new episode of the same alert opens one."""
    await bot.small()
    assert await bot.states() == ["triggered"]
    await bot.small(status="resolved", ends_at="2026-11-23T03:50:00Z")
    assert await bot.states() == ["resolved"]
    await bot.forget()
    assert (await bot.small()).status_code == 200
    assert await bot.states() == ["resolved"]
    await bot.small(starts_at="2026-11-24T03:33:13Z")
    assert await bot.states() == ["resolved", "triggered"]


async def test_what_still_fires_a_while_after_people_closed_its_incident_opens_another(bot: Bot) -> None:
    """They may be wrong. Within the ten minutes in which alerts join an incident it is an echo of the old one."""
    await bot.small()
    await bot.states()
    closed = StateChanged(before="triggered", after="resolved")
    await bot.journal.record("INC-1", bot.journal.entry(closed, key="by hand", by="cli:ada"))
    bot.clock.leap(599.0)
    await bot.small(title="QBER above 6%")
    assert await bot.states() == ["resolved"]
    bot.clock.leap(2.0)
    await bot.small(title="QBER above 7%")
    assert await bot.states() == ["resolved", "triggered"]


async def test_old_news_joins_no_incident_that_is_open(bot: Bot) -> None:
    """The same link is in trouble again; the alert of last week is not part of it."""
    await bot.small()
    await bot.states()
    await bot.small(status="resolved")
    await bot.states()
    await bot.forget()
    await bot.small(id="other", starts_at="2026-12-01T03:53:00Z")
    await bot.small()
    assert await bot.states() == ["resolved", "triggered"]
    (view,) = await bot.journal.incidents(open_only=True)
    assert [each.alert.fingerprint for each in view.alerts.values()] == ["generic:other"]


async def test_a_page_that_is_reopened_raises_an_incident_again(bot: Bot) -> None:
    """PagerDuty calls it by its old name; that is no repetition."""
    for kind in ("triggered", "resolved"):
        await bot.page(kind, occurred="2026-11-23T03:33:21Z")
        await bot.states()
    await bot.page("reopened", occurred="2026-11-23T03:50:00Z")
    assert await bot.states() == ["resolved", "triggered"]
    await bot.page("resolved", occurred="2026-11-23T03:52:00Z")
    assert await bot.states() == ["resolved", "resolved"]
    assert [
        event.body.after for event in await bot.journal.events("INC-2") if isinstance(event.body, StateChanged)
    ] == ["resolved"]


async def test_a_page_of_last_week_is_refused(bot: Bot) -> None:
    """Its signature covers no time but the event's own; the inbox knows the body for longer than that is taken."""
    for kind in ("triggered", "resolved"):
        await bot.page(kind, occurred="2026-11-23T03:33:21Z")
    assert await bot.states() == ["resolved"]
    await bot.forget()
    for kind in ("triggered", "reopened", "resolved"):
        answer = await bot.page(kind, occurred="2026-11-23T03:33:21Z")
        assert (answer.status_code, answer.json()["field"]) == (400, "event.occurred_at")
    assert await bot.states() == ["resolved"]
