"""Templates are bounded expressions over data; what stands in the data is never one."""

import time
from typing import Any

import pytest

from remediation.contract import Effect, Prediction
from remediation.errors import TemplateError
from remediation.machine import Act, next_instruction, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from remediation.template import LONGEST_RESULT, LONGEST_SOURCE, names_of, render, render_all

SCOPE: dict[str, Any] = {
    "inputs": {"link": "ams-utr", "level": 0.8, "text": "x" * 1000},
    "incident": {"title": "loss", "subject": {"kind": "link", "id": "ams-utr"}},
    "plan": {"affected_flows": [{"id": "a", "priority": "critical"}, {"id": "b", "priority": "standard"}]},
    "steps": {"confirm": {"output": {"ok": True}}},
}
SOON_S = 1.0
"""An attack is turned down long before a person would notice."""

ESCAPES = (
    "{{ inputs.__class__ }}",
    "{{ inputs['__class__'] }}",
    "{{ inputs.link.__class__.__mro__ }}",
    "{{ ''.__class__.__base__.__subclasses__() }}",
    "{{ [].__class__ }}",
    "{{ inputs | attr('__class__') }}",
    "{{ inputs.link | nosuchfilter }}",
    "{{ inputs.link is nosuchtest }}",
    "{{ plan.affected_flows | map(attribute='__class__') | list }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ namespace() }}",
    "{{ '{0.__class__}'.format(inputs) }}",
    "{{ inputs.link.upper }}",
    "{{ inputs.update({'link': 'other'}) }}",
    "{{ config }}",
    "{% include 'other' %}",
    "{% import 'other' as other %}",
    "{% extends 'other' %}",
)
BOMBS = (
    "{{ range(10 ** 9) | list }}",
    "{% for each in range(1000000000) %}x{% endfor %}",
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ [0] * 1000000000 }}",
    "{{ inputs.text * 1000000 }}",
    "{{ inputs.text + inputs.text }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 10 ** 1000000000 }}",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "{{ lipsum(100000) }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "{{ " + "not " * 300 + "true }}",
    "{{ " + "[" * 300 + "]" * 300 + " }}",
    "{{ " + "-" * 500 + "1 }}",
    "{{ 1" + " + 1" * 400 + " }}",
    "{{ inputs.text" + " ~ inputs.text" * 30 + " }}",
    "{{ inputs.text" + " | replace('x', inputs.text)" * 9 + " }}",
    "{{ inputs.text" + " | join(inputs.text)" * 9 + " }}",
    "{{ inputs.text | list | map('int') | map('default', inputs.text, true) | map('list') | list }}",
    "{% set a = inputs.text %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% filter upper %}x{% endfilter %}",
    "{% block again %}{% endblock %}",
    "{{ " + "x" * LONGEST_SOURCE + " }}",
)


@pytest.mark.parametrize("source", ESCAPES)
def test_template_cannot_leave_its_data(source: str) -> None:
    """No attribute of Python, no call, no other template and no name beside the five can be reached."""
    with pytest.raises(TemplateError):
        render(source, SCOPE)


@pytest.mark.parametrize("source", BOMBS, ids=lambda source: source[:40])
def test_template_cannot_take_long_or_grow_large(source: str) -> None:
    """Each is turned down at once, with an error for people."""
    began = time.perf_counter()
    with pytest.raises(TemplateError):
        render(source, SCOPE)
    assert time.perf_counter() - began < SOON_S


def test_lone_expression_keeps_the_type_of_its_value() -> None:
    """A number stays a number, a list a list; only text around it makes text."""
    assert render("{{ inputs.level }}", SCOPE) == 0.8
    assert render("{{ plan.affected_flows | map(attribute='id') | list }}", SCOPE) == ["a", "b"]
    assert render("level {{ inputs.level }}", SCOPE) == "level 0.8"


def test_names_that_mappings_of_python_have_are_names_like_others() -> None:
    """An input may be called items, and a controller may give counts and values."""
    scope = {"inputs": {"items": "three"}, "steps": {"look": {"output": {"values": 7, "copy": "no"}}}}
    assert render("{{ inputs.items }}: {{ steps.look.output['values'] }}, {{ steps.look.output.copy }}", scope) == (
        "three: 7, no"
    )
    assert render("{{ steps.look.output.values }}", scope) == 7


def test_rounding_is_as_usual_within_bounds() -> None:
    """To 15 places before or behind the point."""
    assert render("{{ 1.256 | round(2) }}", SCOPE) == 1.26
    assert render("{{ 1.2 | round(0, 'ceil') | int }}", SCOPE) == 2
    with pytest.raises(TemplateError, match="from -15 to 15 places"):
        render("{{ inputs.level | round(16) }}", SCOPE)


def test_value_that_is_not_there_is_an_error_and_not_nothing() -> None:
    """A runbook never acts on an empty name."""
    for source in ("{{ inputs.lnik }}", "on {{ inputs.lnik }}", "{{ steps.later.output.ok }}"):
        with pytest.raises(TemplateError):
            render(source, SCOPE)


def test_value_with_template_signs_in_it_stays_as_it_is() -> None:
    """Rendering happens once: what came out is data."""
    hostile = "{{ inputs.level * 2 }}{% for x in y %}"
    scope = {**SCOPE, "incident": {"title": hostile}}
    assert render("{{ incident.title }}", scope) == hostile
    assert render("about {{ incident.title }}", scope) == f"about {hostile}"
    assert render_all({"text": ["{{ incident.title }}"]}, scope) == {"text": [hostile]}


def test_text_without_template_signs_is_not_parsed() -> None:
    """Comment signs and braces of other languages pass through."""
    assert render("{# not a comment #} {x}", SCOPE) == "{# not a comment #} {x}"


def test_result_has_a_longest_length() -> None:
    """Many harmless parts do not add up to a large message."""
    scope = {"inputs": {"text": "x" * (LONGEST_RESULT // 2 + 1)}}
    with pytest.raises(TemplateError, match="longer than"):
        render("{{ inputs.text }}{{ inputs.text }}", scope)


def test_names_of_a_template_are_the_paths_that_it_looks_at() -> None:
    """What lint checks them against."""
    assert {"inputs.link", "steps.confirm.output.ok"} <= names_of(
        "{{ inputs.link if steps.confirm.output.ok else '' }}"
    )


HOSTILE = "{{ 7 * 7 }} {{ inputs.__class__ }}"


def hostile_runbook() -> Runbook:
    """A runbook whose input and message come from the text of an alert."""
    return Runbook.model_validate(
        {
            "apiVersion": "bellhop/v1",
            "kind": "Runbook",
            "metadata": {"name": "tell", "title": "Tell"},
            "spec": {
                "inputs": {"about": {"type": "text", "default": "{{ incident.title }}"}},
                "steps": [
                    {
                        "id": "tell",
                        "action": "notify.message",
                        "with": {"to": "operators", "text": "{{ inputs.about }} / {{ incident.title }}"},
                    }
                ],
            },
        }
    )


def test_alert_text_goes_through_plan_and_run_without_being_evaluated() -> None:
    """From the incident's title over an input into the act, every sign of it arrives as it was sent."""

    def nothing(effect: Effect) -> tuple[Prediction, ...]:
        del effect
        return ()

    facts = PlanFacts(incident={"title": HOSTILE})
    runbook = hostile_runbook()
    plan = build_plan(runbook, inputs={}, facts=facts, actions=ACTIONS, predict=nothing)
    state = start(runbook, run="R1", plan=plan, facts=facts, actions=ACTIONS)
    act = next_instruction(state)
    assert plan.inputs == {"about": HOSTILE}
    assert plan.steps[0].parameters["text"] == f"{HOSTILE} / {HOSTILE}"
    assert isinstance(act, Act)
    assert act.parameters == {"to": "operators", "text": f"{HOSTILE} / {HOSTILE}"}
