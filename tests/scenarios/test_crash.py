"""`bellhop serve` killed with SIGKILL and started again: nothing accepted is lost, nothing is done twice."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.cli.demo_alert import Burn, alert_body
from tests.support.lab import TOKEN, BotProcess, Lab, configuration, running_lab, shown, until

LINK = "ein-ens"
WARM_UP_S = 30.0
"""Real seconds of healthy telemetry: a baseline is at least ten samples behind the first rate window of 10 s."""


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """The simulated network."""
    async with running_lab() as running:
        yield running


async def burning(bot: BotProcess, lab: Lab) -> None:
    """Let a baseline gather, take the link's slots away, and post the alert."""
    began = lab.simulation.time
    await until(lambda: _lived(lab) - began > WARM_UP_S * 10, "a baseline is there")
    lab.simulation.inject("F7", LINK, severity=0.7)
    broken = _lived(lab)
    await until(lambda: _lived(lab) - broken > 150, "the queue has grown, and the telemetry shows it beyond doubt")
    await post(bot, alert())


def _lived(lab: Lab) -> float:
    """Simulated seconds that have passed; the bot's scrapes move it on."""
    return lab.simulation.time


def alert() -> bytes:
    """What Alertmanager would send now."""
    return alert_body(Burn(link=LINK, objective=0.99, failing=0.3), at=time.time())


async def post(bot: BotProcess, body: bytes) -> None:
    """Deliver an alert; only a 200 counts."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{bot.address}/alerts/alertmanager", content=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert answer.status_code == 200, answer.text


async def test_approval_given_while_the_bot_is_dead_is_not_lost(lab: Lab, tmp_path: Path) -> None:
    """Killed while a step waits for approval; approved meanwhile; the run goes on and its act happens once."""
    bot = BotProcess(tmp_path, configuration(tmp_path, lab))
    await bot.start()
    try:
        await burning(bot, lab)
        await shown(bot, "approval needed", "allot")
        bot.kill()
        approved = bot.command("approve", "INC-1-R1", "allot")
        assert approved.returncode == 0, approved.stderr
        assert "scheduler.set_slots" not in lab.done
        await bot.start()
        await shown(bot, "postmortem published")
        assert lab.done.count("scheduler.set_slots") == 1
        assert (tmp_path / "postmortems" / "INC-1.md").exists()
        assert bot.stop() == 0
    finally:
        bot.kill()


async def test_bot_killed_in_the_middle_of_an_act_does_not_repeat_it(lab: Lab, tmp_path: Path) -> None:
    """Killed while the controller works: after the restart the act is looked up by its key, not repeated."""
    bot = BotProcess(tmp_path, configuration(tmp_path, lab))
    await bot.start()
    try:
        await burning(bot, lab)
        await shown(bot, "approval needed", "allot")
        assert bot.command("approve", "INC-1-R1", "allot").returncode == 0
        await until(lambda: "scheduler.set_slots" in lab.done, "the controller was asked")
        bot.kill()
        await bot.start()
        await shown(bot, "postmortem published")
        assert lab.done.count("scheduler.set_slots") == 1
    finally:
        bot.kill()


async def test_alert_answered_with_200_is_an_incident_after_a_power_cut(lab: Lab, tmp_path: Path) -> None:
    """Killed right after the answer; after the restart the alert is one incident, though it is sent again."""
    bot = BotProcess(tmp_path, configuration(tmp_path, lab))
    await bot.start()
    try:
        body = alert()
        await post(bot, body)
        bot.kill()
        await bot.start()
        await shown(bot, "incident", LINK)
        await post(bot, body)
        await shown(bot, "unknown")
        listed = bot.command("incident", "list")
        assert listed.stdout.count("INC-") == 1
        assert lab.done == []
        assert bot.stop() == 0
    finally:
        bot.kill()
