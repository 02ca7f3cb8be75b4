"""What the hash of a question is over: every act that a yes lets happen, also those that no door has room for."""

from dataclasses import replace
from typing import Any

from bot.flow.asked_acts import acts_hash, acts_of, question_hash
from remediation.machine import Ask

PLAN_HASH = "9f2c" * 16


def act(at: int, **parameters: Any) -> dict[str, Any]:
    """One item's act."""
    given = {"link": f"link-{at}", "priority": "best-effort", "rate": 1.5, **parameters}
    return {"step": f"hold.{at}", "title": f"Hold ({at} of 50)", "action": "flow.throttle", "parameters": given}


def about(*acts: dict[str, Any]) -> Ask:
    """A question."""
    return Ask(step="hold", title="Hold", role="approver", count=1, timeout_s=60.0, on_timeout="stop", acts=list(acts))


def planned(*acts: dict[str, Any]) -> dict[str, Any]:
    """A plan with just these acts."""
    return {"steps": [{"id": each["step"], **each} for each in acts]}


FIFTY = tuple(act(at) for at in range(1, 51))


def test_acts_that_are_just_as_planned_keep_the_hash_of_the_plan() -> None:
    """Also where the parameters come in another order; and so does a question of a version that told no acts."""
    turned = {**act(1), "parameters": dict(reversed(act(1)["parameters"].items()))}
    assert question_hash(about(turned), PLAN_HASH, planned(act(1))) == PLAN_HASH
    assert question_hash(about(), PLAN_HASH, planned(act(1))) == PLAN_HASH


def test_every_act_counts_the_last_of_fifty_too() -> None:
    """One number less, one act more, another plan: four questions, none bound to the plan alone."""
    plan = planned({**act(1), "step": "hold", "parameters": {"rate": "{{ item }}"}})
    changed = (*FIFTY[:-1], act(50, rate=1.25))
    questions = ((FIFTY, PLAN_HASH), (changed, PLAN_HASH), (FIFTY[:-1], PLAN_HASH), (FIFTY, "0b5e" * 16))
    found = [question_hash(about(*acts), of, plan) for acts, of in questions]
    assert len({*found, PLAN_HASH, "0b5e" * 16}) == 6
    assert {len(each) for each in found} == {64}, "SHA-256 in hexadecimal digits, as the plan's"
    assert acts_hash(about(*FIFTY)) != acts_hash(about(*changed))


def test_acts_are_told_with_target_and_risk_and_with_what_is_wrong_with_them() -> None:
    """A rate below nothing is no rate; an act without parameters says what the machine said."""
    whole, unfit, lost = acts_of(
        about(act(1), act(2, rate=-1), {**act(3), "parameters": {}, "fault": "no such output"})
    )
    assert (whole["id"], whole["target"], whole["risk"], "fault" in whole) == (
        "hold.1",
        "link:link-1",
        "reversible",
        False,
    )
    assert (unfit["target"], unfit["fault"].startswith("rate: ")) == ("", True)
    assert (lost["target"], lost["fault"]) == ("", "no such output")


def test_a_plan_with_an_act_that_cannot_be_begun_is_not_just_as_planned() -> None:
    """An act that is planned without parameters and one that cannot be rendered look alike and are not."""
    bare = {**act(1), "parameters": {}}
    broken = replace(about(bare), acts=[{**bare, "fault": "no such output"}])
    assert question_hash(broken, PLAN_HASH, planned(bare)) != PLAN_HASH
