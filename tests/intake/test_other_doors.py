"""Grafana, PagerDuty and the generic door over real HTTP: who gets in, and what becomes of what they say.

The payloads follow the vendors' documentation; their signatures were made by another program (payloads/signed.json).
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

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
from bot.model.event import ChangeSeen, Event, StateChanged
from bot.model.maintenance import Maintenance
from bot.model.network import Subject
from bot.store import NoticeRows, Store
from tests.intake.door import PAYLOADS, nowhere
from tests.support.incident_story import network

NOW = 1_795_405_990.0
"""When the signed Grafana message was stamped."""
TOKEN = "generic-token"
SIGNED = {each["file"]: each for each in json.loads((PAYLOADS / "signed.json").read_text())}
LINK = "ams-rpt1"
AUTHORISED = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


class Doors:
    """A bot's doors and the worker behind their inbox."""

    def __init__(self, web: httpx.AsyncClient, store: Store, clock: FastClock) -> None:
        self.web = web
        self.clock = clock
        self.store = store
        self.journal = Journal(store, clock)
        self.responded: list[str] = []
        self.worker = IntakeWorker(
            journal=self.journal,
            network=network(),
            join_window_s=600.0,
            respond=self._respond,
            publish=nowhere,
            reconcile=None,
            counters=IntakeCounters(),
        )

    async def _respond(self, incident: str) -> None:
        self.responded.append(incident)

    async def post(self, source: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """What a source sends."""
        return await self.web.post(f"/alerts/{source}", content=content, headers=headers)

    async def tell(self, **fields: object) -> httpx.Response:
        """The small JSON to the generic door."""
        return await self.post("generic", json.dumps(fields).encode(), AUTHORISED)

    async def states(self) -> list[tuple[str, str]]:
        """(subject, state) of every incident once the inbox is empty."""
        while await self.worker.work_once():
            pass
        views = await self.journal.incidents(open_only=False)
        return [(str(view.subject), view.state) for view in views]

    async def events(self, kind: type[Any]) -> list[Event]:
        """The events of INC-1 whose body is of one kind."""
        return [event for event in await self.journal.events("INC-1") if isinstance(event.body, kind)]


def secret(folder: Path, name: str, value: str) -> Secret:
    """A secret in a file."""
    (folder / name).write_text(value)
    return Secret(file=folder / name)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    """All three, with the secrets of the signed payloads."""
    settings = IntakeSettings(
        grafana=GrafanaSettings(
            signing_secret=secret(tmp_path, "grafana", "graf-secret"), timestamp_header="X-Grafana-Timestamp"
        ),
        pagerduty=PagerDutySettings(secrets=(secret(tmp_path, "new", "s3cr3t-new"),)),
        generic=GenericSettings(bearer_token=secret(tmp_path, "generic", TOKEN)),
    )
    store = Store(f"sqlite:///{tmp_path / 'bellhop.db'}")
    await store.open()
    clock = FastClock(start=NOW, speed=1.0)
    clock.stop()
    app = Starlette(routes=intake_routes(settings, Inbox(store), clock, IntakeCounters()))
    async with running(app, free_port()) as address, httpx.AsyncClient(base_url=address, trust_env=False) as web:
        yield Doors(web, store, clock)
    await store.close()


def signed(name: str) -> tuple[bytes, dict[str, str]]:
    """A payload's bytes and the headers that prove it."""
    headers = {key.partition(" ")[0]: value for key, value in SIGNED[name]["headers"].items()}
    return (PAYLOADS / name).read_bytes(), headers


async def test_grafana_proves_itself_by_its_signature(doors: Doors) -> None:
    """Over the time and the body; another time, body or no signature is a stranger."""
    content, headers = signed("grafana_webhook_firing.json")
    assert (await doors.post("grafana", content, headers)).status_code == 200
    strangers = [
        (content, headers | {"X-Grafana-Timestamp": "1795405991"}),
        (content + b" ", headers),
        (content, {"X-Grafana-Timestamp": headers["X-Grafana-Timestamp"]}),
        (content, headers | {"X-Grafana-Alerting-Signature": ""}),
    ]
    for body, shown in strangers:
        assert (await doors.post("grafana", body, shown)).status_code == 401
    assert await doors.states() == [("network:randstad", "triggered")]  # its link is in no network file here


@pytest.mark.parametrize("name", ["triggered", "acknowledged", "resolved"])
async def test_pagerduty_proves_itself_by_any_of_its_signatures(doors: Doors, name: str) -> None:
    """While secrets are rotated there are two; one that fits is enough, a changed body fits none."""
    content, headers = signed(f"pagerduty_v3_incident_{name}.json")
    assert (await doors.post("pagerduty", content, headers)).status_code == 200
    assert (await doors.post("pagerduty", content.replace(b"high", b"low "), headers)).status_code == 401
    shown = headers | {"X-PagerDuty-Signature": headers["X-PagerDuty-Signature"].rpartition(",")[2]}
    assert (await doors.post("pagerduty", content, shown)).status_code == 401


async def test_a_page_opens_an_incident_and_its_end_resolves_it(doors: Doors) -> None:
    """Acknowledging in between changes nothing; a repeated webhook has one effect."""
    seen = []
    for name in ("triggered", "triggered", "acknowledged", "resolved"):
        await doors.post("pagerduty", *signed(f"pagerduty_v3_incident_{name}.json"))
        seen.append([state for _, state in await doors.states()])
    assert seen == [["triggered"], ["triggered"], ["triggered"], ["resolved"]]
    assert doors.responded == ["INC-1"]


async def test_a_page_is_about_the_link_that_its_words_name(doors: Doors) -> None:
    """PagerDuty has no labels: the incident key and the title are searched for names of the network file."""
    content, _ = signed("pagerduty_v3_incident_triggered.json")
    content = content.replace(b"ams-dlft-01", LINK.encode())
    headers = {"X-PagerDuty-Signature": "v1=" + hmac.new(b"s3cr3t-new", content, hashlib.sha256).hexdigest()}
    assert (await doors.post("pagerduty", content, headers)).status_code == 200
    assert await doors.states() == [(f"link:{LINK}", "triggered")]


async def test_the_small_json_opens_and_ends_an_incident(doors: Doors) -> None:
    """The id and starts_at name the episode."""
    alert = {"id": "qber-17", "title": "QBER above 5%", "link": LINK, "starts_at": "2026-11-23T03:33:13Z"}
    assert (await doors.tell(**alert)).status_code == 200
    assert await doors.states() == [(f"link:{LINK}", "triggered")]
    assert (await doors.tell(**alert, status="resolved", ends_at="2026-11-23T03:40:00Z")).status_code == 200
    assert await doors.states() == [(f"link:{LINK}", "resolved")]


async def test_a_cloud_event_says_the_same_in_both_modes(doors: Doors) -> None:
    """Structured and binary are one event: one incident; its subject names the link."""
    structured = (PAYLOADS / "cloudevent_structured.json").read_text().replace("ams-dlft-01", LINK)
    binary = json.loads((PAYLOADS / "cloudevent_binary_headers.json").read_text().replace("ams-dlft-01", LINK))
    headers = binary["headers"] | AUTHORISED
    assert (await doors.post("generic", structured.encode(), AUTHORISED)).status_code == 200
    assert (await doors.post("generic", json.dumps(binary["body"]).encode(), headers)).status_code == 200
    assert await doors.states() == [(f"link:{LINK}", "triggered")]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"id": "1", "link": LINK}, "starts_at"),
        ({"link": LINK, "starts_at": "2026-11-23T03:33:13Z"}, "id"),
        ({"id": "", "starts_at": "2026-11-23T03:33:13Z"}, "id"),
        ({"id": 7, "starts_at": "2026-11-23T03:33:13Z"}, "id"),
        ({"id": "1", "starts_at": "yesterday"}, "starts_at"),
        ({"id": "1", "starts_at": "2199-01-01T00:00:00Z"}, "starts_at"),
        ({"id": "1", "status": "maybe", "starts_at": "2026-11-23T03:33:13Z"}, "status"),
        ({"id": "1", "change": "haircut", "link": LINK, "at": "2026-11-23T03:33:13Z"}, "change"),
        ({"id": "1", "change": "firmware", "at": "2026-11-23T03:33:13Z"}, "link"),
        ({"id": "1", "change": "firmware", "link": LINK}, "at"),
        ({"specversion": "0.3", "id": "1", "source": "x", "type": "y"}, "specversion"),
        ({"specversion": "1.0", "id": "1", "source": "x", "type": "y", "data": {"starts_at": 5}}, "data.starts_at"),
    ],
)
async def test_what_is_wrong_is_named(doors: Doors, fields: dict[str, object], field: str) -> None:
    """A 4xx with the field's path; nothing is stored."""
    answer = await doors.tell(**fields)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert await doors.states() == []


async def test_a_change_stands_in_the_timeline_of_the_incidents_near_it(doors: Doors) -> None:
    """Announced before or after the incident opened, on its link or a device at its end; once, however often told."""
    firmware = {"id": "chg-1", "change": "firmware", "node": "ams", "title": "4.2.1", "at": "2026-11-23T03:20:00Z"}
    elsewhere = {"id": "chg-2", "change": "calibration", "node": "nowhere", "at": "2026-11-23T03:21:00Z"}
    for change in (firmware, elsewhere, firmware):
        assert (await doors.tell(**change)).status_code == 200
    await doors.tell(id="a", link=LINK, starts_at="2026-11-23T03:33:13Z")
    await doors.states()
    await doors.tell(id="chg-3", change="maintenance", link=LINK, title="fiber", at="2026-11-23T03:50:00Z")
    await doors.tell(**firmware, description="told again")
    await doors.states()
    changes = [event.body for event in await doors.events(ChangeSeen)]
    assert [(body.kind, str(body.subject), body.description) for body in changes] == [
        ("firmware", "node:ams", "4.2.1"),
        ("maintenance", f"link:{LINK}", "fiber"),
    ]


async def test_maintenance_keeps_its_alerts_quiet_until_it_is_over(doors: Doors) -> None:
    """Suppressed and nobody called; when it ends with the alert still firing, the incident is raised."""
    work = Maintenance(
        subject=Subject(kind="node", id="ams"), starts_at=NOW - 60, ends_at=NOW + 3600, reason="lasers", by="ada"
    )
    await doors.store.transact(lambda transaction: NoticeRows(transaction).maintain(work))
    await doors.tell(id="a", link=LINK, starts_at="2026-11-23T03:33:13Z")
    assert await doors.states() == [(f"link:{LINK}", "suppressed")]
    (suppressed,) = await doors.events(StateChanged)
    assert suppressed.why == "maintenance of node:ams by ada: lasers"
    await doors.worker._wake()
    assert (await doors.states(), doors.responded) == ([(f"link:{LINK}", "suppressed")], [])
    doors.clock.leap(3601)
    await doors.worker._wake()
    assert (await doors.states(), doors.responded) == ([(f"link:{LINK}", "triggered")], ["INC-1"])


async def test_an_alert_that_ends_within_its_maintenance_calls_nobody(doors: Doors) -> None:
    """Suppressed, then resolved."""
    work = Maintenance(subject=Subject(kind="link", id=LINK), starts_at=NOW, ends_at=NOW + 60, reason="", by="ada")
    await doors.store.transact(lambda transaction: NoticeRows(transaction).maintain(work))
    alert = {"id": "a", "link": LINK, "starts_at": "2026-11-23T03:33:13Z"}
    await doors.tell(**alert)
    await doors.states()
    await doors.tell(**alert, status="resolved")
    assert (await doors.states(), doors.responded) == ([(f"link:{LINK}", "resolved")], [])


async def test_doors_without_a_block_are_not_there(doors: Doors) -> None:
    """Only what is configured answers; the handshake of CloudEvents allows the sender that asks."""
    assert (await doors.post("alertmanager", b"{}", AUTHORISED)).status_code == 404
    asked = await doors.web.options("/alerts/generic", headers={"WebHook-Request-Origin": "controller.example"})
    assert asked.headers["webhook-allowed-origin"] == "controller.example"
