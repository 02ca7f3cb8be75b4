"""The store locked, full or crashed: nothing is lost or done again, and everybody who is concerned is told, once."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.cli.demo_alert import Burn, alert_body
from bot.model.store_event import StoreWasUnavailable
from tests.scenarios.crash.troubles import PACE
from tests.scenarios.stored import Stored, Watch, opened
from tests.support.lab import TOKEN, BotProcess, configuration, running_lab, until
from tests.support.postgres import PASSWORD, running_cluster
from tests.support.slack import Channel, User, Workspace, running_workspace
from tests.support.store_faults import Server, full, locked

PATIENCE_S = 120.0
SUCCEEDED = "f4-entanglement-exhaustion succeeded: flow.throttle, entanglement.replenish, flow.unthrottle"
WHY = {
    "locked": "another program keeps the database locked",
    "full": "the disk or its quota is full, or the disk fails",
    "restarted": "the database server does not answer",
}
NEXT = {"locked": r"held by process {test} \(.+\)", "full": "free space for", "restarted": "look whether the server at"}
"""What the log says to do; `test` is the process that holds the lock."""
POSTGRES = pytest.param("restarted", marks=pytest.mark.needs("postgres"))
WAITS_S = 10.0
"""So long the bot waits for a lock, also the last time."""
PROMPT_S = 2.0
"""Nobody waits for a store that is known to be down; a lock is waited for ten seconds the first time."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("locked", "after insert events done:INC-1-R1:replenish"),
        ("full", "after insert events done:INC-1-R1:replenish"),
        ("full", "before insert events done:INC-1-R1:throttle"),
        pytest.param("restarted", "before insert events done:INC-1-R1:throttle", marks=pytest.mark.needs("postgres")),
    ],
)
def test_a_run_waits_for_a_store_in_trouble_and_ends_as_it_would_have(kind: str, point: str) -> None:
    """The trouble begins just before an outcome is written, or the engine's own record of it.

    The bot is not restarted; each operation reached the controller once, and no workflow is left behind. The gap in
    the timeline is explained where it is.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.crash.troubles", kind, point],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["struck"]
    assert told["violations"] == [], told["account"]
    assert told["result"] == SUCCEEDED, told["reasons"]
    ((why, lasted_s),) = told["outages"]
    assert why == WHY[kind]
    assert 0.0 < lasted_s < PACE[kind][1] + WAITS_S  # the story's clock slows down with a busy machine
    assert told["in order"], told["account"]


@dataclass
class Served:
    """A bot that is served, its store, and its incident in Slack."""

    bot: BotProcess
    watch: Watch
    slack: Workspace
    channel: Channel
    alice: User
    trouble: Callable[[], AbstractContextManager[None]]

    async def post(self) -> httpx.Response:
        """Deliver an alert about a healthy link."""
        async with httpx.AsyncClient(trust_env=False, base_url=self.bot.address, timeout=30) as web:
            body = alert_body(Burn(link="rtm-ein", objective=0.99, failing=0.3), at=time.time())
            return await web.post("/alerts/alertmanager", content=body, headers={"Authorization": f"Bearer {TOKEN}"})

    async def ready(self) -> str:
        """What the bot says about its store; nothing when it is well."""
        async with httpx.AsyncClient(trust_env=False, base_url=self.bot.address, timeout=30) as web:
            return str((await web.get("/readyz")).json()["reasons"].get("store", ""))

    async def metric(self, name: str) -> float:
        """One of the bot's own metrics."""
        async with httpx.AsyncClient(trust_env=False, base_url=self.bot.address) as web:
            lines = (await web.get("/metrics")).text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    async def acknowledge(self) -> str:
        """Press the button; what Slack shows the presser."""
        before = len(self.slack.ephemerals(self.alice))
        message = next(each for each in self.slack.messages(self.channel) if not each.is_reply)
        await self.slack.press(self.alice, message, "bellhop:acknowledge")
        await self.slack.until(lambda: len(self.slack.ephemerals(self.alice)) > before, PATIENCE_S)
        return self.slack.ephemerals(self.alice)[-1].text

    def thread(self) -> str:
        """What stands below the incident's message."""
        message = next(each for each in self.slack.messages(self.channel) if not each.is_reply)
        return "\n".join(reply.text for reply in self.slack.replies(message))

    def log(self) -> list[str]:
        """The lines that the bot wrote."""
        return (self.bot.folder / "serve.log").read_text(encoding="utf-8").splitlines()


@pytest.fixture
async def served(kind: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A bot with one open incident that stands in Slack, on a SQLite file or on Postgres."""
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(running_lab())
        slack = await stack.enter_async_context(running_workspace())
        alice = slack.add_user("alice")
        channel = slack.add_channel("incidents", alice)
        content = configuration(tmp_path, lab, slack=_slack(slack, channel))
        content["people"] = [{"id": f"slack:{alice.id}", "name": "alice", "roles": ["operator"]}]
        secrets = {"SLACK_TOKEN": slack.bot_token, "SLACK_SECRET": slack.signing_secret, "STORE_PASSWORD": PASSWORD}
        bot = BotProcess(tmp_path, content, secrets)
        file = tmp_path / "data" / "bellhop.db"
        url = f"sqlite:///{file}"
        if kind == "restarted":
            cluster = stack.enter_context(running_cluster())
            server = Server(cluster)
            stack.callback(server.end)
            url = cluster.database()
            content["store"] = {"url": url, "password": {"env": "STORE_PASSWORD"}}
        slack.request_url = f"{bot.address}/slack/events"
        stack.callback(bot.kill)
        await bot.start()
        watch = await opened(url)
        stack.push_async_callback(watch.close)

        def trouble() -> AbstractContextManager[None]:
            if kind == "restarted":
                return server.crashed()
            assert bot.process is not None
            size = file.with_name("bellhop.db-wal").stat().st_size
            return locked(file) if kind == "locked" else full(bot.process.pid, size)

        running = Served(bot, watch, slack, channel, alice, trouble)
        assert (await running.post()).status_code == 200
        await slack.until(lambda: "Diagnosis" in "".join(each.text for each in slack.messages(channel)), PATIENCE_S)
        yield running


def _slack(slack: Workspace, channel: Channel) -> dict[str, Any]:
    secrets = {"bot_token": {"env": "SLACK_TOKEN"}, "signing_secret": {"env": "SLACK_SECRET"}}
    return {"mode": "http", "channel": channel.id, "api_url": slack.base_url, **secrets}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["locked", "full", POSTGRES])
async def test_people_senders_and_the_timeline_are_told_of_a_store_that_takes_no_writes(
    served: Served, kind: str
) -> None:
    """An alert is answered 503 with the reason, a press says that nothing was written, health and metrics say why.

    Once the store is back the same press counts, the alert comes in, and one event explains the gap, also in Slack.
    """
    with served.trouble():
        refused = await served.post()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json() == {"error": f"the store does not take it now: {WHY[kind]}; send it again"}
        began = time.monotonic()
        assert (await served.post()).status_code == 503
        said = await served.acknowledge()
        assert time.monotonic() - began < PROMPT_S
        assert "nothing was written" in said
        assert await served.ready() == f"the store takes no writes: {WHY[kind]}"
        assert await served.metric("bellhop_store_writable") == 0
    await until(lambda: _well(served), "the store is ready again", log=served.bot.folder / "serve.log")
    assert await served.metric("bellhop_store_writable") == 1
    assert await served.metric("bellhop_store_outages_total") == 1
    await served.watch.until(lambda each: each.bodies(StoreWasUnavailable))
    await served.slack.until(lambda: WHY[kind] in served.thread(), PATIENCE_S)
    assert "acknowledge" in (await served.acknowledge()).lower()
    assert (await served.post()).status_code == 200
    told = await served.watch.until(lambda each: each.view.acknowledged_at)
    _told_once(served, kind, told)


async def _well(served: Served) -> bool:
    return not await served.ready()


def _told_once(served: Served, kind: str, told: Stored) -> None:
    """In the timeline, its thread and the log, with what to do and without a secret."""
    (body,) = told.bodies(StoreWasUnavailable)
    (event,) = (each for each in told.events if each.body == body)
    assert (body.reason, served.thread().count(WHY[kind])) == (WHY[kind], 1)
    assert body.since < body.until <= event.at
    assert not [each for each in told.events if body.since < each.at < body.until]
    (first,) = (line for line in served.log() if "bot.flow.outage" in line and "refuses" in line)
    assert re.search(NEXT[kind].format(test=os.getpid()), first), first
    assert [line for line in served.log() if "takes writes again" in line and "told in INC-1" in line]
    assert PASSWORD not in "\n".join(served.log())
