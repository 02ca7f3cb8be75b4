"""Whatever a runbook says and whatever comes of its acts, a run keeps these promises."""

from hypothesis import given
from hypothesis import strategies as st

from remediation.contract import Risk
from remediation.machine import (
    Act,
    Ask,
    AskOutcome,
    Finish,
    RunState,
    Together,
    Wait,
    abort,
    next_instruction,
    record,
)
from remediation.schema import Group, Runbook
from tests.remediation.runs import (
    ACTIONS,
    Answer,
    Trace,
    acts,
    answers,
    begun,
    flat,
    promise,
    restarted,
    runbooks,
    standing,
    walk,
)

TAKEN_BACK = {"rejected", "aborted", "stopped", "rolled back"}
"""The results of runs that took back what they had done."""
_MOST_ITEMS = 3
"""Of a foreach that is generated here."""


def longest(runbook: Runbook) -> int:
    """A step is asked for or skipped once, each attempt is an act, a question and a pause; taking back asks once."""
    times = [_MOST_ITEMS if getattr(step, "foreach", "") else 1 for step in runbook.spec.acts]
    forth = sum(1 + 3 * step.retry.attempts * each for step, each in zip(runbook.spec.acts, times, strict=True))
    return forth + 2 * sum(times)


def place(runbook: Runbook, name: str) -> int:
    """Where the step of an act stands, alone or in its group."""
    step = runbook.step(name)
    parts = enumerate(runbook.spec.steps)
    return next(at for at, part in parts if part is step or (isinstance(part, Group) and step in part.parallel))


@promise
@given(runbooks, answers)
def test_run_always_ends(runbook: Runbook, answer: Answer) -> None:
    """No runbook and no far side can keep a run going for ever."""
    trace, finish = walk(begun(runbook), answer)
    assert len(trace) <= longest(runbook)
    assert finish.result in {"succeeded", "failed", *TAKEN_BACK}
    assert (finish.result == "succeeded") == (finish.escalate_to == "")


@promise
@given(runbooks, answers, st.integers(0, 60))
def test_restart_after_any_instruction_goes_on_as_if_nothing_had_happened(
    runbook: Runbook, answer: Answer, restart_after: int
) -> None:
    """The state alone decides, also once it has been JSON."""
    straight = walk(begun(runbook), answer)
    state, trace = begun(runbook), list[object]()
    while not isinstance(instruction := next_instruction(state), Finish):
        if len(trace) == restart_after:
            state = restarted(state)
            assert next_instruction(state) == instruction
            assert type(instruction).from_json(instruction.to_json()) == instruction
        result = answer(instruction, len(trace))
        trace.append((instruction, result))
        state = record(state, instruction, result)
    assert (trace, instruction) == straight


@promise
@given(runbooks, answers)
def test_state_is_never_changed_in_place(runbook: Runbook, answer: Answer) -> None:
    """A step that is done again after a crash starts from the same state."""
    state, seen = begun(runbook), list[tuple[RunState, object]]()
    while not isinstance(instruction := next_instruction(state), Finish):
        seen.append((state, state.to_json()))
        state = record(state, instruction, answer(instruction, len(seen)))
    assert all(earlier.to_json() == content for earlier, content in seen)


@promise
@given(runbooks, answers)
def test_what_was_done_is_taken_back_newest_first(runbook: Runbook, answer: Answer) -> None:
    """Only steps that may have changed something and have a way back, each once; a failure there stops.

    What surely did not happen is tried again before that.
    """
    trace, finish = walk(begun(runbook), answer)
    expected = [step for step in reversed(standing(trace)) if runbook.step(step).rollback is not None]
    undone = [act.step for act in acts(trace, "undo") if act.attempt == 1]
    if finish.result in TAKEN_BACK:
        assert undone == expected
    elif undone:
        assert finish.result == "failed"
        assert undone == expected[: len(undone)]
        assert f"taking back {undone[-1]} failed" in finish.reason
    first = next((at for at, (each, _) in enumerate(trace) if isinstance(each, Act) and each.phase == "undo"), None)
    if first is not None:
        assert acts(trace[first:]) == []


@promise
@given(runbooks, answers)
def test_step_that_was_rejected_is_not_done(runbook: Runbook, answer: Answer) -> None:
    """Nor is one that somebody aborted, or about which nobody decided in time and which does not proceed then."""
    trace, finish = walk(begun(runbook), answer)
    for instruction, result in trace:
        if not isinstance(instruction, Ask) or result["decision"] == "approved":
            continue
        if result["decision"] == "expired" and instruction.on_timeout == "proceed":
            continue
        assert [act for act in acts(trace) if act.step.partition(".")[0] == instruction.step] == []
        assert finish.result in {*TAKEN_BACK, "failed"}


@promise
@given(runbooks, answers)
def test_risky_step_that_needs_approval_is_done_only_after_it(runbook: Runbook, answer: Answer) -> None:
    """Every act of such a step comes after its question."""
    trace, _ = walk(begun(runbook), answer)
    asked: set[str] = set()
    for instruction, _ in flat(trace):
        if isinstance(instruction, Ask):
            asked.add(instruction.step)
        if isinstance(instruction, Act) and instruction.phase == "run":
            step = runbook.step(instruction.step)
            needs = step.approval is not None and ACTIONS[step.action].risk is not Risk.READ
            assert step.id in asked or not needs


@promise
@given(runbooks, answers)
def test_act_is_repeated_only_when_it_surely_did_not_happen(runbook: Runbook, answer: Answer) -> None:
    """Because the far side or a person says so; under the same key, after a pause, and no more often than allowed."""
    trace = flat(walk(begun(runbook), answer)[0])
    last: dict[tuple[str, str], int] = {}
    for at, (instruction, _) in enumerate(trace):
        if not isinstance(instruction, Act):
            continue
        name = (instruction.step, instruction.phase)
        assert instruction.attempt <= runbook.step(instruction.step).retry.attempts
        if name in last:
            earlier, result = trace[last[name]]
            assert isinstance(earlier, Act)
            assert (instruction.key, instruction.attempt) == (earlier.key, earlier.attempt + 1)
            between = trace[last[name] + 1 : at]
            assert any(isinstance(each, Wait) for each, _ in between)
            words = [word for each, word in between if isinstance(each, AskOutcome) and (each.step, each.phase) == name]
            assert (words[0] if words else result)["happened"] is False
        else:
            assert instruction.attempt == 1
        last[name] = at


@promise
@given(runbooks, answers)
def test_pauses_grow_up_to_their_limit(runbook: Runbook, answer: Answer) -> None:
    """Never longer than max_backoff."""
    trace, _ = walk(begun(runbook), answer)
    for at, (instruction, _) in enumerate(trace):
        if isinstance(instruction, Wait):
            failed = next(each for each in reversed(trace[:at]) if isinstance(each[0], Act | Together))
            limits = [runbook.step(act.step).retry.max_backoff for act in acts([failed])]
            assert 0 < instruction.seconds <= max(limits)


@promise
@given(runbooks, answers)
def test_people_are_asked_whenever_nobody_knows_whether_an_act_happened(runbook: Runbook, answer: Answer) -> None:
    """The very next thing is the question about that act, or several in the order in which the acts ended."""
    trace, _ = walk(begun(runbook), answer)
    for at, pair in enumerate(trace):
        ended = [(act, result) for act, result in flat([pair]) if isinstance(act, Act)]
        for turn, act in enumerate(act for act, result in ended if not result["ok"] and result["happened"] is None):
            question, word = trace[at + 1 + turn]
            assert isinstance(question, AskOutcome)
            assert (question.step, question.phase, question.attempt) == (act.step, act.phase, act.attempt)
            if word["happened"] is None:
                break


@promise
@given(runbooks, answers)
def test_keys_are_shared_by_nothing_but_the_attempts_of_one_step(runbook: Runbook, answer: Answer) -> None:
    """A controller never takes one act for another."""
    trace, _ = walk(begun(runbook), answer)
    names = {(act.step, act.phase): act.key for act in [*acts(trace), *acts(trace, "undo")]}
    assert len(set(names.values())) == len(names)


@promise
@given(runbooks, answers)
def test_steps_are_done_in_the_order_in_which_they_are_written(runbook: Runbook, answer: Answer) -> None:
    """Jumps go onward."""
    places = [place(runbook, act.step) for act in acts(walk(begun(runbook), answer)[0])]
    assert places == sorted(places)


@promise
@given(runbooks, answers, st.integers(0, 20))
def test_run_that_is_aborted_does_nothing_more_but_take_back(runbook: Runbook, answer: Answer, after: int) -> None:
    """Whoever stops a run before one of its acts gets the network as it was, as far as there is a way back."""
    state, trace = begun(runbook), Trace()
    while not isinstance(instruction := next_instruction(state), Finish):
        acting = isinstance(instruction, Together) or (isinstance(instruction, Act) and instruction.phase == "run")
        if len(trace) >= after and acting:
            break
        result = answer(instruction, len(trace))
        trace.append((instruction, result))
        state = record(state, instruction, result)
    else:
        return
    rest, finish = walk(abort(state, "alice: wrong link"), answer)
    expected = [step for step in reversed(standing(trace)) if runbook.step(step).rollback is not None]
    undone = [act.step for act in acts(rest, "undo")]
    assert acts(rest) == []
    assert undone == expected[: len(undone)]
    assert finish.result == "failed" or (finish.result, undone) == ("aborted", expected)
