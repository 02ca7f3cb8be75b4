"""Steps that are begun together."""

from typing import Any

import pytest

from remediation.machine import Finish, Together, next_instruction, record
from tests.remediation.runs import RUN, Trace, acts, begun, outcome, planned, restarted, runbook, scripted, walk
from tests.remediation.test_machine import BACK, FAILED, TRY_AGAIN, UNKNOWN, path, step


def group(*branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A group of these."""
    return {"id": "all", "parallel": list(branches), **more}


def two(**more: Any) -> dict[str, Any]:
    """A group of two steps that can be taken back."""
    return group(step("left", rollback=BACK), step("right", rollback=BACK), **more)


def at(instant: float, **more: Any) -> dict[str, Any]:
    """What an act came to at this instant."""
    return outcome(**more) | {"at": instant}


def test_branches_are_begun_together_and_the_group_waits_for_all() -> None:
    """Each act under its own key; then the next step."""
    trace, finish = walk(begun(runbook(two(), step("last"))), scripted())
    assert path(trace) == ["left + right", "last"]
    assert [act.key for act in acts(trace)] == [f"{RUN}:{name}:run" for name in ("left", "right", "last")]
    assert finish.result == "succeeded"


@pytest.mark.parametrize(
    ("on_failure", "taken", "result"),
    [
        ("stop", ["left + right"], "failed"),
        ("continue", ["left + right", "between", "last"], "succeeded"),
        ("goto:last", ["left + right", "last"], "succeeded"),
        ("rollback", ["left + right", "undo right", "undo left"], "rolled back"),
    ],
)
def test_group_fails_when_one_of_its_branches_fails(on_failure: str, taken: list[str], result: str) -> None:
    """The others are let finish, and the group says what follows."""
    steps = (two(on_failure=on_failure), step("between"), step("last"))
    trace, finish = walk(begun(runbook(*steps)), scripted(FAILED, outcome()))
    assert (path(trace), finish.result) == (taken, result)
    if result != "succeeded":
        assert finish.reason == "step left: it did not work"


def test_what_was_done_together_is_taken_back_in_reverse_of_completion() -> None:
    """Not of writing: right ended first."""
    chosen = runbook(step("first", rollback=BACK), two(), step("last", on_failure="rollback"))
    trace, _ = walk(begun(chosen), scripted(outcome(), at(9.0), at(4.0), FAILED))
    assert path(trace)[-3:] == ["undo left", "undo right", "undo first"]


def test_branch_that_may_fail_does_not_fail_the_group() -> None:
    """It says `continue`."""
    chosen = runbook(group(step("left", on_failure="continue"), step("right")), step("last"))
    trace, finish = walk(begun(chosen), scripted(FAILED, outcome()))
    assert (path(trace), finish.result) == (["left + right", "last"], "succeeded")


def test_reason_names_every_branch_that_failed() -> None:
    """People see the whole."""
    _, finish = walk(begun(runbook(two())), scripted(FAILED, FAILED))
    assert finish.reason == "step left: it did not work; step right: it did not work"


def test_branch_whose_condition_does_not_hold_is_left_out() -> None:
    """The others are done; a group of which nothing is left has not failed."""
    trace, _ = walk(begun(runbook(group(step("left", when=False), step("right")))), scripted())
    assert path(trace) == ["skip left", "right"]
    trace, finish = walk(begun(runbook(group(step("left", when=False), step("right", when=False)))), scripted())
    assert (path(trace), finish.result) == (["skip left", "skip right"], "succeeded")


def test_people_are_asked_about_every_branch_before_any_is_begun() -> None:
    """One no is enough, and then nothing of the group was done."""
    asking = group(*(step(name, "strike", approval={"required": True}) for name in ("left", "right")))
    trace, _ = walk(begun(runbook(asking)), scripted("approved", "approved"))
    assert path(trace) == ["ask left", "ask right", "left + right"]
    trace, finish = walk(begun(runbook(asking)), scripted("approved", "rejected"))
    assert (path(trace), finish.result) == (["ask left", "ask right"], "rejected")


def test_branch_that_cannot_be_begun_keeps_back_the_whole_group() -> None:
    """Nobody is asked either."""
    broken = {"id": "right", "action": "turn", "with": {"link": "{{ steps.nobody.output.link }}"}}
    chosen = group(step("left", "strike", approval={"required": True}), broken, on_failure="rollback")
    trace, finish = walk(begun(runbook(step("first", rollback=BACK), chosen)), scripted())
    assert path(trace) == ["first", "fail right", "undo first"]
    assert finish.result == "rolled back"


def test_only_the_branch_that_surely_did_not_happen_is_tried_again() -> None:
    """After a pause, once the others of its round are over."""
    chosen = runbook(group(*(step(name, retry={"attempts": 3}) for name in ("left", "right"))))
    trace, finish = walk(begun(chosen), scripted(TRY_AGAIN, outcome(), TRY_AGAIN))
    assert path(trace) == ["left + right", "left", "left"]
    assert [(act.step, act.attempt) for act in acts(trace)] == [("left", 1), ("right", 1), ("left", 2), ("left", 3)]
    assert finish.result == "succeeded"


@pytest.mark.parametrize(
    ("word", "taken", "result"),
    [
        (True, ["last"], "succeeded"),
        (False, ["undo right"], "rolled back"),
        (None, ["undo right", "undo left"], "aborted"),
    ],
)
def test_person_says_what_became_of_a_branch(word: bool | None, taken: list[str], result: str) -> None:
    """The group waits for the word."""
    chosen = runbook(two(on_failure="rollback"), step("last"))
    trace, finish = walk(begun(chosen), scripted(UNKNOWN, outcome(), word))
    assert path(trace) == ["left + right", "settle left", *taken]
    assert finish.result == result


def test_people_are_asked_about_every_unknown_branch_one_after_the_other() -> None:
    """Before anything else happens."""
    trace, _ = walk(begun(runbook(two(), step("last"))), scripted(UNKNOWN, UNKNOWN, True, True))
    assert path(trace) == ["left + right", "settle left", "settle right", "last"]


def test_branches_do_not_see_each_other_and_later_steps_see_all() -> None:
    """What a branch gives depends on no race."""
    looks = {"id": "right", "action": "turn", "with": {"seen": "{{ steps.left is defined }}"}, "retry": {"attempts": 2}}
    after = {"id": "last", "action": "turn", "with": {"left": "{{ steps.left.output.n }}", "ok": "{{ steps.all.ok }}"}}
    answer = scripted(outcome(output={"n": 7}), TRY_AGAIN)
    trace, _ = walk(begun(runbook(group(step("left"), looks), after)), answer)
    assert [act.parameters for act in acts(trace)[1:]] == [{"seen": False}, {"seen": False}, {"left": 7, "ok": True}]


def test_acts_that_a_pause_kept_back_are_begun_after_it() -> None:
    """What came of the others is recorded already."""
    state = begun(runbook(two(), step("last")))
    together = next_instruction(state)
    assert isinstance(together, Together)
    state = restarted(record(state, Together("all", together.acts[:1]), {"acts": [outcome()]}))
    assert path([(next_instruction(state), {})]) == ["right"]


def test_restart_while_people_are_asked_goes_on_as_if_nothing_had_happened() -> None:
    """All that a group has come to is in the state."""
    state, trace, answer = begun(runbook(two(), step("last"))), Trace(), scripted(UNKNOWN, TRY_AGAIN, False)
    while not isinstance(instruction := next_instruction(state := restarted(state)), Finish):
        assert type(instruction).from_json(instruction.to_json()) == instruction
        trace.append((instruction, answer(instruction, 0)))
        state = record(state, *trace[-1])
    assert path(trace) == ["left + right", "settle left"]
    assert instruction.reason == "step left: a person says that it did not happen; step right: it did not work"


def test_plan_says_which_steps_go_on_at_the_same_time() -> None:
    """Each is planned like any other step."""
    found = planned(runbook(two())).steps
    assert [(one.id, one.title) for one in found] == [
        ("left", "turn (at the same time: left, right)"),
        ("right", "turn (at the same time: left, right)"),
    ]


def test_approval_is_bound_to_what_a_group_does_when_it_fails() -> None:
    """Also to the order in which it is written."""
    plans = [two(), two(on_failure="rollback"), group(step("right", rollback=BACK), step("left", rollback=BACK))]
    assert len({planned(runbook(one)).plan_hash for one in plans}) == len(plans)
