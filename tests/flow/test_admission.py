"""Acts of several runs let in at the same time, by several bots on one store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.controllers import build_controller
from bot.flow.acts import Acts
from bot.flow.facts import plan_facts
from bot.flow.guarding import Guarding
from bot.flow.journal import Journal
from bot.flow.lifespan import Lifespan
from bot.flow.observe import Observer, TelemetrySource
from bot.flow.pausing import Pausing
from bot.flow.surroundings import Surroundings
from bot.model.event import ActRefused
from bot.model.guard import Outage
from bot.store import GuardRows, Store
from bot.telemetry.embedded import EmbeddedTelemetry
from remediation import machine
from remediation.machine import Act
from remediation.registry import ACTIONS
from tests.flow.stage import Stage, runbook, staged, throttle
from tests.support.postgres import PASSWORD, running_cluster

REALIGN = runbook(
    "realign", {"id": "realign", "action": "link.realign", "with": {"link": "{{ inputs.place }}"}, "timeout": "5m"}
)
FRESH = runbook("fresh", throttle(), guard={"require_fresh_telemetry": "1m"})
LOOSE = runbook("loose", throttle())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of an empty store of each kind."""
    if request.param == "sqlite":
        yield {"url": f"sqlite:///{tmp_path / 'shared.db'}"}
        return
    with running_cluster() as cluster:
        (tmp_path / "password").write_text(PASSWORD)
        yield {"url": cluster.database(), "password": {"file": str(tmp_path / "password")}}


@contextlib.asynccontextmanager
async def another(stage: Stage, telemetry: TelemetrySource | None = None, **guards: Any) -> AsyncIterator["Bot"]:
    """What a second bot has between its runs and the world: its own store, guards and controller."""
    bot = stage.bellhop
    password = bot.settings.store.password
    store = Store(bot.settings.store.url, password.read() if password else None)
    settings = bot.settings.guards.model_copy(update=guards)
    await store.open()
    observer = Observer(
        telemetry=telemetry or bot.telemetry,
        network=bot.network,
        rules=bot.rules,
        settings=bot.settings.telemetry,
        clock=stage.clock,
    )
    async with contextlib.AsyncExitStack() as opened:
        controller = build_controller(bot.settings, stage.clock, opened)
        journal = Journal(store, stage.clock)
        guarding = Guarding(
            store=store,
            observer=observer,
            modes=bot.modes,
            surroundings=Surroundings(journal=journal, observer=observer, controller=controller, clock=stage.clock),
            settings=settings,
            pausing=Pausing(None),
            ended=_never,
            clock=stage.clock,
        )
        acts = Acts(journal=journal, observer=observer, controller=controller, guarding=guarding, clock=stage.clock)
        yield Bot(Lifespan(journal=journal, guarding=guarding, client=bot._client), acts)
    await store.close()


async def _never(run: str) -> bool:
    del run
    return False


@dataclass
class Begun:
    """A run of one act that some bot has begun."""

    incident: str
    run: str
    act: Act
    runbook: dict[str, Any]


@dataclass
class Bot:
    """What begins runs and does their acts, without a queue."""

    lifespan: Lifespan
    acts: Acts

    async def act(self, run: Begun) -> dict[str, Any]:
        """Do the run's one act."""
        return await self.acts.act(run.incident, run.run, run.act.to_json(), run.runbook)


async def begun(stage: Stage, other: Bot, kind: str, place: str, name: str) -> Begun:
    """A run that this bot begins, past the queue of the bot on the stage."""
    bot = stage.bellhop
    incident = await stage.incident(kind, place)
    proposal = await bot.proposer.propose(incident, cause="test", runbook=name)
    assert not proposal.started
    view = await bot.journal.incident(incident)
    book = bot.library.get(name)
    plan = await bot.proposer.plan(view, book)
    facts = plan_facts(view, bot.network)
    state = machine.start(book, run=proposal.run, plan=plan, facts=facts, actions=ACTIONS)
    argument = {"incident": incident, "run": proposal.run, "runbook": name, "state": state.to_json()}
    assert (await other.lifespan.begin(argument))["ok"]
    act = machine.next_instruction(state)
    assert isinstance(act, Act)
    return Begun(incident, proposal.run, act, state.runbook)


async def test_of_two_bots_that_would_take_both_routes_of_a_flow_out_at_once_one_is_refused(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    """key-exchange runs over utr-ein or rtm-ein. Each bot looks and asks by itself; the store lets one of them in.

    Thrice: whoever was let in gives its link back when it is done.
    """
    async with staged(tmp_path, REALIGN, store=database) as stage, another(stage) as one, another(stage) as two:
        for turn in range(1, 4):
            runs = [
                (one, await begun(stage, one, "link", "utr-ein", "realign")),
                (two, await begun(stage, two, "link", "rtm-ein", "realign")),
            ]
            done = await asyncio.gather(*(acts.act(run) for acts, run in runs))
            assert sorted(envelope["ok"] for envelope in done) == [False, True]
            refused = [each for _, run in runs for each in await stage.bodies(run.incident, ActRefused)]
            assert [each.guard for each in refused] == ["routes"]
            assert stage.acts == ["link.realign"] * turn
            for acts, run in runs:
                await acts.lifespan.release(run.run)


async def test_a_drain_on_its_way_counts_although_its_device_does_not_say_so_yet(tmp_path: Path) -> None:
    """The intent to drain rtm stands in the store; the device answers that it is not drained, and no run ended."""
    async with staged(tmp_path, REALIGN) as stage, another(stage, max_share_out=1.0) as acts:
        run = await begun(stage, acts, "link", "utr-ein", "realign")
        out = Outage(place="node:rtm", run="INC-9-R1", action="device.drain")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        assert not (await acts.act(run))["ok"]
        refused = await stage.happened(run.incident, ActRefused)
        assert (refused.guard, stage.acts) == ("routes", [])


async def test_a_run_that_waits_for_telemetry_holds_no_other_up(tmp_path: Path) -> None:
    """Telemetry vanishes after both have begun; the first waits some scrapes for it, the second asks for none."""
    async with staged(tmp_path, FRESH, LOOSE) as stage, another(stage) as acts:
        first = await begun(stage, acts, "link", "ams-utr", "fresh")
        second = await begun(stage, acts, "link", "ens-grn", "loose")
        nobody = EmbeddedTelemetry(["http://127.0.0.1:1"], clock=stage.clock)
        async with another(stage, nobody) as blind:
            waiting, going = (asyncio.create_task(blind.act(run)) for run in (first, second))
            assert (await going)["ok"]
            assert not waiting.done()
            refused = await waiting
            assert refused["error"] == "telemetry is missing; nothing is done on data older than 1m"
        await nobody.aclose()
