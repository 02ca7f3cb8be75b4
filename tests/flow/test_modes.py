"""How far a runbook may go by itself on a target: from only recording what it would do, to acting."""

from pathlib import Path
from typing import Any

from bot.model.event import ApprovalAsked, RecoveryVerified, RunStarted
from bot.model.guard_event import ModeChanged, PromotionProposed, ShadowRecorded
from bot.model.step_event import RunEnded, StepStarted
from bot.store import GuardRows
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.flow.stage import ALICE, BOB, DAVE, Stage, release, runbook, staged, throttle

CHECK = {
    "id": "check",
    "action": "telemetry.check",
    "with": {"all": [{"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "above": 0.1}]},
}
AUTO: dict[str, Any] = {"trigger": {"auto": True, "min_confidence": 0.8}}
BOOK = runbook("book", CHECK, throttle(), release(), **AUTO)
FILL = runbook(
    "fill",
    {
        "id": "fill",
        "action": "entanglement.replenish",
        "with": {"link": "{{ inputs.place }}", "level": 0.5},
        "timeout": "5m",
    },
)
"""Fills a pool that is full already, so the prediction is met unless somebody breaks the link."""

_STARVED_SCRAPES = 30
"""Longer than the rate window."""


def modes(*entries: tuple[str, str, str]) -> dict[str, Any]:
    """The configuration of modes: runbook, target, mode."""
    return {"runbooks": {"modes": [dict(zip(("runbook", "target", "mode"), entry, strict=True)) for entry in entries]}}


async def proposed(stage: Stage, place: str = "ams-utr") -> tuple[str, bool]:
    """The diagnosis answers with the book; the incident, and whether a run was begun."""
    incident = await stage.incident("link", place, runbook="book")
    proposal = await stage.bellhop.proposer.propose(incident, cause="test")
    return incident, proposal.started


async def test_in_the_mode_observe_a_run_only_records_what_it_would_do(tmp_path: Path) -> None:
    """It looks as the run would, and leaves the network, the locks and the incident's state alone."""
    async with staged(tmp_path, BOOK, **modes(("*", "*", "auto"), ("b*", "link:ams-*", "observe"))) as stage:
        incident, _ = await proposed(stage)
        await stage.happened(incident, ShadowRecorded, lambda body: body.step == "end")
        assert [body.would for body in await stage.bodies(incident, ShadowRecorded)] == [
            "look (telemetry.check), which holds",
            "do flow.throttle: flow.throttle",
            "do flow.unthrottle: flow.unthrottle",
            "end: succeeded, every step succeeded",
        ]
        assert (stage.acts, await stage.bodies(incident, RunStarted)) == ([], [])
        assert await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).held()) == ()
        assert (await stage.bellhop.desk.incident(incident)).state == "triggered"
        answer = await stage.bellhop.desk.run(incident, ALICE, "book")
        assert answer.message == "INC-1-R2 (book) only records what it would do: its mode on link:ams-utr is observe"


async def test_a_run_that_only_records_stands_in_no_other_runs_way(tmp_path: Path) -> None:
    """It never begins and never ends: the next is recorded too, and one that acts there is watched and resolves it."""
    observed = runbook("look", CHECK, throttle(), release())
    async with staged(tmp_path, BOOK, observed, **modes(("*", "*", "auto"), ("look", "*", "observe"))) as stage:
        incident = await stage.incident("link", "ams-utr")
        for count in (1, 2):
            await stage.run(incident, "look")
            await stage.happened(incident, ShadowRecorded, lambda body: body.step == "end", count=count)
        run = await stage.run(incident, "book")
        await stage.happened(incident, RunEnded, lambda body: body.run == run and body.result == "succeeded")
        assert (await stage.happened(incident, RecoveryVerified)).recovered


async def test_in_the_mode_suggest_a_person_starts_what_was_planned(tmp_path: Path) -> None:
    """The plan stands in the incident and waits."""
    async with staged(tmp_path, BOOK, **modes(("book", "*", "suggest"))) as stage:
        incident, started = await proposed(stage)
        assert (started, await stage.bodies(incident, RunStarted)) == (False, [])
        run = await stage.run(incident, "book")
        await stage.happened(incident, RunEnded, lambda body: body.run == run and body.result == "succeeded")


async def test_in_the_mode_approve_every_act_asks_and_a_look_does_not(tmp_path: Path) -> None:
    """Neither step of the book asks by itself."""
    async with staged(tmp_path, BOOK, **modes(("book", "link:ams-utr", "approve"))) as stage:
        incident = await stage.incident("link", "ams-utr")
        run = await stage.run(incident, "book", by=BOB)
        for number, step in enumerate(("throttle", "release"), start=1):
            asked = await stage.happened(incident, ApprovalAsked, count=number)
            assert (asked.step, asked.role) == (step, "approver")
            assert (await stage.bellhop.desk.approve(run, step, ALICE, plan_hash=asked.plan_hash, key=step)).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert stage.acts == ["flow.throttle", "flow.unthrottle"]


async def test_without_a_mode_only_what_the_runbook_says_is_asked(tmp_path: Path) -> None:
    """As before there were modes."""
    async with staged(tmp_path, BOOK) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book")
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert await stage.bodies(incident, ApprovalAsked) == []


async def verified(stage: Stage, place: str) -> str:
    """A run of `fill` to the end of its verification; its incident."""
    incident = await stage.incident("link", place)
    await stage.run(incident, "fill")
    await stage.happened(incident, RecoveryVerified)
    return incident


async def test_predictions_met_in_a_row_let_a_promotion_be_proposed_and_a_person_grants_it(tmp_path: Path) -> None:
    """Twice is enough here; then the counting begins anew, and a viewer may not grant it."""
    blocks = {**modes(("fill", "*", "suggest")), "guards": {"promote_after": 2}}
    async with staged(tmp_path, FILL, **blocks) as stage:
        first = await verified(stage, "ams-utr")
        assert await stage.bodies(first, PromotionProposed) == []
        second = await verified(stage, "ams-utr")
        lines = await stage.bellhop.desk.switches.ledger("fill")
        assert [(line.run, line.verdict) for line in lines] == [("INC-1-R1", "match"), ("INC-2-R1", "match")]
        (pool,) = [each for each in lines[0].quantities if each.quantity == "entanglement_pool_level"]
        assert pool.predicted is not None
        assert await stage.bodies(second, PromotionProposed) == [
            PromotionProposed(runbook="fill", target="link:ams-utr", before="suggest", after="approve", matches=2)
        ]
        switches = stage.bellhop.desk.switches
        assert not (await switches.promote("fill", "link:ams-utr", DAVE)).done
        assert not (await switches.promote("fill", "ams-utr", ALICE)).done
        assert (await switches.promote("fill", "link:ams-utr", ALICE)).message == (
            f"fill on link:ams-utr: suggest → approve; proposed in {second} after 2 runs as predicted in a row"
        )


async def test_a_link_that_is_better_off_than_predicted_costs_a_runbook_no_trust(tmp_path: Path) -> None:
    """Filling alone is not predicted to bring generation back; the simulated controller does both, which is no miss."""
    patient = {"recovery_timeout": "20m", "recovery_hold": "15s"}
    async with staged(tmp_path, FILL, incidents=patient) as stage:
        stage.simulation.inject("F4", "ams-utr", severity=1.0, cause="policy")
        for _ in range(_STARVED_SCRAPES):
            stage.clock.leap(15.0)
            assert isinstance(stage.bellhop.telemetry, EmbeddedTelemetry)
            await stage.bellhop.telemetry.scrape_once()
        incident = await verified(stage, "ams-utr")
        (line,) = await stage.bellhop.desk.switches.ledger("fill")
        (success,) = [each for each in line.quantities if each.quantity == "logical_success_ratio"]
        assert (line.verdict, success.good) == ("match", "higher")
        assert success.high is not None
        assert success.measured is not None
        assert success.measured > success.high
        better = line.reason.partition("better than predicted: ")[2]
        assert f"logical_success_ratio {success.measured:.4g} where {success.predicted:.4g} was predicted" in better
        assert await stage.bodies(incident, ModeChanged) == []


async def test_a_miss_takes_the_mode_down_by_a_step_there_and_nowhere_else(tmp_path: Path) -> None:
    """The metrics are given a minute and would have to hold for ten, so they never do; the next run there asks."""
    impatient = {"recovery_timeout": "1m", "recovery_hold": "10m"}
    async with staged(tmp_path, FILL, incidents=impatient) as stage:
        incident = await verified(stage, "ams-utr")
        assert await stage.bodies(incident, ModeChanged) == [
            ModeChanged(runbook="fill", target="link:ams-utr", before="auto", after="approve")
        ]
        again = await stage.incident("link", "ams-utr")
        await stage.run(again, "fill")
        await stage.happened(again, ApprovalAsked)
        elsewhere = await stage.incident("link", "ein-ens")
        await stage.run(elsewhere, "fill")
        await stage.happened(elsewhere, StepStarted)
