"""The real HTTP door on a free port, and what a real Alertmanager posted to it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.clock import FastClock
from bot.far_settings import Basic, Secret
from bot.http import free_port, running
from bot.intake.counters import IntakeCounters
from bot.intake.door import intake_routes
from bot.intake.inbox import Inbox
from bot.intake_settings import AlertmanagerSettings, IntakeSettings
from bot.store import Store, Transaction

PAYLOADS = Path(__file__).parent / "payloads"
CAPTURED_AT = 1_795_405_000.0
"""2026-11-23T03:36:40Z: shortly after the captured alerts began."""
TOKEN = "s3cret-token"
"""What the captured deliveries carry."""


@dataclass
class Door:
    """A running door: its client, its store and what it has counted."""

    web: httpx.AsyncClient
    store: Store
    counters: IntakeCounters

    async def post(self, content: bytes, **headers: str) -> httpx.Response:
        """Post with the right token, unless `authorization` says otherwise."""
        shown = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
        return await self.web.post("/alerts/alertmanager", content=content, headers=shown)

    async def stored(self) -> list[bytes]:
        """The bodies in the inbox."""
        return [row.body for row in await self.store.read(lambda transaction: transaction.inbox_take(10_000))]


def nowhere(transaction: Transaction, *, incident: str, cause: str) -> None:
    """No workflow engine is at hand that could write a postmortem."""
    del transaction, incident, cause


def captured(name: str) -> dict[str, Any]:
    """The body of a delivery that a real Alertmanager sent."""
    body: dict[str, Any] = json.loads((PAYLOADS / f"alertmanager_{name}.json").read_text())["body"]
    return body


def settings(folder: Path) -> AlertmanagerSettings:
    """Bearer token and basic, their secrets in files below `folder`."""
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "password").write_text("päss:word\n", encoding="utf-8")
    basic = Basic(user="alertmanager", password=Secret(file=folder / "password"))
    return AlertmanagerSettings(bearer_token=Secret(file=folder / "token"), basic=basic)


@asynccontextmanager
async def open_door(store: Store, folder: Path) -> AsyncIterator[Door]:
    """Serve the door over `store`."""
    clock, counters = FastClock(start=CAPTURED_AT, speed=1.0), IntakeCounters()
    clock.stop()
    app = Starlette(routes=intake_routes(IntakeSettings(alertmanager=settings(folder)), Inbox(store), clock, counters))
    async with running(app, free_port()) as address, httpx.AsyncClient(base_url=address, trust_env=False) as web:
        yield Door(web, store, counters)
