"""The path that a run takes through its runbook is the one that is written, whatever comes of its acts."""

from collections import Counter

from hypothesis import given, settings

from remediation.contract import Risk
from remediation.machine import (
    Act,
    Ask,
    AskOutcome,
    Fail,
    Finish,
    Instruction,
    Skip,
    Together,
    abort,
    next_instruction,
    record,
)
from remediation.schema import Group, Runbook, Step
from remediation.template import render
from tests.remediation.runs import (
    ACTIONS,
    NEVER,
    RUN,
    Answer,
    Json,
    Trace,
    acts,
    answers,
    begun,
    flat,
    promise,
    runbooks,
    scripted,
    standing,
    walk,
)

Visit = tuple[int, Trace]
"""A part of the runbook by its place, and everything that was instructed about it, one after the other."""


def visits(runbook: Runbook, trace: Trace) -> list[Visit]:
    """The parts in the order in which the run came to them; pauses and taking back are left out."""
    places = {part.id: at for at, part in enumerate(runbook.spec.steps)}
    groups = [(at, part) for at, part in enumerate(runbook.spec.steps) if isinstance(part, Group)]
    places |= {each.id: at for at, group in groups for each in group.parallel}
    found: list[Visit] = []
    for pair in flat(trace):
        told = pair[0]
        if isinstance(told, Act | AskOutcome) and told.phase == "undo":
            break
        if not isinstance(told, Act | Ask | AskOutcome | Skip | Fail):
            continue
        at = places[told.step.partition(".")[0]]
        if not found or found[-1][0] != at:
            found.append((at, []))
        found[-1][1].append(pair)
    return found


def went_wrong(runbook: Runbook, visit: Visit) -> bool:
    """Whether a part failed, going by the last word about each of its acts; branches that may fail do not count."""
    part = runbook.spec.steps[visit[0]]
    excused = {each.id for each in part.parallel if each.on_failure == "continue"} if isinstance(part, Group) else set()
    last: dict[str, bool] = {}
    for told, result in visit[1]:
        if isinstance(told, Act):
            last[told.step] = result["ok"]
        elif isinstance(told, AskOutcome):
            last[told.step] = result["happened"] is True
        elif isinstance(told, Fail | Skip):
            last[told.step] = isinstance(told, Skip)
    return any(not good for name, good in last.items() if name not in excused)


def turned_down(visit: Visit) -> bool:
    """Whether people ended the run here: an approval not given, an outcome that nobody knew."""
    for told, result in visit[1]:
        proceeds = isinstance(told, Ask) and result["decision"] == "expired" and told.on_timeout == "proceed"
        if isinstance(told, Ask) and result["decision"] != "approved" and not proceeds:
            return True
        if isinstance(told, AskOutcome) and result["happened"] is None:
            return True
    return False


@promise
@given(runbooks, answers)
def test_after_each_part_comes_the_one_that_is_written(runbook: Runbook, answer: Answer) -> None:
    """The next one; after a failure the one that it jumps to, and with stop or rollback none."""
    trace, finish = walk(begun(runbook), answer)
    path = visits(runbook, trace)
    steps = runbook.spec.steps
    assert path[0][0] == 0
    for visit, following in zip(path, [*(at for at, _ in path[1:]), None], strict=True):
        failed, part = went_wrong(runbook, visit), steps[visit[0]]
        if turned_down(visit):
            assert following is None
        elif failed and part.on_failure.startswith("goto:"):
            assert following is not None
            assert steps[following].id == part.on_failure.removeprefix("goto:")
        elif failed and part.on_failure != "continue":
            assert following is None
            assert finish.result in ({"failed"} if part.on_failure == "stop" else {"rolled back", "failed"})
        else:
            assert following == (visit[0] + 1 if visit[0] + 1 < len(steps) else None)
            assert following is not None or finish.result == "succeeded"


@promise
@given(runbooks, answers)
def test_each_item_is_done_in_order_and_none_is_left_out(runbook: Runbook, answer: Answer) -> None:
    """Up to the first failure, or all of them."""
    trace, _ = walk(begun(runbook), answer)
    for visit in visits(runbook, trace):
        step = runbook.spec.steps[visit[0]]
        if not isinstance(step, Step) or not step.foreach:
            continue
        items = render(step.foreach, {"run": {"id": RUN}})
        done = [act.parameters for act in acts(visit[1]) if act.attempt == 1]
        wanted = [{"link": item, "number": at} for at, item in enumerate(items, start=1)]
        assert done == wanted[: len(done)]
        over = step.on_failure == "continue" or not went_wrong(runbook, visit)
        if done and over and not turned_down(visit):
            assert done == wanted


def _tried_again(runbook: Runbook, told: Instruction, result: Json) -> bool:
    """Whether an undo surely did not happen and may be tried once more: three times at least."""
    if not isinstance(told, Act) or not result["retryable"] or result["happened"] is not False:
        return False
    return told.attempt < max(3, runbook.step(told.step).retry.attempts)


@promise
@given(runbooks, answers)
def test_a_way_back_that_fails_ends_the_run_as_failed(runbook: Runbook, answer: Answer) -> None:
    """What came before still stands, and nobody is told that it was taken back."""
    trace, finish = walk(begun(runbook), answer)
    for at, (told, result) in enumerate(trace):
        undo = isinstance(told, Act) and told.phase == "undo" and not result["ok"]
        bad = undo and result["happened"] is not None and not _tried_again(runbook, told, result)
        denied = isinstance(told, AskOutcome) and told.phase == "undo" and result["happened"] is not True
        if bad or denied:
            assert trace[at + 1 :] == []
            assert finish.result == "failed"


@promise
@given(runbooks, answers)
def test_a_step_is_done_only_when_its_condition_is_true(runbook: Runbook, answer: Answer) -> None:
    """Not when it comes to something else; and what a neighbour in the group gives makes no difference to it."""
    trace, _ = walk(begun(runbook), answer)
    begun_ = {act.step.partition(".")[0] for act in acts(trace)}
    never = {step.id for step in runbook.spec.acts if step.when is False or step.when in NEVER}
    assert begun_ & never == set()
    asking = {step.id for step in runbook.spec.acts if "is not defined" in str(step.when)}
    assert {told.step for told, _ in trace if isinstance(told, Skip)} & asking == set()


@promise
@given(runbooks, answers)
def test_a_group_is_taken_back_in_reverse_of_completion(runbook: Runbook, answer: Answer) -> None:
    """Whoever stops the run right after it gets each branch taken back, that which ended last first."""
    state, trace = begun(runbook), Trace()
    while not isinstance(told := next_instruction(state), Finish):
        result = answer(told, len(trace))
        trace.append((told, result))
        state = record(state, told, result)
        if isinstance(told, Together) and not (state.asking or state.undoing or state.finished):
            undone, finish = walk(abort(state, "enough"), scripted())
            expected = [step for step in reversed(standing(trace)) if runbook.step(step).rollback is not None]
            assert [act.step for act in acts(undone, "undo")] == expected
            assert finish.result == "aborted"


@promise
@given(runbooks, answers)
def test_nothing_of_a_group_is_begun_when_one_of_its_branches_cannot_be(runbook: Runbook, answer: Answer) -> None:
    """Unless that branch may fail. And nobody is asked about a group before all its conditions are looked at."""
    trace, _ = walk(begun(runbook), answer)
    for visit in visits(runbook, trace):
        if not isinstance(runbook.spec.steps[visit[0]], Group):
            continue
        fails = [told.step for told, _ in visit[1] if isinstance(told, Fail)]
        if any(runbook.step(name).on_failure == "stop" for name in fails):
            assert acts(visit[1]) == []
        kinds = [type(told) for told, _ in visit[1]]
        assert Ask not in kinds or Skip not in kinds[kinds.index(Ask) :]


@promise
@given(runbooks, answers)
def test_a_run_says_whether_it_changed_anything(runbook: Runbook, answer: Answer) -> None:
    """Looking changes nothing; an act that a person says has happened does."""
    trace, finish = walk(begun(runbook), answer)
    last: dict[str, bool] = {}
    for told, result in flat(trace):
        if isinstance(told, Act | AskOutcome) and told.phase == "run":
            good = result["ok"] if isinstance(told, Act) else result["happened"] is True
            last[told.step] = good and ACTIONS[runbook.step(told.step).action].risk is not Risk.READ
    assert finish.changed == any(last.values())


def turns(runbook: Runbook, trace: Trace) -> set[str]:
    """What a run met with, by name."""
    found = {f"{type(told).__name__}" for told, _ in trace}
    for told, result in flat(trace):
        if isinstance(told, Act):
            found.add(f"{told.phase} {'ok' if result['ok'] else result['happened']}")
            found |= {"another attempt"} if told.attempt > 1 else set()
            found |= {"second item"} if told.each and told.each["loop"]["index"] > 1 else set()
        if isinstance(told, Ask):
            found.add(f"asked: {result['decision']}, {told.on_timeout}")
        if isinstance(told, AskOutcome):
            found.add(f"{told.phase} outcome: {result['happened']}")
    for visit in visits(runbook, trace):
        kind = "group" if isinstance(runbook.spec.steps[visit[0]], Group) else "step"
        if went_wrong(runbook, visit):
            found.add(f"{kind} failed: {runbook.spec.steps[visit[0]].on_failure.partition(':')[0]}")
    return found


def test_the_runbooks_and_answers_meet_with_everything_that_can_happen() -> None:
    """The promises would hold of runs in which nothing happens, too."""
    met: Counter[str] = Counter()

    @settings(promise, max_examples=1000)
    @given(runbooks, answers)
    def look(runbook: Runbook, answer: Answer) -> None:
        trace, finish = walk(begun(runbook), answer)
        met.update({*turns(runbook, trace), finish.result})

    look()
    wanted = {"Act", "Together", "Ask", "AskOutcome", "Skip", "Fail", "Wait", "another attempt", "second item"}
    wanted |= {f"{phase} {word}" for phase in ("run", "undo") for word in ("ok", True, False, None)}
    wanted |= {f"{phase} outcome: {word}" for phase in ("run", "undo") for word in (True, False, None)}
    wanted |= {f"asked: {word}, stop" for word in ("approved", "rejected", "aborted", "expired")}
    wanted |= {"asked: expired, escalate", "asked: expired, proceed"}
    wanted |= {
        f"{kind} failed: {word}" for kind in ("step", "group") for word in ("stop", "continue", "rollback", "goto")
    }
    wanted |= {"succeeded", "failed", "stopped", "rejected", "rolled back", "aborted"}
    assert wanted - met.keys() == set()
