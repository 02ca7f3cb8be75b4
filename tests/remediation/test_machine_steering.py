"""What people may do to a run keeps its promises: steps that they skip, runs that they have done again."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from remediation.machine import Act, Ask, Fail, Finish, RunState, Skip, Together, abort, next_instruction, record
from remediation.retrying import begin_at, names_in, place_of
from remediation.schema import Runbook
from tests.remediation.runs import (
    RUN,
    Answer,
    Trace,
    acts,
    answers,
    begun,
    outcome,
    promise,
    restarted,
    runbook,
    runbooks,
    scripted,
    walk,
)

BACK = {"rollback": {"action": "turn_back", "with": {"was": "{{ steps.first.before.level }}"}}}
SECOND = "INC-1-R2"


def of(instruction: Act | Ask | Fail) -> str:
    """The step that an instruction is about."""
    return instruction.step.partition(".")[0]


def walk_skipping(state: RunState, answer: Answer, unwanted: frozenset[str]) -> tuple[Trace, Finish]:
    """As people would have it: an unwanted step that has not begun is passed over, whatever was about to happen."""
    trace: Trace = []
    while not isinstance(instruction := next_instruction(state), Finish):
        assert len(trace) < 2000, "the run does not end"
        skips: list[Skip] = []
        if isinstance(instruction, Act | Ask | Fail) and of(instruction) in unwanted:
            undoes = isinstance(instruction, Act) and instruction.phase == "undo"
            skips = [] if undoes else [Skip(step=of(instruction), why="skipped")]
        if isinstance(instruction, Together):
            skips = [Skip(step=act.step, why="skipped") for act in instruction.acts if act.step in unwanted]
        for skip in skips:
            trace.append((skip, {}))
            state = record(state, skip, {})
        if not skips:
            result = answer(instruction, len(trace))
            trace.append((instruction, result))
            state = record(state, instruction, result)
    return trace, instruction


@promise
@given(runbooks, answers, st.sets(st.integers(0, 17)))
def test_steps_that_people_skip_are_neither_done_nor_taken_back_and_the_run_ends(
    runbook: Runbook, answer: Answer, numbers: set[int]
) -> None:
    """Alone, in groups, once per item, waiting for an approval or impossible to begin."""
    names = [step.id for step in runbook.spec.acts]
    unwanted = frozenset(names[number % len(names)] for number in numbers)
    trace, _ = walk_skipping(begun(runbook), answer, unwanted)
    assert not {act.step.partition(".")[0] for phase in ("run", "undo") for act in acts(trace, phase)} & unwanted
    assert not {of(each) for each, _ in trace if isinstance(each, Ask | Fail)} & unwanted


@promise
@given(runbooks, answers)
def test_a_run_of_which_everything_is_skipped_succeeds(runbook: Runbook, answer: Answer) -> None:
    """What is skipped has not failed."""
    names = frozenset(step.id for step in runbook.spec.acts)
    _, finish = walk_skipping(begun(runbook), answer, names)
    assert (finish.result, finish.changed) == ("succeeded", False)


def last_of(state: RunState, answer: Answer) -> RunState:
    """The state in which a run ended."""
    number = 0
    while not isinstance(instruction := next_instruction(state), Finish):
        state, number = record(state, instruction, answer(instruction, number)), number + 1
    return state


def again(first: RunState, place: int) -> RunState:
    """The retry of a run that ended in this state."""
    chosen = Runbook.model_validate(first.runbook)
    done = [name for name in first.done if chosen.step(name).rollback is not None]
    return begin_at(replace(begun(chosen), run=SECOND), place, told=first.outputs, done=done)


@promise
@given(runbooks, answers, answers, st.integers(0, 5))
def test_a_retry_ends_does_nothing_before_its_step_and_can_take_back_all_that_stands(
    runbook: Runbook, first_answer: Answer, answer: Answer, back: int
) -> None:
    """Under keys of its own; stopped at once it takes back exactly what the first run left, newest first."""
    first = last_of(begun(runbook), first_answer)
    place = max(0, min(first.position, len(runbook.spec.steps) - 1) - back)
    state = restarted(again(first, place))
    early = {name for at in range(place) for name in names_in(runbook, at)}
    trace, _ = walk(state, answer)
    assert not {act.step.partition(".")[0] for act in acts(trace)} & early
    assert all(act.key.startswith(f"{SECOND}:") for phase in ("run", "undo") for act in acts(trace, phase))
    undone, _ = walk(abort(state, "enough"), scripted())
    left = [name for name in reversed(first.done) if runbook.step(name).rollback is not None]
    assert [act.step for act in acts(undone, "undo")] == left


def test_what_was_done_twice_is_taken_back_once_to_what_stood_before_the_first_time() -> None:
    """The second time found the first one's work: going back to that would leave it standing."""
    chosen = runbook({"id": "first", "action": "turn", **BACK}, {"id": "second", "action": "look"})
    bad = outcome(ok=False, happened=False)
    first = last_of(begun(chosen), scripted(outcome(before={"level": 3}), bad))
    assert first.finished["result"] == "failed"
    state = again(first, 0)
    act = next_instruction(state)
    assert isinstance(act, Act)
    state = abort(record(state, act, outcome(before={"level": 7})), "enough")
    trace, _ = walk(state, scripted())
    assert [(each.step, each.parameters) for each in acts(trace, "undo")] == [("first", {"was": 3})]


def test_an_act_of_the_first_run_stands_also_when_its_repetition_surely_did_not_happen() -> None:
    """Nobody knew of the second attempt, and a person said no; the first one is still to be taken back."""
    chosen = runbook({"id": "first", "action": "turn", **BACK, "on_failure": "rollback"}, {"id": "b", "action": "look"})
    first = last_of(begun(chosen), scripted(outcome(before={"level": 3}), outcome(ok=False, happened=False)))
    trace, finish = walk(again(first, 0), scripted(outcome(ok=False, happened=None), False))
    assert [(each.step, each.parameters) for each in acts(trace, "undo")] == [("first", {"was": 3})]
    assert finish.result == "rolled back"


def test_a_branch_stands_where_its_group_does() -> None:
    """And what is not there stands nowhere."""
    group = {"id": "both", "parallel": [{"id": "left", "action": "turn"}, {"id": "right", "action": "turn"}]}
    chosen = runbook({"id": "first", "action": "look"}, group)
    assert [place_of(chosen, name) for name in ("first", "both", "right", "last")] == [0, 1, 1, None]
    assert begun(chosen).run == RUN


def test_a_group_that_succeeded_is_done_again_as_a_whole_when_a_person_begins_there() -> None:
    """One of which a branch failed goes on with that branch."""
    group = {"id": "both", "parallel": [{"id": "left", "action": "turn"}, {"id": "right", "action": "turn"}]}
    chosen = runbook(group, {"id": "last", "action": "look"})
    bad = outcome(ok=False, happened=False)
    whole = last_of(begun(chosen), scripted(outcome(), outcome(), bad))
    half = last_of(begun(chosen), scripted(outcome(), bad))
    found = [next_instruction(again(first, 0)) for first in (whole, half)]
    assert [[act.step for act in each.acts] for each in found if isinstance(each, Together)] == [
        ["left", "right"],
        ["right"],
    ]
