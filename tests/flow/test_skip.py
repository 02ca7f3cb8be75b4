"""People pass over a step that has not begun; the run goes on behind it, and what was skipped stays written down."""

from pathlib import Path
from typing import Any

import pytest

from bot.errors import NotFoundError
from bot.model.event import ApprovalAsked, Entry, KeysQuarantined
from bot.model.guard_event import RunPaused, SkipAsked, WishRefused
from bot.model.person import Person
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from tests.flow.stage import ALICE, ASKED, BOB, DAVE, Stage, release, runbook, staged, throttle

OTTO = Person(id="cli:otto", name="Otto", roles=("operator",))
CHECK = {
    "id": "verify",
    "action": "telemetry.check",
    "with": {"all": [{"signal": "entanglement_pool_level", "link": "{{ inputs.place }}", "below": -1}]},
}
ASKS_TWICE = runbook("twice", throttle(**ASKED), release(**ASKED))
VERIFIED = runbook("verified", throttle(**ASKED), CHECK)


async def waiting(stage: Stage, name: str) -> tuple[str, str]:
    """A run that waits for the approval of throttle, and its incident."""
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, name)
    await stage.happened(incident, ApprovalAsked)
    return incident, run


async def ends(stage: Stage, incident: str) -> list[tuple[str, str, str]]:
    """How the steps ended, in order."""
    return [(body.step, body.outcome, body.error) for body in await stage.bodies(incident, StepEnded)]


async def test_a_step_that_waits_for_its_approval_is_skipped_and_the_run_goes_on(tmp_path: Path) -> None:
    """The question is gone at once, so that nobody can say yes to it any more."""
    async with staged(tmp_path, runbook("two", throttle(**ASKED), release())) as stage:
        incident, run = await waiting(stage, "two")
        answer = await stage.bellhop.desk.steering.skip(run, "throttle", BOB, "<!channel> not\nnow")
        assert answer.message == f"throttle of {run} is passed over when its turn comes"
        assert not (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="late")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        told = "skipped by cli:bob: <!channel> not now"
        assert await ends(stage, incident) == [("throttle", "skipped", told), ("release", "succeeded", "")]
        assert stage.acts == ["flow.unthrottle"]


async def test_a_step_far_ahead_is_never_asked_about(tmp_path: Path) -> None:
    """Skipped while the run waits for an earlier one; the same wish again, also by somebody else, is one."""
    async with staged(tmp_path, ASKS_TWICE) as stage:
        incident, run = await waiting(stage, "twice")
        for person in (BOB, BOB, OTTO):
            assert (await stage.bellhop.desk.steering.skip(run, "release", person, "")).done
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert await stage.bodies(incident, SkipAsked) == [
            SkipAsked(run=run, step="release", reason="no reason given", verifies=False, stands=("throttle",))
        ]
        assert [body.step for body in await stage.bodies(incident, ApprovalAsked)] == ["throttle"]
        assert (await ends(stage, incident))[-1] == ("release", "skipped", "skipped by cli:bob: no reason given")
        assert stage.acts == ["flow.throttle"]


async def test_a_skip_that_leaves_traffic_held_back_warns_and_is_reviewed(tmp_path: Path) -> None:
    """Nothing else in the runbook lets the flows go; that nobody said why is said plainly."""
    async with staged(tmp_path, runbook("two", throttle(), release(**ASKED))) as stage:
        incident, run = await waiting(stage, "two")
        answer = await stage.bellhop.desk.steering.skip(run, "release", BOB, "")
        assert answer.message == (
            f"release of {run} is passed over when its turn comes; no reason was given; "
            "WARNING: release would have taken back throttle, which then stands; this will be reviewed"
        )
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        report = (await stage.bellhop.desk.postmortem(incident, "md")).replace("\\", "")
        assert f"Review whether throttle still stands: cli:bob skipped release of {run} (no reason given)" in report


async def test_what_was_not_done_or_is_taken_back_later_needs_no_warning(tmp_path: Path) -> None:
    """The throttle is skipped first, so that its release has nothing to take back."""
    async with staged(tmp_path, ASKS_TWICE, runbook("later", throttle(**ASKED), release(), release(id="end"))) as stage:
        _, run = await waiting(stage, "twice")
        skip = stage.bellhop.desk.steering.skip
        assert (await skip(run, "throttle", BOB, "why")).done
        assert (
            await skip(run, "release", BOB, "why")
        ).message == f"release of {run} is passed over when its turn comes"
        _, run = await waiting(stage, "later")
        assert (
            await skip(run, "release", BOB, "why")
        ).message == f"release of {run} is passed over when its turn comes"


async def test_a_step_before_which_a_pause_keeps_the_run_is_skipped_in_the_pause(tmp_path: Path) -> None:
    """Skipping is no act: the next one waits for the end of the pause as well."""
    async with staged(tmp_path, runbook("two", throttle(), release())) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.bellhop.desk.switches.pause(ALICE, "")
        run = await stage.run(incident, "two")
        await stage.happened(incident, RunPaused)
        assert (await stage.bellhop.desk.steering.skip(run, "throttle", BOB, "")).done
        await stage.happened(incident, StepEnded, lambda body: body.outcome == "skipped")
        assert await stage.bodies(incident, StepStarted) == []
        await stage.bellhop.desk.switches.resume(ALICE)
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert stage.acts == ["flow.unthrottle"]


async def test_what_has_begun_or_ended_or_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Each refusal says why; people without a role are told that first."""
    async with staged(tmp_path, runbook("two", throttle(), release(**ASKED))) as stage:
        incident, run = await waiting(stage, "two")
        skip = stage.bellhop.desk.steering.skip
        assert (await skip(run, "throttle", BOB, "")).message == f"throttle of {run} is over: succeeded"
        assert (await skip(run, "drain", BOB, "")).message == (
            f"{run} has no step drain; its steps are throttle, release"
        )
        assert (await skip(run, "release", DAVE, "")).message.startswith("Dave needs a role to skip a step of")
        assert (await skip(f"{incident}-R9", "release", BOB, "")).message == f"{incident}-R9 is not running"
        with pytest.raises(NotFoundError):
            await skip("nonsense", "release", BOB, "")
        await stage.bellhop.desk.reject(run, "release", ALICE, plan_hash=None, key="no")
        await stage.happened(incident, RunEnded)
        assert (await skip(run, "release", BOB, "")).message == f"{run} is not running"
        assert await stage.bodies(incident, SkipAsked) == []


async def test_a_verification_is_skipped_by_an_approver_only_and_reviewed(tmp_path: Path) -> None:
    """An operator may skip what acts but not what looks whether that helped."""
    async with staged(tmp_path, VERIFIED) as stage:
        incident, run = await waiting(stage, "verified")
        skip = stage.bellhop.desk.steering.skip
        assert (await skip(run, "verify", OTTO, "")).message == (
            "verify verifies the repair; to skip it Otto needs the role approver"
        )
        assert (await skip(run, "verify", BOB, "the probe is broken")).done
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        report = await stage.bellhop.desk.postmortem(incident, "md")
        assert "Review: cli:bob skipped the verification verify" in report.replace("\\", "")


async def test_who_asked_for_a_run_never_decides_alone_that_nobody_looks_at_it(tmp_path: Path) -> None:
    """Neither at its verification nor at a step that waits for a yes, at no door; the refusal stands in the incident.

    The slack id has Alice's name, so it is Alice. To abort is still hers.
    """
    people = [{"id": f"{door}:alice", "name": "Alice", "roles": ["approver"]} for door in ("cli", "slack")]
    async with staged(tmp_path, VERIFIED, people=people) as stage:
        incident, run = await waiting(stage, "verified")
        skip = stage.bellhop.desk.steering.skip
        elsewhere = await stage.bellhop.desk.person("slack:alice")
        for step, what in (("verify", "verifies the repair"), ("throttle", "waits for somebody's yes")):
            for person in (ALICE, elsewhere):
                assert (await skip(run, step, person, "I know it works")).message == (
                    f"{step} {what} and Alice asked for {run}, so somebody else must have {step} passed over; "
                    f"to stop it: bellhop runbook abort {run}"
                )
        refused = await stage.bodies(incident, WishRefused)
        assert {(body.step, body.wish) for body in refused} == {("verify", "skip"), ("throttle", "skip")}
        assert await stage.bodies(incident, SkipAsked) == []
        assert (await stage.bellhop.desk.abort(run, ALICE, "")).done


async def test_while_an_intrusion_is_not_excluded_only_security_has_a_step_passed_over(tmp_path: Path) -> None:
    """Skipping a verification or a question would else be the way round the security role."""
    async with staged(tmp_path, VERIFIED) as stage:
        incident = await stage.incident("link", "ams-utr")
        body = KeysQuarantined(links=("ams-utr",), since=stage.clock.now(), reason="errors rose")
        entry = Entry(at=stage.clock.now(), by="bellhop", body=body, key="quarantine")
        await stage.bellhop.store.transact(lambda transaction: transaction.append(incident, [entry]))
        run = await stage.run(incident, "verified")
        await stage.happened(incident, ApprovalAsked)
        skip = stage.bellhop.desk.steering.skip
        for step in ("verify", "throttle"):
            assert (await skip(run, step, BOB, "")).message == (
                f"an intrusion is not excluded: only the role security has {step} passed over"
            )
        sue = Person(id="cli:sue", name="Sue", roles=("security", "approver"))
        assert (await skip(run, "verify", sue, "camera shows nobody")).done


@pytest.mark.parametrize("needs", ["security", "security+operator"])
async def test_the_role_that_a_verification_names_may_skip_it_too(tmp_path: Path, needs: str) -> None:
    """Any of several roles is enough to look away; the review follows all the same."""
    check = {**CHECK, "approval": {"required": True, "role": needs}}
    async with staged(tmp_path, runbook("verified", throttle(**ASKED), check)) as stage:
        _, run = await waiting(stage, "verified")
        person = Person(id="cli:sue", name="Sue", roles=("security",))
        assert (await stage.bellhop.desk.steering.skip(run, "verify", person, "")).done


async def test_a_skip_given_while_the_bot_is_dead_is_not_lost(tmp_path: Path) -> None:
    """Said on the command line, which opens the same store; the bot that comes back passes the step over."""
    async with staged(tmp_path, ASKS_TWICE) as stage:
        incident, run = await waiting(stage, "twice")
    async with staged(tmp_path, ASKS_TWICE, dead=lambda desk: desk.steering.skip(run, "throttle", BOB, "")) as stage:
        await stage.happened(incident, ApprovalAsked, lambda body: body.step == "release")
        assert (await ends(stage, incident))[0][:2] == ("throttle", "skipped")
        assert (await stage.bellhop.desk.steering.skip(run, "release", BOB, "")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert stage.acts == []


def in_group(*branches: dict[str, Any]) -> dict[str, Any]:
    """Branches that are begun together."""
    return {"id": "both", "parallel": list(branches)}


async def test_a_branch_of_a_group_is_skipped_and_the_other_one_done(tmp_path: Path) -> None:
    """The group waits for the branch that asks; both are over then."""
    async with staged(tmp_path, runbook("group", in_group(throttle(**ASKED), release()))) as stage:
        incident, run = await waiting(stage, "group")
        assert (await stage.bellhop.desk.steering.skip(run, "release", BOB, "")).done
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert sorted(each[:2] for each in await ends(stage, incident)) == [
            ("release", "skipped"),
            ("throttle", "succeeded"),
        ]
        assert stage.acts == ["flow.throttle"]


async def test_every_item_of_a_repeated_step_is_skipped_at_once(tmp_path: Path) -> None:
    """The step, not its items, is what a person names."""
    each = throttle(foreach="{{ ['ams-utr', 'ams-rtm'] }}", **ASKED)
    each["with"] = {"link": "{{ item }}", "priority": "best-effort", "rate": 0}
    async with staged(tmp_path, runbook("each", each, release())) as stage:
        incident, run = await waiting(stage, "each")
        assert (await stage.bellhop.desk.steering.skip(run, "throttle", BOB, "")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert [each[:2] for each in await ends(stage, incident)] == [("throttle", "skipped"), ("release", "succeeded")]


async def test_a_step_that_cannot_be_begun_does_not_fail_when_it_is_skipped(tmp_path: Path) -> None:
    """Its template asks for the output of a step that gave none."""
    broken = release(**{"with": {"link": "{{ steps.throttle.output.nothing }}"}})
    async with staged(tmp_path, runbook("broken", throttle(**ASKED), broken)) as stage:
        incident, run = await waiting(stage, "broken")
        assert (await stage.bellhop.desk.steering.skip(run, "release", BOB, "")).done
        assert (await stage.bellhop.desk.approve(run, "throttle", BOB, plan_hash=None, key="yes")).done
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        assert (await ends(stage, incident))[-1][:2] == ("release", "skipped")
