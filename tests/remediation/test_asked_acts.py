"""A question holds the acts that a yes lets happen, rendered as they are done and not as they are written."""

from typing import Any

from remediation.machine import Act, Ask, Fail
from tests.remediation.runs import acts, begun, outcome, restarted, runbook, scripted, walk

Json = dict[str, Any]
ASKED = {"approval": {"required": True}}
LOOK = {"id": "look", "action": "look", "with": {"link": "ams-rtm"}}
FOUND = outcome(output={"rate": 25, "links": ["ams-rtm", "rtm-del", "del-lei"]})


def turn(**more: Any) -> Json:
    """A step that asks, and whose parameters are found out by the step before."""
    return {"id": "turn", "action": "turn", "with": {"rate": "{{ steps.look.output.rate * 4 }}"}, **ASKED, **more}


def questions(*steps: Json) -> tuple[list[Ask], list[Act]]:
    """What is asked, and what is then done."""
    trace, _ = walk(begun(runbook(LOOK, *steps)), scripted(FOUND))
    return [each for each, _ in trace if isinstance(each, Ask)], acts(trace)[1:]


def told(act: Act) -> Json:
    """An act as a question holds it."""
    return {"step": act.step, "title": act.title, "action": act.action, "parameters": act.parameters}


def test_a_question_holds_the_act_with_what_earlier_steps_found_out() -> None:
    """25 was found, and four times that is asked about and done."""
    (question,), done = questions(turn(title="Turn it"))
    assert question.acts == [{"step": "turn", "title": "Turn it", "action": "turn", "parameters": {"rate": 100}}]
    assert question.acts == [told(each) for each in done]


def test_one_question_about_a_repeated_step_holds_the_act_on_every_item() -> None:
    """Three links were found: three acts are asked about, once, and these are done."""
    given = {"link": "{{ item }}", "number": "{{ loop.index }}"}
    (question,), done = questions(turn(foreach="{{ steps.look.output.links }}", **{"with": given}))
    assert [each["step"] for each in question.acts] == ["turn.1", "turn.2", "turn.3"]
    assert [each["parameters"]["link"] for each in question.acts] == ["ams-rtm", "rtm-del", "del-lei"]
    assert question.acts == [told(each) for each in done]


def test_an_item_whose_act_cannot_be_rendered_is_told_with_its_fault() -> None:
    """The second of two: the first is done as it was asked about, the second fails as it was said to."""
    given = {"rate": "{{ 1 / item }}"}
    trace, _ = walk(begun(runbook(LOOK, turn(foreach="{{ [1, 0] }}", **{"with": given}))), scripted(FOUND))
    (question,) = [each for each, _ in trace if isinstance(each, Ask)]
    (failed,) = [each for each, _ in trace if isinstance(each, Fail)]
    first, second = question.acts
    assert (first["parameters"], "fault" in first) == ({"rate": 1.0}, False)
    assert (second["step"], second["parameters"], second["fault"]) == ("turn.2", {}, failed.why)


def test_branches_of_a_group_are_asked_about_one_by_one_each_with_its_own_act() -> None:
    """Two branches that ask are two questions; then both are done together, as asked."""
    branches = [{**turn(), "id": name} for name in ("left", "right")]
    found, done = questions({"id": "both", "parallel": branches})
    assert [each.acts for each in found] == [[told(act)] for act in done]


def test_a_question_reads_the_same_after_a_restart_and_without_acts_if_it_is_old() -> None:
    """Questions of earlier versions had none."""
    state = begun(runbook(turn(**{"with": {"rate": 7}})))
    (again, before) = (walk(each, scripted())[0][0][0] for each in (restarted(state), state))
    assert isinstance(before, Ask)
    assert again == before == Ask.from_json(before.to_json())
    assert Ask.from_json({name: value for name, value in before.to_json().items() if name != "acts"}).acts == []
