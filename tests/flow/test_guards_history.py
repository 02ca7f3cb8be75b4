"""What is read of an incident when a run of it ends: the run, however much came before it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bot.controllers import build_controller
from bot.flow.guarding import Guarding
from bot.flow.history import history_of
from bot.flow.journal import Journal
from bot.flow.ledger import Ledger
from bot.flow.pausing import Pausing
from bot.flow.surroundings import Surroundings
from bot.model.event import Entry, NoteAdded, RunStarted
from bot.model.step_event import RunEnded, StepEnded
from bot.store import GuardRows, Store
from tests.flow.stage import Stage, runbook, staged, throttle
from tests.support.events_read import counted_events

CALM = runbook("calm", throttle())
BEFORE = 300
"""So many notes stand in the incident before its run begins."""


async def ended_run(stage: Stage) -> str:
    """A run that the bot has carried out in an incident with a long history."""
    incident = await stage.incident("link", next(iter(stage.bellhop.network.links)))
    notes = [Entry(at=stage.clock.now(), by="x", body=NoteAdded(text=str(n)), key=f"n{n}") for n in range(BEFORE)]
    await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, notes))
    run = await stage.run(incident, "calm")
    await stage.happened(incident, RunEnded)
    return run


@contextlib.asynccontextmanager
async def beside(stage: Stage) -> AsyncIterator[tuple[Store, Guarding]]:
    """Guards with a store of their own, so that what the bot itself reads meanwhile is not counted."""
    bot = stage.bellhop
    store = Store(bot.settings.store.url)
    await store.open()
    async with contextlib.AsyncExitStack() as opened:
        controller = build_controller(bot.settings, stage.clock, opened)
        yield (
            store,
            Guarding(
                store=store,
                observer=bot.observer,
                modes=bot.modes,
                surroundings=Surroundings(
                    journal=Journal(store, stage.clock),
                    observer=bot.observer,
                    controller=controller,
                    clock=stage.clock,
                ),
                settings=bot.settings.guards,
                pausing=Pausing(None),
                ended=_never,
                clock=stage.clock,
            ),
        )
    await store.close()


async def _never(run: str) -> bool:
    del run
    return False


async def test_the_history_of_a_run_begins_with_its_start(tmp_path: Path) -> None:
    """A run that the bot itself carried out: behind the start all of its steps, before it none of the notes."""
    async with staged(tmp_path, CALM) as stage, beside(stage) as (store, _):
        run = await ended_run(stage)
        incident = run.rpartition("-R")[0]
        history = await store.read(lambda transaction: history_of(transaction, incident, run))
        everything = await store.read(lambda transaction: transaction.events(incident))
    assert history[0].body == everything[history[0].seq - 1].body
    assert isinstance(history[0].body, RunStarted)
    steps = [event for event in everything if isinstance(event.body, StepEnded)]
    assert steps
    assert [event for event in history if isinstance(event.body, StepEnded)] == steps
    assert history[0].seq > BEFORE


async def test_the_end_of_a_run_does_not_read_what_came_before_it(tmp_path: Path) -> None:
    """Its history, and its start once more to know where it begins; fewer than a tenth of the notes in all."""
    async with staged(tmp_path, CALM) as stage, beside(stage) as (store, guarding):
        run = await ended_run(stage)
        incident = run.rpartition("-R")[0]
        with counted_events(store) as read:
            history = await store.read(lambda transaction: history_of(transaction, incident, run))
        assert read.count == len(history) + 1 < BEFORE / 10
        with counted_events(store) as read:
            await store.transact(lambda transaction: guarding.end_run(transaction, run, "calm", "failed"))
        assert read.count < BEFORE / 10
        rows = await store.read(lambda transaction: GuardRows(transaction).last_runs("calm", 1))
    assert [(row.run, row.result) for row in rows] == [(run, "failed")]


async def test_the_ledger_line_of_a_run_does_not_read_what_came_before_it(tmp_path: Path) -> None:
    """Its verdict hangs on what was measured behind its start; fewer than a tenth of the notes are read."""
    async with staged(tmp_path, CALM) as stage, beside(stage) as (store, _):
        run = await ended_run(stage)
        bot, view = stage.bellhop, await stage.bellhop.desk.incident(run.rpartition("-R")[0])
        ledger = Ledger(modes=bot.modes, settings=bot.settings.guards, clock=stage.clock)
        with counted_events(store) as read:
            await store.transact(lambda transaction: ledger.close(transaction, view, run, recovered=True, predicted=()))
        assert 0 < read.count < BEFORE / 10


async def test_who_looks_at_all_open_incidents_again_reads_only_what_is_new(tmp_path: Path) -> None:
    """Nothing where nothing happened; of the incident that goes on its one new event."""
    async with staged(tmp_path, CALM) as stage, beside(stage) as (store, _):
        incident, _other = await stage.incident("link", "ams-utr"), await stage.incident("link", "ams-rtm")
        journal = Journal(store, stage.clock)
        await journal.incidents(open_only=True)
        with counted_events(store) as read:
            before = await store.transact(journal.views_beside)
        assert (len(before), read.count) == (2, 0)
        await journal.record(incident, journal.entry(NoteAdded(text="new"), key="new"))
        with counted_events(store) as read:
            after = await store.transact(journal.views_beside)
        assert (len(after), read.count) == (2, 1)
        assert after[0].last_seq == before[0].last_seq + 1
