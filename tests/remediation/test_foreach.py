"""A step that is done once for each item of a list."""

from typing import Any

import pytest

from remediation.errors import RemediationError
from remediation.machine import Fail, Finish, Skip, next_instruction, record
from tests.remediation.runs import (
    RUN,
    Trace,
    acts,
    begun,
    outcome,
    planned,
    restarted,
    runbook,
    scripted,
    walk,
)
from tests.remediation.test_machine import NOT_DONE, TRY_AGAIN, UNKNOWN, path, step

NODES = "{{ ['utr', 'ams', 'lei'] }}"
LATER = "{{ steps.look.output.nodes }}"


def each(foreach: str = NODES, **more: Any) -> dict[str, Any]:
    """A step that turns every node, and turns it back."""
    back = {"action": "turn_back", "with": {"node": "{{ item }}", "to": "{{ steps.turn.before.angle }}"}}
    content = {"id": "turn", "action": "turn", "with": {"node": "{{ item }}"}, "foreach": foreach, "rollback": back}
    return content | more


def done(trace: Trace, phase: str = "run") -> list[Any]:
    """What the acts of a phase were done to."""
    return [act.parameters["node"] for act in acts(trace, phase) if "node" in act.parameters]


def test_act_is_done_once_per_item_in_order_each_under_its_own_name_and_key() -> None:
    """As if they were three steps."""
    trace, finish = walk(begun(runbook(each())), scripted())
    assert done(trace) == ["utr", "ams", "lei"]
    assert [act.step for act in acts(trace)] == ["turn.1", "turn.2", "turn.3"]
    assert [act.title for act in acts(trace)] == ["turn (1 of 3)", "turn (2 of 3)", "turn (3 of 3)"]
    assert [act.key for act in acts(trace)] == [f"{RUN}:turn.{number}:run" for number in (1, 2, 3)]
    assert (finish.result, finish.changed) == ("succeeded", True)


def test_key_of_ones_own_is_still_another_one_for_each_item() -> None:
    """Otherwise a controller would take the second item's act for a repetition of the first's."""
    trace, _ = walk(begun(runbook(each(idempotency="{{ run.id }}:mine"))), scripted())
    assert [act.key for act in acts(trace)] == [f"{RUN}:mine.{number}" for number in (1, 2, 3)]


def test_templates_know_the_item_and_its_number() -> None:
    """Also where items are mappings."""
    items = "{{ [{'id': 'a', 'level': 0.2}, {'id': 'b', 'level': 0.4}] }}"
    chosen = each(items, **{"with": {"node": "{{ item.id }}", "level": "{{ item.level }}", "turn": "{{ loop.index }}"}})
    trace, _ = walk(begun(runbook(chosen)), scripted())
    assert [act.parameters for act in acts(trace)] == [
        {"node": "a", "level": 0.2, "turn": 1},
        {"node": "b", "level": 0.4, "turn": 2},
    ]


def test_later_steps_see_a_list_of_what_each_item_gave() -> None:
    """With whether all went well."""
    after = {"id": "next", "action": "turn", "with": {"all": "{{ steps.turn.output }}", "ok": "{{ steps.turn.ok }}"}}
    answers = [outcome(output={"angle": angle}) for angle in (1, 2, 3)]
    trace, _ = walk(begun(runbook(each(), after)), scripted(*answers))
    all_ = [{"angle": 1, "ok": True}, {"angle": 2, "ok": True}, {"angle": 3, "ok": True}]
    assert acts(trace)[-1].parameters == {"all": all_, "ok": True}


@pytest.mark.parametrize(
    ("on_failure", "nodes", "undone", "result"),
    [
        ("stop", ["utr", "ams"], [], "failed"),
        ("rollback", ["utr", "ams"], ["ams", "utr"], "rolled back"),
        ("goto:last", ["utr", "ams"], [], "succeeded"),
        ("continue", ["utr", "ams", "lei"], [], "succeeded"),
    ],
)
def test_step_says_what_follows_when_an_item_fails(
    on_failure: str, nodes: list[str], undone: list[str], result: str
) -> None:
    """Items done are taken back newest first, the failed one too: it may be half done."""
    before = {"angle": 10}
    answer = scripted(outcome(before=before), outcome(ok=False, before=before))
    steps = (each(on_failure=on_failure), step("between", "look", when=False), step("last", "look"))
    trace, finish = walk(begun(runbook(*steps)), answer)
    assert (done(trace), done(trace, "undo")) == (nodes, undone)
    assert finish.result == result
    if result != "succeeded":
        assert finish.reason == "step turn.2: it did not work"


def test_each_item_is_taken_back_with_what_it_was_before() -> None:
    """In the rollback the step's own name stands for the very act that is taken back."""
    answers = [outcome(before={"angle": angle}) for angle in (10, 20)]
    trace, _ = walk(begun(runbook(each(on_failure="rollback"))), scripted(*answers, NOT_DONE))
    assert [act.parameters for act in acts(trace, "undo")] == [{"node": "ams", "to": 20}, {"node": "utr", "to": 10}]
    assert [act.step for act in acts(trace, "undo")] == ["turn.2", "turn.1"]


def test_item_is_tried_again_by_itself() -> None:
    """Those before it are not repeated, and the next one begins with its first attempt."""
    trace, _ = walk(begun(runbook(each(retry={"attempts": 2}))), scripted(outcome(), TRY_AGAIN))
    assert [(act.step, act.attempt) for act in acts(trace)] == [
        ("turn.1", 1),
        ("turn.2", 1),
        ("turn.2", 2),
        ("turn.3", 1),
    ]


def test_unknown_outcome_is_asked_about_for_its_item() -> None:
    """Then the next item is done."""
    trace, _ = walk(begun(runbook(each())), scripted(outcome(), UNKNOWN, True))
    assert path(trace) == ["turn.1", "turn.2", "settle turn.2", "turn.3"]


def test_people_are_asked_once_for_all_items() -> None:
    """The plan shows them which these are."""
    trace, _ = walk(begun(runbook(each(approval={"required": True}))), scripted("approved"))
    assert path(trace) == ["ask turn", "turn.1", "turn.2", "turn.3"]


@pytest.mark.parametrize("limit", [1, 2])
def test_more_items_than_the_limit_are_a_failure_before_anything_is_done(limit: int) -> None:
    """With the reason; what earlier steps did is taken back when the step says so."""
    chosen = runbook(
        step("look", "look"),
        step("first", rollback={"action": "turn_back"}),
        each(LATER, limit=limit, on_failure="rollback"),
    )
    trace, finish = walk(begun(chosen), scripted(outcome(output={"nodes": ["utr", "ams", "lei"]})))
    assert path(trace) == ["look", "first", "fail turn", "undo first"]
    assert finish.result == "rolled back"
    assert finish.reason == f"step turn: foreach: 3 items are more than the limit of {limit}; nothing was done"


@pytest.mark.parametrize("value", ["utr", 3, {"node": "utr"}, None])
def test_what_is_no_list_is_a_failure(value: object) -> None:
    """The letters of a name are no items."""
    trace, finish = walk(begun(runbook(step("look", "look"), each(LATER))), scripted(outcome(output={"nodes": value})))
    assert path(trace) == ["look", "fail turn"]
    assert "gives no list" in finish.reason


def test_step_without_items_is_skipped() -> None:
    """There is nothing to do, and nothing went wrong."""
    chosen = runbook(step("look", "look"), each(LATER), step("last", when="{{ steps.turn.skipped }}"))
    trace, finish = walk(begun(chosen), scripted(outcome(output={"nodes": []})))
    assert path(trace) == ["look", "skip turn", "last"]
    assert finish.result == "succeeded"
    assert next(each for each, _ in trace if isinstance(each, Skip)).why == f"{LATER} has no items"


def test_item_whose_template_comes_to_nothing_fails_alone() -> None:
    """With `continue` the next one is done."""
    items = "{{ [{'id': 'a'}, {'name': 'b'}, {'id': 'c'}] if run.id else [] }}"
    chosen = each(items, on_failure="continue", **{"with": {"node": "{{ item.id }}"}})
    trace, _ = walk(begun(runbook(chosen)), scripted())
    assert path(trace) == ["turn.1", "fail turn.2", "turn.3"]
    assert "item" in next(each for each, _ in trace if isinstance(each, Fail)).why


def test_restart_between_two_items_goes_on_with_the_second() -> None:
    """Nothing is repeated and nothing forgotten."""
    state, trace = begun(runbook(each(on_failure="rollback"))), Trace()
    answer = scripted(outcome(before={"angle": 1}), outcome(before={"angle": 2}), NOT_DONE)
    while not isinstance(instruction := next_instruction(state := restarted(state)), Finish):
        trace.append((instruction, answer(instruction, 0)))
        state = record(state, *trace[-1])
    assert path(trace) == ["turn.1", "turn.2", "turn.3", "undo turn.2", "undo turn.1"]


def test_plan_shows_the_act_on_each_item_that_is_known() -> None:
    """With a target and a predicted effect each."""
    chosen = each("{{ [incident.subject.id, 'rtm-del'] }}", title="Turn", **{"with": {"link": "{{ item }}"}})
    found = planned(runbook(chosen)).steps
    assert [(one.id, one.title, one.parameters) for one in found] == [
        ("turn.1", "Turn (1 of 2)", {"link": "ams-rtm"}),
        ("turn.2", "Turn (2 of 2)", {"link": "rtm-del"}),
    ]


def test_plan_says_so_where_only_the_run_will_know_the_items() -> None:
    """How many there can be at most."""
    (_, found) = planned(runbook(step("look", "look"), each(LATER, title="Turn", limit=4))).steps
    assert (found.id, found.title) == ("turn", f"Turn (once per item of {LATER}, 4 at most)")


def test_plan_with_more_items_than_the_limit_is_refused() -> None:
    """Nobody is asked to approve what will fail."""
    with pytest.raises(RemediationError, match="step turn: foreach: 3 items are more than the limit of 2"):
        planned(runbook(each(limit=2)))


def test_approval_is_bound_to_the_items_and_the_limit() -> None:
    """Another list or another limit is another plan."""
    plans = [each(), each("{{ ['utr', 'ams'] }}"), each(limit=3), each(LATER)]
    assert len({planned(runbook(step("look", "look"), one)).plan_hash for one in plans}) == len(plans)
