"""What names an episode or a change becomes a key in the database: every door looks at it before it lets it in."""

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
from bot.intake_settings import (
    AlertmanagerSettings,
    GenericSettings,
    GrafanaSettings,
    IntakeSettings,
    PagerDutySettings,
)
from bot.store import Store
from tests.intake.door import CAPTURED_AT, nowhere
from tests.support.incident_story import network

TOKEN = "one-token-for-all-doors"
BEGAN = "2026-11-23T03:33:13Z"
SMALL = {"id": "qber-17", "title": "QBER above 5%", "link": "ams-rpt1", "starts_at": BEGAN}
CHANGE = {"id": "chg-9", "change": "firmware", "node": "ams", "at": BEGAN}
EVENT = {"specversion": "1.0", "id": "1", "source": "plant", "type": "qber", "time": BEGAN}
PAGE = {"id": "PGR0VU2", "created_at": BEGAN, "title": "QBER above 5%"}


class Doors:
    """All four doors over one store, and the worker behind their inbox."""

    def __init__(self, web: httpx.AsyncClient, store: Store, clock: FastClock) -> None:
        self._web = web
        self._journal = Journal(store, clock)
        self._worker = IntakeWorker(
            journal=self._journal,
            network=network(),
            join_window_s=600.0,
            respond=self._respond,
            publish=nowhere,
            reconcile=None,
            counters=IntakeCounters(),
        )

    async def _respond(self, incident: str) -> None:
        del incident

    async def post(self, source: str, content: bytes) -> httpx.Response:
        """With what the source proves itself by."""
        proof = hmac.new(TOKEN.encode(), content, hashlib.sha256).hexdigest()
        headers = {"authorization": f"Bearer {TOKEN}", "x-pagerduty-signature": f"v1={proof}"}
        return await self._web.post(f"/alerts/{source}", content=content, headers=headers)

    async def incidents(self) -> int:
        """How many there are once the inbox is empty."""
        while await self._worker.work_once():
            pass
        return len(await self._journal.incidents(open_only=False))


@pytest.fixture
async def doors(store: Store, tmp_path: Path) -> AsyncIterator[Doors]:
    """All four, running."""
    (tmp_path / "token").write_text(TOKEN)
    token = Secret(file=tmp_path / "token")
    settings = IntakeSettings(
        alertmanager=AlertmanagerSettings(bearer_token=token),
        grafana=GrafanaSettings(bearer_token=token),
        pagerduty=PagerDutySettings(secrets=(token,)),
        generic=GenericSettings(bearer_token=token),
    )
    clock = FastClock(start=CAPTURED_AT, speed=1.0)
    clock.stop()
    app = Starlette(routes=intake_routes(settings, Inbox(store), clock, IntakeCounters()))
    async with running(app, free_port()) as address, httpx.AsyncClient(base_url=address, trust_env=False) as web:
        yield Doors(web, store, clock)


def group(version: str, **changed: object) -> dict[str, Any]:
    """Alertmanager's or Grafana's message of one alert."""
    labels = {"alertname": "QberHigh", "link": "ams-rpt1"}
    alert = {"status": "firing", "labels": labels, "startsAt": BEGAN, "fingerprint": "0123456789abcdef"}
    return {"version": version, "groupKey": "{}:{}", "alerts": [alert | changed]}


def page(**changed: object) -> dict[str, Any]:
    """PagerDuty's message of a page that begins."""
    event = {"id": "e", "event_type": "incident.triggered", "occurred_at": BEGAN, "data": PAGE | changed}
    return {"event": event}


REFUSED = [
    ("generic", SMALL | {"id": "a\0b"}, "id"),
    ("generic", SMALL | {"id": "a\nb"}, "id"),
    ("generic", SMALL | {"id": "a" * 513}, "id"),
    ("generic", SMALL | {"link": "ams\0rpt1"}, "link"),
    ("generic", SMALL | {"severity": "\0"}, "severity"),
    ("generic", SMALL | {"title": "\0"}, "title"),
    ("generic", CHANGE | {"id": "chg\0"}, "id"),
    ("generic", CHANGE | {"node": "a\0ms"}, "node"),
    ("generic", EVENT | {"id": "1\0"}, "data.id"),
    ("generic", EVENT | {"subject": "link/a\0"}, "data.link"),
    ("pagerduty", page(id="a\0b"), "event.data.id"),
    ("pagerduty", page(id="a" * 9000), "event.data.id"),
    ("pagerduty", page(id=""), "event.data.id"),
    ("pagerduty", page(title="\0"), "event.data.title"),
    ("pagerduty", page(service={"summary": "\0"}), "event.data.service.summary"),
    ("alertmanager", group("4", fingerprint="a\0b"), "alerts[0].fingerprint"),
    ("alertmanager", group("4", labels={"link": "a\0b"}), "alerts[0].labels.link"),
    ("alertmanager", group("4", labels={"a\0b": "link"}), "alerts[0].labels"),
    ("grafana", group("1", fingerprint="a" * 129), "alerts[0].fingerprint"),
    ("grafana", group("1", labels={"alertname": "\0"}), "alerts[0].labels.alertname"),
]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("source", "message", "field"), REFUSED)
async def test_what_no_database_takes_as_a_key_is_refused_with_its_field(
    doors: Doors, source: str, message: dict[str, Any], field: str
) -> None:
    """NUL, control characters and endless ids; nothing of it is stored."""
    answer = await doors.post(source, json.dumps(message).encode())
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert "\0" not in answer.json()["error"]
    assert await doors.incidents() == 0


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("generic", SMALL | {"id": "a\ud800b"}),
        ("pagerduty", page(id="a\udc00b")),
        ("alertmanager", group("4", labels={"link": "a\ud800b"})),
        ("grafana", group("1", labels={"a\udc00b": "link"})),
    ],
)
async def test_half_a_character_is_no_json(doors: Doors, source: str, message: dict[str, Any]) -> None:
    """A lone surrogate, escaped as JSON lets one, is no text that could be written down."""
    answer = await doors.post(source, json.dumps(message).encode())
    assert answer.status_code == 400
    assert "the body is not JSON" in answer.json()["error"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("generic", SMALL | {"id": "".join(chr(0x20000 + 37 * place) for place in range(512))}),
        ("pagerduty", page(id="".join(chr(0x20000 + 37 * place) for place in range(512)))),
        ("generic", EVENT | {"source": "https://plant.example/" + "a" * 9000, "id": "b" * 9000}),
    ],
)
async def test_the_longest_names_that_are_let_in_open_an_incident(
    doors: Doors, source: str, message: dict[str, Any]
) -> None:
    """512 characters of four bytes each; of a CloudEvent's source and id, which have no bound, the digest names it."""
    for _ in range(2):
        assert (await doors.post(source, json.dumps(message).encode())).status_code == 200
    assert await doors.incidents() == 1
