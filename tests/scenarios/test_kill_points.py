"""One incident, one bot, and a SIGKILL at every stage: the story goes on where it was, and no act happens twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bot.cli.demo_alert import Burn, alert_body
from bot.model.event import ApprovalAnswered, RunStarted
from tests.scenarios.observed import Observed, observed_lab
from tests.scenarios.stored import Stored, opened
from tests.support.lab import TOKEN, BotProcess, Lab, until
from tests.support.postgres import PASSWORD, Cluster, running_cluster

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.slow]
LINK = "ams-rtm"
SPEED = 10.0


@pytest.fixture
async def observed(tmp_path: Path) -> AsyncIterator[Observed]:
    """A network that stays, with its past, while bots come and go."""
    async with observed_lab(tmp_path, speed=SPEED) as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Postgres."""
    with running_cluster() as running:
        yield running


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of the kind that the test asks for."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bellhop.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.database()


def bot_on(store: str, observed: Observed, folder: Path) -> BotProcess:
    """A bot that is not started yet. Two good looks at the metrics, a quarter of a minute apart, make a recovery."""
    block = {"url": store} | ({"password": {"env": "STORE_PASSWORD"}} if store.startswith("postgresql") else {})
    content = observed.configuration(folder, store=block, incidents={"recovery_hold": "30s"})
    return BotProcess(folder, content, {"STORE_PASSWORD": PASSWORD})


async def post_alert(bot: BotProcess) -> int:
    """What Alertmanager would send about the link; the status of the answer."""
    body = alert_body(Burn(link=LINK, objective=0.99, failing=0.3), at=time.time())
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return (await client.post(f"{bot.address}/alerts/alertmanager", content=body, headers=headers)).status_code


async def restart(bot: BotProcess) -> None:
    """SIGKILL, and a new process on the same store."""
    bot.kill()
    await bot.start()


@pytest.mark.parametrize(
    "store", ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))], indirect=True
)
async def test_an_incident_comes_to_its_end_whenever_the_bot_is_killed(
    store: str, observed: Observed, tmp_path: Path
) -> None:
    """Killed after the 200, while it waits, while the controller works, and before the postmortem.

    Each restarted process is another executor on Postgres, so its runs are taken over from a dead one.
    """
    bot = bot_on(store, observed, tmp_path)
    await bot.start()
    watch = await opened(store)
    try:
        await observed.break_link("F1", LINK)
        assert await post_alert(bot) == 200
        await restart(bot)
        await watch.until(lambda each: each.view.approvals)
        await approve_while_dead(bot, observed.lab)
        await killed_while_the_controller_works(bot, observed.lab)
        waiting = await watch.until(lambda each: each.view.state == "monitoring")
        bot.kill()
        assert not (tmp_path / "postmortems" / "INC-1.md").exists(), waiting.account()
        await bot.start()
        told = await watch.until(lambda each: each.view.state == "postmortem published")
        assert (tmp_path / "postmortems" / "INC-1.md").exists()
        once(told, observed.lab)
        assert bot.stop() == 0
    finally:
        bot.kill()
        await watch.close()


async def approve_while_dead(bot: BotProcess, lab: Lab) -> None:
    """A person approves while no bot runs: the answer waits in the store."""
    bot.kill()
    approved = await asyncio.to_thread(bot.command, "approve", "INC-1-R1", "realign")
    assert approved.returncode == 0, approved.stderr
    assert "link.realign" not in lab.done
    await bot.start()


async def killed_while_the_controller_works(bot: BotProcess, lab: Lab) -> None:
    """The realignment takes a simulated minute: six seconds, of which the bot sees only the first."""
    await until(lambda: "link.realign" in lab.done, "the controller was asked")
    bot.kill()
    (job,) = [job for job in lab.simulation.ledger.jobs if job.request.operation == "link.realign"]
    assert job.state == "running"
    await bot.start()


def once(told: Stored, lab: Lab) -> None:
    """Five processes, one story: one run, one answer, and each operation once and under a key of its own."""
    assert lab.done == ["flow.throttle", "link.realign", "flow.unthrottle"]
    assert len(told.bodies(RunStarted)) == len(told.bodies(ApprovalAnswered)) == 1
    assert [run.result for run in told.view.runs.values()] == ["succeeded"]
    assert told.states == ["mitigating", "monitoring", "resolved", "postmortem published"]
