"""A run that was planned and has not begun is withdrawn at once: nothing of it is ever done, and nothing counts."""

import asyncio
import subprocess
from pathlib import Path

import yaml

from bot.model.event import ActRefused, ApprovalAsked, Escalated, RunStarted, StateChanged
from bot.model.person import Answer
from bot.model.step_event import AbortAsked, RunEnded, StepEnded
from bot.simulator.scenarios import demo_network_path
from bot.store import GuardRows
from tests.flow.stage import ALICE, ASKED, BOB, DAVE, Stage, release, runbook, staged, throttle
from tests.flow.test_modes import CHECK, modes
from tests.support.accounts import command_of

HOLD = runbook("hold", throttle(**ASKED))
BOOK = runbook("book", throttle(), release())
WHY = "stopped by cli:bob before it began: the wrong link"


async def in_line(stage: Stage, name: str = "book") -> tuple[str, str, str]:
    """A run that waits for its approval; behind it, in an incident of its own, one that waits for its turn."""
    first, second = await stage.incident("link", "ams-utr"), await stage.incident("link", "ams-utr")
    holder = await stage.run(first, "hold")
    await stage.happened(first, ApprovalAsked)
    return holder, second, await stage.run(second, name)


async def let_go(stage: Stage, holder: str) -> None:
    """End the run that the others wait for."""
    assert (await stage.bellhop.desk.reject(holder, "throttle", BOB, plan_hash=None, key="no")).done


async def of_run(stage: Stage, incident: str, run: str) -> list[tuple[str, str]]:
    """Who wrote what about a run behind its plan, in order."""
    events = await stage.bellhop.desk.events(incident)
    return [(each.by, type(each.body).__name__) for each in events[3:] if getattr(each.body, "run", "") == run]


async def test_a_run_in_line_is_withdrawn_and_the_next_takes_its_place(tmp_path: Path) -> None:
    """The next begins behind it in the same line: its turn has passed by then, and it was neither begun nor told of."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        holder, incident, run = await in_line(stage)
        answer = await stage.bellhop.desk.abort(run, BOB, "the wrong link")
        assert answer == Answer(done=True, message=f"{run} (book) is withdrawn: it had not begun, and never will")
        assert await stage.bodies(incident, AbortAsked) == [AbortAsked(run=run, reason="the wrong link")]
        ended = RunEnded(run=run, runbook="book", result="aborted", reason=WHY)
        assert await stage.bodies(incident, RunEnded) == [ended]
        following = await stage.run(incident, "book")
        await let_go(stage, holder)
        await stage.happened(incident, RunEnded, lambda body: body.run == following and body.result == "succeeded")
        assert await of_run(stage, incident, run) == [("cli:bob", "AbortAsked"), ("cli:bob", "RunEnded")]
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]
        began = await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).runs_since(0.0))
        assert [row.run for row in began] == [holder, following]


async def test_a_withdrawn_run_counts_in_no_rate(tmp_path: Path) -> None:
    """One run an hour: the one behind it is not turned away for the one that never began."""
    once = runbook("once", throttle(), guard={"max_runs": {"count": 1, "per": "1h"}, "cooldown": "1h"})
    async with staged(tmp_path, HOLD, once) as stage:
        holder, incident, run = await in_line(stage, "once")
        assert (await stage.bellhop.desk.abort(run, BOB, "")).done
        following = await stage.run(incident, "once")
        await let_go(stage, holder)
        ended = await stage.happened(incident, RunEnded, lambda body: body.run == following)
        assert (ended.result, await stage.bodies(incident, ActRefused)) == ("succeeded", [])


async def test_an_incident_whose_run_is_withdrawn_stays_as_it_is_and_open(tmp_path: Path) -> None:
    """Nothing was done, so that nobody is called; a person closes it."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        _, incident, run = await in_line(stage)
        assert (await stage.bellhop.desk.abort(run, BOB, "")).done
        assert (await stage.bellhop.desk.incident(incident)).state == "triggered"
        assert await stage.bodies(incident, StateChanged) == []
        assert await stage.bodies(incident, Escalated) == []
        assert (await stage.bellhop.desk.resolve(incident, BOB, "")).done


async def test_who_may_not_stop_a_run_may_not_withdraw_one_and_it_is_withdrawn_once(tmp_path: Path) -> None:
    """A second time, and a run that nobody knows, are told apart."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        _, incident, run = await in_line(stage)
        abort = stage.bellhop.desk.abort
        assert (await abort(run, DAVE, "")).message == (
            f"Dave needs a role to stop {run}: the configuration gives roles to people"
        )
        assert (await abort(f"{incident}-R7", BOB, "")).message == f"{incident} has no run {incident}-R7"
        assert (await abort(run, BOB, "the wrong link")).done
        assert await abort(run, ALICE, "") == Answer(done=False, message=f"{run} is over: aborted, {WHY}")


async def test_an_incident_stands_for_the_one_run_that_is_to_begin_or_goes_on_in_it(tmp_path: Path) -> None:
    """Whoever typed the wrong link knows the incident; where none is left there is nothing to stop."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        holder, incident, run = await in_line(stage)
        abort = stage.bellhop.desk.abort
        assert (await abort(incident, BOB, "the wrong link")).message.startswith(f"{run} (book) is withdrawn")
        assert (await abort(incident, BOB, "")).message == f"{incident} has no run that goes on or is to begin"
        assert (await abort("INC-1", BOB, "")).message.startswith(f"{holder} stops before its next act")


async def test_what_was_only_suggested_is_withdrawn_and_a_person_may_still_start_it(tmp_path: Path) -> None:
    """No workflow waits for it; the same cause suggests nothing again, and says so."""
    async with staged(tmp_path, BOOK, **modes(("book", "*", "suggest"))) as stage:
        incident = await stage.incident("link", "ams-utr", runbook="book")
        proposal = await stage.bellhop.proposer.propose(incident, cause="test")
        assert (await stage.bellhop.desk.abort(proposal.run, BOB, "the wrong link")).done
        assert (await stage.bodies(incident, RunEnded))[0].reason == WHY
        again = await stage.bellhop.proposer.propose(incident, cause="test")
        assert (again.started, again.over) == (False, f"{proposal.run} is over: aborted, {WHY}")
        following = await stage.run(incident, "book")
        await stage.happened(incident, RunEnded, lambda body: body.run == following and body.result == "succeeded")
        assert await of_run(stage, incident, proposal.run) == [("cli:bob", "AbortAsked"), ("cli:bob", "RunEnded")]


async def test_with_two_suggestions_an_incident_stands_for_neither(tmp_path: Path) -> None:
    """Nothing is done on a guess: both are named."""
    async with staged(tmp_path, BOOK, **modes(("book", "*", "suggest"))) as stage:
        incident = await stage.incident("link", "ams-utr", runbook="book")
        runs = [(await stage.bellhop.proposer.propose(incident, cause=cause)).run for cause in ("one", "two")]
        answer = await stage.bellhop.desk.abort(incident, BOB, "")
        assert answer == Answer(done=False, message=f"{incident} has {' and '.join(runs)}; say which")


async def test_a_run_that_only_records_has_nothing_to_withdraw(tmp_path: Path) -> None:
    """It begins no act and stands in nobody's way."""
    async with staged(tmp_path, runbook("look", CHECK, throttle()), **modes(("look", "*", "observe"))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "look")
        answer = await stage.bellhop.desk.abort(run, BOB, "")
        assert answer == Answer(done=False, message=f"{run} only records what it would do; there is nothing to stop")


async def test_a_withdrawn_run_is_retried_as_it_was_to_begin(tmp_path: Path) -> None:
    """It left nothing, so that the retry begins at its first step."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        holder, incident, run = await in_line(stage)
        assert (await stage.bellhop.desk.abort(run, BOB, "")).done
        answer = await stage.bellhop.desk.steering.retry(run, ALICE)
        assert answer.message.startswith(f"{incident}-R2 (book, again from throttle) ")
        await let_go(stage, holder)
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert [body.run for body in await stage.bodies(incident, StepEnded)] == [f"{incident}-R2"] * 2
        assert [body.run for body in await stage.bodies(incident, RunStarted)] == [f"{incident}-R2"]


async def test_a_run_is_withdrawn_from_the_command_line_beside_the_bot_that_would_begin_it(tmp_path: Path) -> None:
    """Another process, with the same store: the bot that runs lets the run pass when its turn comes."""
    async with staged(tmp_path, HOLD, BOOK) as stage:
        holder, incident, run = await in_line(stage)
        told = await asyncio.to_thread(typed, tmp_path, "runbook", "abort", incident, "the", "wrong", "link")
        assert told == (0, f"{run} (book) is withdrawn: it had not begun, and never will")
        (ended,) = await stage.bodies(incident, RunEnded)
        assert ended.reason == "stopped by cli:ada before it began: the wrong link"
        following = await stage.run(incident, "book")
        await let_go(stage, holder)
        await stage.happened(incident, RunEnded, lambda body: body.run == following and body.result == "succeeded")
        assert [body.run for body in await stage.bodies(incident, RunStarted)] == [following]


def typed(folder: Path, *words: str) -> tuple[int, str]:
    """What Ada types in a terminal; the exit code and what was said."""
    people = [{"id": "cli:ada", "name": "Ada", "roles": ["operator"]}]
    content = {
        "network": str(demo_network_path()),
        "store": {"url": f"sqlite:///{folder / 'bellhop.db'}"},
        "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"]},
        "runbooks": {"directory": str(folder / "books")},
        "postmortems": str(folder),
        "people": people,
    }
    config = folder / "bellhop.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    command = command_of("ada", *words, "--config", str(config))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip() + done.stderr.strip()
