"""Prometheus or Slack away in the middle of an incident: nothing is done blindly, and nothing goes untold."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.cli.demo_alert import Burn, alert_body
from bot.diagnosis.rules import load_rules
from bot.model.event import ActRefused, DiagnosisMade, Escalated
from tests.scenarios.observed import Observed, observed_lab
from tests.scenarios.stored import Watch, opened
from tests.support.lab import TOKEN, BotProcess, configuration, running_lab
from tests.support.prometheus import Asked, Reply, far_side, passing_on
from tests.support.slack import Message, Workspace, running_workspace

LINK = "ein-ens"
SPEED = 10.0
SLACK_PATIENCE_S = 60.0
"""The bot asks again after 1, 2, 4, 8 and 16 seconds while Slack is away."""


@pytest.fixture
async def observed(tmp_path: Path) -> AsyncIterator[Observed]:
    """A network whose past Prometheus knows, its slots just taken away."""
    async with observed_lab(tmp_path, speed=SPEED) as running:
        await running.break_link("F7", LINK)
        yield running


async def start(bot: BotProcess) -> Watch:
    """Start the bot, post the alert, and watch its store."""
    await bot.start()
    body = alert_body(Burn(link=LINK, objective=0.99, failing=0.3), at=time.time())
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await client.post(f"{bot.address}/alerts/alertmanager", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return await opened(f"sqlite:///{bot.folder / 'data' / 'bellhop.db'}")


async def approve(bot: BotProcess) -> None:
    """What a person does at a terminal."""
    done = await asyncio.to_thread(bot.command, "approve", "INC-1-R1", "allot")
    assert done.returncode == 0, done.stderr


def unavailable(asked: Asked) -> Reply:
    """A Prometheus that is being restarted."""
    del asked
    return Reply(b"Service Unavailable", 503)


async def test_without_prometheus_the_verdict_is_unknown_and_nothing_is_done(tmp_path: Path) -> None:
    """The diagnosis names every signal that it would have needed; people are called; the controller hears nothing."""
    async with running_lab() as lab:
        with far_side(unavailable) as prometheus:
            bot = BotProcess(tmp_path, _asking(prometheus.address, configuration(tmp_path, lab)))
            watch = await start(bot)
            try:
                told = await watch.until(lambda each: each.bodies(Escalated) and each.view.runs)
            finally:
                bot.kill()
                await watch.close()
    (made,) = told.bodies(DiagnosisMade)
    assert made.diagnosis.verdict == "unknown"
    assert set(made.diagnosis.missing) == set(load_rules(None).signals)
    assert "Telemetry does not answer" in made.diagnosis.summary
    assert (told.acts, lab.done) == ([], [])


@pytest.mark.needs("prometheus")
@pytest.mark.slow
async def test_an_approved_act_is_refused_when_prometheus_went_away_meanwhile(
    observed: Observed, tmp_path: Path
) -> None:
    """The guard asks for fresh telemetry just before the act, whoever approved it."""
    away: list[bool] = []
    through = passing_on(observed.prometheus)
    with far_side(lambda asked: unavailable(asked) if away else through(asked)) as prometheus:
        bot = BotProcess(tmp_path, _asking(prometheus.address, observed.configuration(tmp_path)))
        watch = await start(bot)
        try:
            await watch.until(lambda each: each.view.approvals)
            away.append(True)
            await approve(bot)
            told = await watch.until(lambda each: each.view.runs["INC-1-R1"].result)
        finally:
            bot.kill()
            await watch.close()
    assert [refused.guard for refused in told.bodies(ActRefused)] == ["require_fresh_telemetry"]
    assert told.view.runs["INC-1-R1"].result != "succeeded"
    assert told.bodies(Escalated)
    assert (told.view.state, observed.lab.done) == ("triggered", [])


@pytest.mark.needs("prometheus")
@pytest.mark.slow
async def test_what_happened_while_slack_was_away_is_told_in_order_when_it_is_back(
    observed: Observed, tmp_path: Path
) -> None:
    """The incident is handled all the same; later one message and its thread tell everything once."""
    async with running_workspace() as slack:
        channel = slack.add_channel("incidents", slack.add_user("alice"))
        slack.down = True
        bot = BotProcess(tmp_path, _talking(slack, channel.id, observed.configuration(tmp_path)), _secrets(slack))
        watch = await start(bot)
        try:
            await watch.until(lambda each: each.view.approvals)
            await approve(bot)
            await watch.until(lambda each: "scheduler.set_slots" in each.acts)
            assert slack.messages() == []
            slack.down = False
            await slack.until(lambda: slack.messages(channel), SLACK_PATIENCE_S)
            await watch.until(lambda each: each.view.state == "postmortem published")
            (message,) = [each for each in slack.messages(channel) if not each.is_reply]
            await slack.until(lambda: "postmortem" in _thread(slack, message), SLACK_PATIENCE_S)
        finally:
            bot.kill()
            await watch.close()
    told = _thread(slack, message)
    order = [told.index(word) for word in ("F7", "approved", "resolved", "postmortem")]
    assert order == sorted(order)
    lines = told.splitlines()
    assert len(lines) == len(set(lines))


def _asking(prometheus: str, content: dict[str, Any]) -> dict[str, Any]:
    telemetry = dict(content["telemetry"]) | {
        "source": "prometheus",
        "exporters": [],
        "prometheus": {"url": prometheus},
    }
    return {**content, "telemetry": telemetry}


def _talking(slack: Workspace, channel: str, content: dict[str, Any]) -> dict[str, Any]:
    block = {
        "mode": "http",
        "bot_token": {"env": "SLACK_BOT_TOKEN"},
        "signing_secret": {"env": "SLACK_SECRET"},
        "channel": channel,
        "api_url": slack.base_url,
    }
    return {**content, "slack": block}


def _secrets(slack: Workspace) -> dict[str, str]:
    return {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SECRET": slack.signing_secret}


def _thread(slack: Workspace, message: Message) -> str:
    return "\n".join(reply.text for reply in slack.replies(message))
