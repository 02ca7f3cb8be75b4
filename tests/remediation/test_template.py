"""Templates are bounded expressions over data; what stands in the data is never one."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from remediation.contract import Effect, Prediction
from remediation.errors import TemplateError
from remediation.machine import Act, next_instruction, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from remediation.template import LONGEST_RESULT, LONGEST_SOURCE, names_of, render, render_all

SCOPE: dict[str, Any] = {
    "inputs": {
        "link": "ams-utr",
        "level": 0.8,
        "text": "x" * 1000,
        "escapes": "\\" * 10_000,
        "commas": "," * 10_000,
        "hex": "f" * 20_000,
        "large": 10**300,
        "items": [{"a": number} for number in range(20_000)],
    },
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
    "{{ 'a'" + " | list | string" * 16 + " | length }}",
    "{{ inputs.text" + " | list | string" * 4 + " | length }}",
    "{{ " + "([" * 15 + "inputs.escapes" + "] ~ '')" * 15 + " | length }}",
    "{{ " + "([" * 15 + "inputs.escapes" + "] | string)" * 15 + " | length }}",
    "{{ " + "([" * 15 + "inputs.escapes" + "] | lower)" * 15 + " | length }}",
    "{{ '%1000000000d' is odd }}",
    "{{ '%1000000000d' is even }}",
    "{{ '%1000000000d' is divisibleby(1) }}",
    "{{ [{'a': '%1000000000d'}] | selectattr('a', 'odd') | list | length }}",
    "{{ [{'a': '%1000000000d'}] | rejectattr('a', 'divisibleby', 1) | list | length }}",
    "{{ inputs.items | sort(attribute=inputs.commas) | length }}",
    "{{ inputs.items | max(attribute=inputs.commas) | length }}",
    "{{ [" + "inputs.items, " * 130 + "] | sum(start=[]) | length }}",
    "{{ [" + "inputs.items, " * 130 + "] }}",
    "{{ inputs.hex | int(base=16) }}",
    "{{ " + " * ".join(["inputs.large"] * 18) + " }}",
    "{% if [" + "inputs.items, " * 120 + "] | string %}x{% endif %}",
    "x{{ [" + "inputs.items, " * 120 + "] }}",
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


def test_large_network_is_no_attack() -> None:
    """Ten thousand flows with their routes, chosen from, sorted, counted and given whole."""
    flows = [
        {"id": f"flow-{number}", "priority": "standard", "route": ["ams-utr", "utr-ein"]} for number in range(10**4)
    ]
    chosen = "plan.affected_flows | selectattr('priority', 'eq', 'standard')"
    scope = {"plan": {"affected_flows": flows}}
    assert render("{{ plan.affected_flows }}", scope) == flows
    assert len(render(f"{{{{ {chosen} | sort(attribute='id') | map(attribute='id') }}}}", scope)) == 10**4
    assert render(f"{{{{ {chosen} | list | length > 0 }}}}", scope) is True


def test_result_has_a_longest_length() -> None:
    """Many harmless parts do not add up to a large message."""
    scope = {"inputs": {"text": "x" * (LONGEST_RESULT // 2 + 1)}}
    with pytest.raises(TemplateError, match="longer than"):
        render("{{ inputs.text }}{{ inputs.text }}", scope)


def test_template_without_data_is_not_worked_out_before_it_is_rendered() -> None:
    """Its names can be asked for at once: text that doubles with each level, and a place that is not there."""
    began = time.perf_counter()
    assert names_of("{{ " + "([" * 15 + f"'{chr(92) * 800}'" + "] ~ '')" * 15 + " }}") == frozenset()
    assert names_of("{{ (0)[0] ~ '' }}") == frozenset()
    assert time.perf_counter() - began < SOON_S


def test_complaint_about_a_long_template_is_short_enough_to_be_read() -> None:
    """The reason is not lost behind the template."""
    with pytest.raises(TemplateError) as caught:
        render("{{ inputs.link" + " | list" * 200 + " }}", SCOPE)
    assert str(caught.value).endswith("…: a template is nested too deeply")
    assert len(str(caught.value)) < 200


def test_growing_template_in_a_runbook_is_told_by_lint_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each filter is allowed; their chain, which once took all memory, is refused with line and column."""
    content = hostile_runbook().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    content["spec"]["steps"][0]["with"]["text"] = "{{ 'a'" + "|list|string" * 16 + "|length }}"
    file = tmp_path / "tell.yaml"
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    line = next(at for at, text in enumerate(file.read_text().splitlines(), 1) if "|list|string" in text)
    began = time.perf_counter()
    assert run(["runbook", "lint", str(file)]) == 1
    assert time.perf_counter() - began < 2 * SOON_S
    assert f"tell.yaml:{line}:14: error: " in capsys.readouterr().out


def test_parts_of_lists_and_texts_can_be_taken() -> None:
    """From : to, also of what stands in the template; anything else has no parts."""
    assert render("{{ inputs.link[:3] }}", SCOPE) == "ams"
    assert render("{{ (plan.affected_flows | map(attribute='id'))[::-1] }}", SCOPE) == ["b", "a"]
    with pytest.raises(TemplateError, match="only a list or a text has parts"):
        render("{{ (0)[1:] }}", SCOPE)


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
