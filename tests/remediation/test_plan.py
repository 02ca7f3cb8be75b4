"""A plan says what will be done; an approval holds for exactly that."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.contract import Effect, Prediction
from remediation.errors import RemediationError, UnknownNameError
from remediation.load import load_library
from remediation.plan import Plan, PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.runs import promise

INCIDENT = {"id": "INC-1", "subject": {"kind": "link", "id": "ams-utr"}, "link": "ams-utr", "confidence": 0.9}
FLOWS = ({"id": "keys", "priority": "critical", "route": ["a", "b"], "alternates": [["c", "d"]]},)
RUNBOOK: dict[str, Any] = {
    "apiVersion": "bellhop/v1",
    "kind": "Runbook",
    "metadata": {"name": "refill", "title": "Refill"},
    "spec": {
        "inputs": {
            "link": {"type": "link", "default": "{{ incident.subject.id }}"},
            "level": {"type": "ratio", "default": 0.8},
        },
        "steps": [
            {
                "id": "throttle",
                "action": "flow.throttle",
                "with": {"link": "{{ inputs.link }}", "priority": "best-effort", "rate": 0},
                "rollback": {"action": "flow.unthrottle", "with": {"link": "{{ inputs.link }}"}},
            },
            {
                "id": "fill",
                "action": "entanglement.replenish",
                "with": {"link": "{{ inputs.link }}", "level": "{{ inputs.level }}"},
                "approval": {"role": "approver"},
                "timeout": "5m",
            },
            {
                "id": "power",
                "action": "link.set_power",
                "with": {"link": "{{ inputs.link }}", "gain_db": "{{ steps.fill.output.gain }}"},
                "when": "{{ not steps.fill.output.ok }}",
            },
        ],
    },
}


def content() -> dict[str, Any]:
    """A fresh copy of the runbook."""
    return Runbook.model_validate(RUNBOOK).model_dump(mode="json", by_alias=True)


def predicting(after: float) -> Callable[[Effect], tuple[Prediction, ...]]:
    """A model that expects this."""
    return lambda effect: (Prediction(effect.kind, "1", 0.1, after),)


def plan(runbook: dict[str, Any] | None = None, *, after: float = 0.8, **more: Any) -> Plan:
    """The plan of the runbook for the incident."""
    inputs = more.get("inputs", {})
    facts = PlanFacts(incident=more.get("incident", INCIDENT), affected_flows=more.get("flows", FLOWS))
    chosen = Runbook.model_validate(runbook or RUNBOOK)
    return build_plan(chosen, inputs=inputs, facts=facts, actions=ACTIONS, predict=predicting(after))


def changed(*path: str | int, value: object) -> dict[str, Any]:
    """The runbook with one thing changed."""
    copy: dict[str, Any] = content()
    place: Any = copy["spec"]["steps"]
    for each in path[:-1]:
        place = place[each]
    place[path[-1]] = value
    return copy


def test_what_is_known_is_rendered_and_what_is_not_stays_a_template() -> None:
    """The level is known now, the output of a step is not."""
    found = plan()
    assert found.steps[1].parameters == {"link": "ams-utr", "level": 0.8}
    assert found.steps[2].parameters == {"link": "ams-utr", "gain_db": "{{ steps.fill.output.gain }}"}
    assert [step.target for step in found.steps] == ["link:ams-utr", "link:ams-utr", ""]


def test_predictions_stand_beside_the_steps_that_have_an_effect() -> None:
    """What cannot be rendered yet cannot be predicted."""
    assert [bool(step.predicted) for step in plan().steps] == [True, True, False]


@promise
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_hash_does_not_move_with_predictions(after: float) -> None:
    """Telemetry moves all the time; an approval stays good."""
    assert plan(after=after).plan_hash == plan().plan_hash


@promise
@given(st.floats(0, 1), st.floats(0, 1))
def test_hash_is_the_same_exactly_for_the_same_inputs(one: float, other: float) -> None:
    """Who approved 0.8 has not approved 0.9."""
    same = plan(inputs={"level": one}).plan_hash == plan(inputs={"level": other}).plan_hash
    assert same is (one == other)


def test_hash_is_the_same_for_the_same_plan_from_a_store() -> None:
    """Equal values, however they were written."""
    assert plan(content()).plan_hash == plan().plan_hash == plan(inputs={"link": "ams-utr"}).plan_hash


@pytest.mark.parametrize(
    "runbook",
    [
        changed(1, value={"id": "fill", "action": "link.realign", "with": {"link": "ams-utr"}}),
        changed(1, "with", "level", value=0.5),
        changed(0, "with", "priority", value="standard"),
        changed(0, "when", value=False),
        changed(1, "approval", "role", value="operator"),
        changed(1, "approval", "count", value=2),
        changed(1, "approval", "required", value=False),
        changed(1, "approval", "timeout", value=60),
        changed(1, "approval", "on_timeout", value="proceed"),
        changed(1, "approval", value=None),
        changed(1, "timeout", value=60),
        changed(1, "retry", "attempts", value=3),
        changed(1, "on_failure", value="continue"),
        changed(0, "rollback", "action", value="flow.restore"),
        changed(0, "rollback", value=None),
        changed(1, "idempotency", value="{{ run.id }}:fill"),
        changed(1, "title", value="Fill the pool to the brim"),
    ],
)
def test_hash_changes_with_whatever_will_be_done_or_is_read_by_the_approver(runbook: dict[str, Any]) -> None:
    """Also with what happens when a step fails or nobody answers."""
    assert plan(runbook).plan_hash != plan().plan_hash


def test_hash_changes_with_the_order_and_the_number_of_steps() -> None:
    """The same steps in another order are another plan."""
    turned, shortened = content(), content()
    turned["spec"]["steps"][:2] = turned["spec"]["steps"][1::-1]
    shortened["spec"]["steps"].pop()
    assert len({plan(each).plan_hash for each in (turned, shortened, content())}) == 3


def test_hash_changes_with_the_target_of_the_incident() -> None:
    """The same runbook on another link is another plan."""
    assert plan(incident={**INCIDENT, "subject": {"kind": "link", "id": "utr-ein"}}).plan_hash != plan().plan_hash


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"level": 1.5}, "inputs of refill: level: must be between 0 and 1, not 1.5"),
        ({"level": "full"}, "inputs of refill: level: must be a ratio, not 'full'"),
        ({"link": ""}, "inputs of refill: link: must be the name of a link"),
        ({"colour": "red"}, "inputs of refill: colour: is not an input of refill"),
        ({"level": float("nan")}, "inputs of refill: level: must be between 0 and 1, not nan"),
        ({"level": "{{ incident.nobody }}"}, "inputs of refill: level: "),
        ({"level": 2, "colour": 1}, "inputs of refill: colour: is not an input of refill; level: must be between"),
    ],
)
def test_unfit_inputs_are_all_told(inputs: dict[str, Any], said: str) -> None:
    """One line that names each."""
    with pytest.raises(RemediationError) as caught:
        plan(inputs=inputs)
    assert str(caught.value).startswith(said)


def test_input_that_is_given_is_data_and_no_template() -> None:
    """A retry gives what the first run resolved, and there the text of an alert may look like a template."""
    runbook = content()
    runbook["spec"]["inputs"]["about"] = {"type": "text", "default": "{{ incident.title }}"}
    hostile = "{{ incident.id ~ 'PWNED' }}"
    incident = {**INCIDENT, "title": hostile}
    first = plan(runbook, incident=incident)
    again = plan(runbook, incident=incident, inputs=first.inputs)
    assert first.inputs["about"] == again.inputs["about"] == hostile
    assert again.plan_hash == first.plan_hash
    assert (
        plan(runbook, incident=incident, inputs={"link": "{{ incident.link }}"}).inputs["link"] == "{{ incident.link }}"
    )


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_number_without_end_is_no_integer(value: float) -> None:
    """A clear line, not an arithmetic error."""
    runbook = content()
    runbook["spec"]["inputs"]["level"] = {"type": "integer", "default": value}
    with pytest.raises(RemediationError, match="inputs of refill: level"):
        plan(runbook)


def test_parameters_that_an_action_does_not_take_are_told_before_anything_is_done() -> None:
    """With the action and the parameter."""
    with pytest.raises(RemediationError, match=r"^entanglement\.replenish: level: Input should be less than"):
        plan(changed(1, "with", "level", value=7))


def test_action_that_does_not_exist_is_told_with_its_step() -> None:
    """Before anything is done."""
    with pytest.raises(UnknownNameError, match=r"step fill: there is no action pool\.fill"):
        plan(changed(1, "action", value="pool.fill"))


def test_approval_that_depends_on_a_step_counts_as_needed() -> None:
    """Nobody is told that a step needs no approval and then asked."""
    found = plan(changed(2, "approval", value={"required": "{{ steps.fill.output.gain > 3 }}"}))
    assert found.steps[2].approval is not None
    assert found.steps[2].approval["required"] is True


@pytest.mark.parametrize("loaded", load_library().loaded, ids=lambda loaded: loaded.runbook.metadata.name)
def test_plan_of_a_shipped_runbook_is_plain_json_and_stable(loaded: Any) -> None:
    """Twice the same facts, twice the same hash."""
    facts = PlanFacts(incident=INCIDENT, affected_flows=FLOWS)
    first, second = (
        build_plan(loaded.runbook, inputs={}, facts=facts, actions=ACTIONS, predict=predicting(after))
        for after in (0.1, 0.9)
    )
    assert first.plan_hash == second.plan_hash
    assert len(first.plan_hash) == 64
    assert first.to_json()["steps"][0]["id"] == first.steps[0].id
