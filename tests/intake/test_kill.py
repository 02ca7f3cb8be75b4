"""Kill -9 in the middle of posts: every delivery that was answered with 2xx is in the inbox."""

import asyncio
import json
import random
import sys
from pathlib import Path

import httpx
import pytest

from bot.http import free_port
from bot.store import Store
from tests.intake.door import TOKEN, captured, settings
from tests.support.postgres import password_of

SERVER = """
import asyncio, sys
from pathlib import Path
from starlette.applications import Starlette
from bot.clock import SystemClock
from bot.http import running
from bot.intake.counters import IntakeCounters
from bot.intake.door import intake_routes
from bot.intake.inbox import Inbox
from bot.intake_settings import IntakeSettings
from bot.store import Store
from tests.intake.door import settings
from tests.support.postgres import password_of

async def main():
    url, folder, port = sys.argv[1:]
    store = Store(url, password_of(url))
    await store.open()
    doors = IntakeSettings(alertmanager=settings(Path(folder)))
    routes = intake_routes(doors, Inbox(store), SystemClock(), IntakeCounters())
    async with running(Starlette(routes=routes), int(port)):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
SENDERS = 8


class Accepted(list[bytes]):
    """The bodies that were answered with 2xx; `enough` is set once there are `wanted`."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._wanted = wanted
        self.enough = asyncio.Event()

    def note(self, body: bytes) -> None:
        """One more."""
        self.append(body)
        if len(self) >= self._wanted:
            self.enough.set()


async def post_until_refused(web: httpx.AsyncClient, sender: int, accepted: Accepted) -> None:
    """Post different deliveries one after another, as a sender does, until the server is gone."""
    for number in range(100_000):
        body = json.dumps(captured("firing_bearer") | {"receiver": f"{sender}-{number}"}).encode()
        try:
            answer = await web.post("/alerts/alertmanager", content=body)
        except httpx.TransportError:
            return
        assert answer.status_code == 200
        accepted.note(body)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_was_accepted_survives_a_kill(url: str, tmp_path: Path, seed: int) -> None:
    """Eight senders at once; the process is killed after a seeded number of deliveries."""
    wanted = random.Random(seed).randint(20, 150)
    settings(tmp_path)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, url, str(tmp_path), str(port),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    accepted = Accepted(wanted)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
            headers = {"authorization": f"Bearer {TOKEN}"}
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as web:
                posting = [asyncio.create_task(post_until_refused(web, each, accepted)) for each in range(SENDERS)]
                await accepted.enough.wait()
                process.kill()
                await asyncio.gather(*posting)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    store = Store(url, password_of(url))
    await store.open()
    rows = await store.read(lambda transaction: transaction.inbox_take(100_000))
    await store.close()
    assert len(accepted) >= wanted
    assert set(accepted) <= {row.body for row in rows}
    assert len(rows) <= len(accepted) + SENDERS
