"""An incident in which an intrusion was not excluded is in the hands of security, whatever the metrics say."""

from pathlib import Path

from bot.model.event import ApprovalAsked, Entry, Escalated, KeysQuarantined, RecoveryVerified
from bot.model.guard_event import GlassBroken, WishRefused
from bot.model.step_event import RunEnded
from tests.flow.stage import ALICE, BOB, CAROL, Stage, release, runbook, staged, throttle

SOON = {"incidents": {"recovery_hold": "30s", "recovery_timeout": "5m"}}
ASKING = {"required": True, "timeout": "24h"}


async def gated(stage: Stage) -> str:
    """An incident whose keys are to be quarantined; its latest diagnosis says nothing of it any more."""
    incident = await stage.incident("link", "ams-utr")
    body = KeysQuarantined(links=("ams-utr",), since=stage.clock.now(), reason="errors rose")
    entry = Entry(at=stage.clock.now(), by="bellhop", body=body, key="quarantine")
    await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))
    return incident


async def test_metrics_that_are_back_do_not_end_it_and_only_security_does_with_a_reason(tmp_path: Path) -> None:
    """The run helped, security is asked, an approver is refused, and so is security without a word."""
    async with staged(tmp_path, runbook("book", throttle(), release()), **SOON) as stage:
        incident = await gated(stage)
        run = await stage.run(incident, "book", by=BOB)
        for step in ("throttle", "release"):
            await stage.happened(incident, ApprovalAsked, lambda body, step=step: body.step == step)
            assert (await stage.bellhop.desk.approve(run, step, CAROL, plan_hash=None, key=step)).done
        assert (await stage.happened(incident, RecoveryVerified)).recovered
        await stage.happened(incident, Escalated, lambda body: body.to == "security")
        desk = stage.bellhop.desk
        assert (await desk.incident(incident)).state == "monitoring"
        refused = await desk.resolve(incident, ALICE, "looks fine")
        assert "only the role security ends it" in refused.message
        assert not (await desk.resolve(incident, CAROL, " ")).done
        assert (await desk.resolve(incident, CAROL, "a cleaner bent the fiber; camera and OTDR agree")).done
        assert (await desk.incident(incident)).state == "resolved"


async def test_nobody_breaks_the_glass_round_security(tmp_path: Path) -> None:
    """Who tried stands in the incident, with an approval that was out of place too; security may."""
    async with staged(tmp_path, runbook("book", throttle(approval=ASKING))) as stage:
        incident = await gated(stage)
        run = await stage.run(incident, "book", by=BOB)
        await stage.happened(incident, ApprovalAsked)
        approve = stage.bellhop.desk.approve
        alone = await approve(run, "throttle", ALICE, plan_hash=None, key="1", break_glass="nobody answers")
        assert alone.message == "an intrusion is not excluded: only the role security breaks the glass for throttle"
        assert not (await approve(run, "throttle", BOB, plan_hash=None, key="2")).done
        tried = [(body.wish, body.reason) for body in await stage.bodies(incident, WishRefused)]
        assert [wish for wish, _ in tried] == ["break the glass", "approve"]
        assert (await approve(run, "throttle", CAROL, plan_hash=None, key="3", break_glass="it burns")).done
        await stage.happened(incident, GlassBroken)
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
