"""The machine's path through small runbooks, one behaviour each."""

from typing import Any

import pytest

from remediation.machine import (
    Act,
    Ask,
    AskOutcome,
    Fail,
    Finish,
    Instruction,
    Skip,
    Together,
    Wait,
    abort,
    next_instruction,
    record,
)
from tests.remediation.runs import Answer, Trace, acts, begun, outcome, planned, runbook, scripted, walk

BACK = {"action": "turn_back", "with": {"link": "ams-rtm"}}
FAILED = outcome(ok=False)
NOT_DONE = outcome(ok=False, happened=False)
TRY_AGAIN = outcome(ok=False, happened=False, retryable=True)
UNKNOWN = outcome(ok=False, happened=None)
UNCLEAR = outcome(ok=False, happened=False, unclear=True)


def step(id: str, action: str = "turn", **more: Any) -> dict[str, Any]:  # noqa: A002 - the language's own word
    """One step."""
    return {"id": id, "action": action, "with": {"link": "ams-rtm"}, **more}


def path(trace: Trace) -> list[str]:
    """What was done and asked, in short."""
    return [_word(each) for each, _ in trace if not isinstance(each, Wait | Finish)]


def _word(each: Instruction) -> str:
    short = {Act: "", Ask: "ask ", AskOutcome: "settle ", Skip: "skip ", Fail: "fail "}
    if isinstance(each, Together):
        return " + ".join(act.step for act in each.acts)
    return f"{'undo ' if isinstance(each, Act) and each.phase == 'undo' else short[type(each)]}{each.step}"


def run(*steps: dict[str, Any], answer: Answer | None = None, **spec: Any) -> tuple[list[str], Finish]:
    """The path and the end of a run of these steps."""
    trace, finish = walk(begun(runbook(*steps, **spec)), answer or scripted())
    return path(trace), finish


def test_steps_follow_each_other_until_the_last_one_succeeded() -> None:
    """The end says that something was changed, and calls nobody."""
    taken, finish = run(step("look", "look"), step("turn"))
    assert taken == ["look", "turn"]
    assert finish == Finish(result="succeeded", reason="every step succeeded", changed=True)


def test_run_that_only_looked_changed_nothing() -> None:
    """There is nothing to verify then."""
    assert run(step("look", "look"))[1].changed is False


def test_parameters_are_rendered_from_what_earlier_steps_gave() -> None:
    """Settings from before a step are there for the act that takes it back."""
    rollback = {"action": "turn_back", "with": {"to": "{{ steps.turn.before.angle }}"}}
    steps = (
        step("turn", rollback=rollback),
        {"id": "next", "action": "strike", "with": {"at": "{{ steps.turn.output.angle }}"}, "on_failure": "rollback"},
    )
    answer = scripted(outcome(output={"angle": 40}, before={"angle": 10}), NOT_DONE)
    trace, _ = walk(begun(runbook(*steps)), answer)
    assert [act.parameters for act in acts(trace)[1:]] == [{"at": 40}]
    assert [act.parameters for act in acts(trace, "undo")] == [{"to": 10}]


@pytest.mark.parametrize(
    ("when", "done"),
    [
        (True, True),
        (False, False),
        ("{{ steps.first.output.ok }}", True),
        ("{{ not steps.first.output.ok }}", False),
        ("{{ inputs.level > 0.5 }}", True),
        ("{{ inputs.level > 0.9 }}", False),
    ],
)
def test_condition_decides_whether_a_step_is_done(when: str | bool, done: bool) -> None:
    """A step whose condition does not hold is skipped, and the run goes on."""
    inputs = {"level": {"type": "ratio", "default": 0.8}}
    taken, finish = run(step("first"), step("second", when=when), step("third"), inputs=inputs)
    assert taken == ["first", "second" if done else "skip second", "third"]
    assert finish.result == "succeeded"


def test_skipped_step_counts_as_not_ok_for_later_conditions() -> None:
    """A step may make up for one that was left out."""
    taken, _ = run(step("first", when=False), step("second", when="{{ not steps.first.output.ok }}"))
    assert taken == ["skip first", "second"]


def test_condition_that_cannot_be_told_ends_the_run() -> None:
    """Nothing is done on a guess."""
    taken, finish = run(step("first", when="{{ steps.nobody.output.ok }}"))
    assert taken == ["fail first"]
    assert finish.result == "failed"
    assert "step first" in finish.reason


@pytest.mark.parametrize(
    ("on_failure", "taken", "result"),
    [
        ("stop", ["first", "second"], "failed"),
        ("continue", ["first", "second", "third", "fourth"], "succeeded"),
        ("rollback", ["first", "second", "undo second", "undo first"], "rolled back"),
        ("goto:fourth", ["first", "second", "fourth"], "succeeded"),
    ],
)
def test_step_says_what_follows_when_it_fails(on_failure: str, taken: list[str], result: str) -> None:
    """Stop where we are, go on, take back (the failed step too: it may be half done) or jump onward."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, on_failure=on_failure), step("third"))
    found, finish = run(*steps, step("fourth"), answer=scripted(outcome(), FAILED))
    assert (found, finish.result) == (taken, result)


@pytest.mark.parametrize("target", ["first", "second", "nowhere"])
def test_jump_that_does_not_lead_onward_ends_the_run(target: str) -> None:
    """Lint says so before; a run of a runbook that nobody checked ends clearly."""
    taken, finish = run(step("first"), step("second", on_failure=f"goto:{target}"), answer=scripted(outcome(), FAILED))
    assert taken == ["first", "second"]
    assert finish.result == "failed"
    assert finish.reason.endswith(f"no later step is called {target}")


def test_act_that_surely_did_not_happen_is_tried_again_with_growing_pauses() -> None:
    """Backoff doubles: 2 s, 4 s, then the limit of 5 s; then the step has failed."""
    retry = {"attempts": 4, "backoff": "2s", "max_backoff": "5s"}
    trace, finish = walk(begun(runbook(step("first", retry=retry))), scripted(*[TRY_AGAIN] * 4))
    assert [act.attempt for act in acts(trace)] == [1, 2, 3, 4]
    assert [each.seconds for each, _ in trace if isinstance(each, Wait)] == [2, 4, 5]
    assert (finish.result, finish.reason) == ("failed", "step first: it did not work")


@pytest.mark.parametrize("result", [FAILED, NOT_DONE, outcome(ok=False, retryable=True)])
def test_act_that_may_have_happened_or_would_fail_again_is_not_tried_again(result: dict[str, Any]) -> None:
    """Attempts that are left do not matter."""
    assert run(step("first", retry={"attempts": 5}), answer=scripted(result))[0] == ["first"]


@pytest.mark.parametrize(
    ("happened", "taken", "result"),
    [
        (True, ["first", "second", "settle second", "third"], "succeeded"),
        (False, ["first", "second", "settle second", "second", "third"], "succeeded"),
        (None, ["first", "second", "settle second", "undo second", "undo first"], "aborted"),
    ],
)
def test_person_says_how_a_run_goes_on_when_an_outcome_is_unknown(
    happened: bool | None, taken: list[str], result: str
) -> None:
    """It happened: go on. It did not: try again. Stop: take back what may have happened."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, retry={"attempts": 2}), step("third"))
    found, finish = run(*steps, answer=scripted(outcome(), UNKNOWN, happened))
    assert (found, finish.result) == (taken, result)


def test_step_that_did_not_happen_after_all_is_not_taken_back() -> None:
    """A person's word clears it."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, on_failure="rollback"))
    taken, _ = run(*steps, answer=scripted(outcome(), UNKNOWN, False))
    assert taken == ["first", "second", "settle second", "undo first"]


@pytest.mark.parametrize(
    ("holds", "taken", "result"),
    [
        (True, ["first", "see", "settle see", "last"], "succeeded"),
        (False, ["first", "see", "settle see", "undo first"], "rolled back"),
        (None, ["first", "see", "settle see", "undo first"], "aborted"),
    ],
)
def test_verification_that_could_not_see_is_a_question_before_anything_is_taken_back(
    holds: bool | None, taken: list[str], result: str
) -> None:
    """A person's word is its verdict, and no other try: that was had before."""
    see = step("see", "look", on_failure="rollback", retry={"attempts": 3})
    steps = (step("first", rollback=BACK), see, step("last"))
    found, finish = run(*steps, answer=scripted(outcome(), UNCLEAR, holds))
    assert (found, finish.result) == (taken, result)


@pytest.mark.parametrize("ended", [(1.0, 5.0), (5.0, 1.0)])
def test_branch_that_could_not_see_is_a_question_whichever_branch_ends_first(ended: tuple[float, float]) -> None:
    """What its neighbour did would be taken back."""
    group = {"id": "both", "parallel": [step("see", "look"), step("act", rollback=BACK)], "on_failure": "rollback"}
    told = iter(({**UNCLEAR, "at": ended[0]}, {**outcome(), "at": ended[1]}))
    found, finish = run(group, answer=scripted(*told, False))
    assert (found, finish.result) == (["see + act", "settle see", "undo act"], "rolled back")


def test_jump_to_an_act_because_a_check_could_not_see_is_a_question() -> None:
    """A jump to what only tells is none."""
    steps = (step("see", "look", on_failure="goto:last"), step("mid", "look"), step("last"))
    assert run(*steps, answer=scripted(UNCLEAR, False))[0] == ["see", "settle see", "last"]
    steps = (step("see", "look", on_failure="goto:last"), step("mid"), step("last", "look"))
    assert run(*steps, answer=scripted(UNCLEAR))[0] == ["see", "last"]


def test_verification_that_could_not_see_fails_where_nothing_stands() -> None:
    """There is nothing to take back, so nobody need be asked."""
    steps = (step("see", "look", on_failure="rollback"), step("last", rollback=BACK))
    found, finish = run(*steps, answer=scripted(UNCLEAR))
    assert (found, finish.result) == (["see"], "rolled back")


def test_failed_rollback_stops_the_run_and_says_what_still_stands() -> None:
    """People go on from there."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, on_failure="rollback"))
    taken, finish = run(*steps, answer=scripted(outcome(), FAILED, FAILED))
    assert taken == ["first", "second", "undo second"]
    assert finish.result == "failed"
    assert finish.reason == (
        "taking back second failed: it did not work; first still stands; "
        "it was to be taken back because: step second: it did not work"
    )
    assert finish.escalate_to == "operators"


def test_taking_back_is_tried_again_where_it_surely_did_not_happen() -> None:
    """A far side that is busy for a moment leaves nothing half taken back; after some tries people are called."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, on_failure="rollback"))
    busy = outcome(ok=False, happened=False, retryable=True)
    taken, finish = run(*steps, answer=scripted(outcome(), FAILED, busy, busy))
    assert taken == ["first", "second", "undo second", "undo second", "undo second", "undo first"]
    assert finish.result == "rolled back"
    taken, finish = run(*steps, answer=scripted(outcome(), FAILED, busy, busy, busy))
    assert (taken[2:], finish.result) == (["undo second"] * 3, "failed")


@pytest.mark.parametrize(
    ("happened", "taken", "result"),
    [(True, ["undo first"], "rolled back"), (False, [], "failed"), (None, [], "failed")],
)
def test_rollback_of_unknown_outcome_is_never_repeated(happened: bool | None, taken: list[str], result: str) -> None:
    """A person says that it happened, or the run ends with the question open."""
    steps = (step("first", rollback=BACK), step("second", rollback=BACK, on_failure="rollback"))
    answer = scripted(outcome(), FAILED, UNKNOWN, happened)
    expected = ["first", "second", "undo second", "settle second", *taken]
    found, finish = run(*steps, answer=answer)
    assert (found, finish.result) == (expected, result)


@pytest.mark.parametrize(
    ("on_timeout", "taken", "result"),
    [
        ("stop", ["first", "ask second", "undo first"], "stopped"),
        ("escalate", ["first", "ask second", "undo first"], "stopped"),
        ("proceed", ["first", "ask second", "second"], "succeeded"),
    ],
)
def test_runbook_decides_when_nobody_does(on_timeout: str, taken: list[str], result: str) -> None:
    """Only a step that says so proceeds without people; otherwise somebody is called."""
    steps = (step("first", rollback=BACK), step("second", "strike", approval={"on_timeout": on_timeout}))
    answer = scripted(outcome(), "expired")
    found, finish = run(*steps, answer=answer, escalate={"to": "hardware"})
    assert (found, finish.result) == (taken, result)
    assert finish.escalate_to == ("" if result == "succeeded" else "hardware")


@pytest.mark.parametrize(
    ("required", "asked"),
    [
        (True, True),
        (False, False),
        ("{{ inputs.sure }}", True),
        ("{{ not inputs.sure }}", False),
        ("{% if inputs.sure %}false{% endif %}", False),
        ("{{ plan.affected_flows | length }}", True),
    ],
)
def test_approval_is_asked_for_unless_the_runbook_plainly_says_no(required: str | bool, asked: bool) -> None:
    """Anything but false means that people are asked; the plan says the same."""
    inputs = {"sure": {"type": "boolean", "default": True}}
    chosen = runbook(step("first", "strike", approval={"required": required}), inputs=inputs)
    answer = scripted("approved") if asked else scripted()
    assert path(walk(begun(chosen), answer)[0]) == (["ask first", "first"] if asked else ["first"])
    approval = planned(chosen).steps[0].approval
    assert approval is not None
    assert approval["required"] is asked


def test_looking_needs_no_approval() -> None:
    """An act that changes nothing does not wait for people."""
    assert run(step("first", "look", approval={"required": True}))[0] == ["first"]


def test_end_that_was_reached_stays() -> None:
    """Asking again changes nothing; a wish to stop that came before the last act ended still makes it an abort."""
    state = begun(runbook(step("first")))
    instruction = next_instruction(state)
    state = record(state, instruction, FAILED)
    finish = next_instruction(state)
    assert isinstance(finish, Finish)
    assert next_instruction(record(state, finish, {})) == finish
    stopped = next_instruction(abort(state, "alice: no more"))
    assert isinstance(stopped, Finish)
    assert (stopped.result, stopped.reason, stopped.changed) == ("aborted", "alice: no more", False)


@pytest.mark.parametrize(
    ("when", "result", "called"),
    [
        ("failed", "failed", "hardware"),
        ("failed", "succeeded", ""),
        ("always", "succeeded", "hardware"),
        ("never", "failed", "operators"),
    ],
)
def test_people_are_called_as_the_runbook_says(when: str, result: str, called: str) -> None:
    """A run that did not succeed always ends with somebody."""
    answer = scripted(outcome() if result == "succeeded" else FAILED)
    finish = run(step("first"), answer=answer, escalate={"to": "hardware", "when": when})[1]
    assert (finish.result, finish.escalate_to) == (result, called)
