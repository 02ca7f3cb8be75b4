"""The JSON Schema of runbooks for editors: every action with its parameters, and what a risky step must have."""

from collections.abc import Iterable, Mapping
from typing import Any

from remediation.contract import Action, Risk
from remediation.registry import ACTIONS
from remediation.schema import Runbook

Json = dict[str, Any]
_TEMPLATE: Json = {"type": "string", "pattern": r"\{\{"}
_ASKED: Json = {
    "required": ["approval", "timeout"],
    "properties": {
        "approval": {
            "type": "object",
            "properties": {"required": {"not": {"const": False}}, "on_timeout": {"enum": ["stop", "escalate"]}},
        },
        "timeout": {"not": {"type": "null"}},
    },
}
"""A step that can hurt traffic."""


def runbook_schema(signals: Iterable[str]) -> Json:
    """Draft 2020-12; what needs a look at other steps, at inputs or into templates is left to lint."""
    schema: Json = Runbook.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    for name in ("Step", "Branch", "Rollback"):
        parts[name]["properties"]["action"] = {"enum": sorted(ACTIONS)}
        parts[name]["allOf"] = [_when(action, asked=name != "Rollback") for action in ACTIONS.values()]
    for action in ACTIONS.values():
        parts |= _parameters(action, sorted(signals))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _when(action: Action, *, asked: bool) -> Json:
    """What a step with this action must look like."""
    taken: Json = {"properties": {"with": {"$ref": f"#/$defs/{action.name}"}}}
    if action.parameters.model_json_schema().get("required"):
        taken["required"] = ["with"]
    told = [taken, _ASKED] if asked and action.risk is Risk.DISRUPTIVE else [taken]
    return {"if": {"required": ["action"], "properties": {"action": {"const": action.name}}}, "then": {"allOf": told}}


def _parameters(action: Action, signals: list[str]) -> Json:
    """The parameters of an action and what they are made of, under names of its own."""
    schema = action.parameters.model_json_schema(by_alias=True, ref_template=f"#/$defs/{action.name}.{{model}}")
    parts = schema.pop("$defs", {})
    found = {action.name: schema, **{f"{action.name}.{name}": each for name, each in parts.items()}}
    return {name: _loosened(each, signals) for name, each in found.items()}


def _loosened(schema: Mapping[str, Any], signals: list[str]) -> Json:
    """The same, with a template allowed for every value, and signals by their names."""
    properties = {name: _or_template(_named(name, each, signals)) for name, each in schema["properties"].items()}
    return {**schema, "description": schema.get("description", ""), "properties": properties}


def _named(name: str, schema: Json, signals: list[str]) -> Json:
    if name == "signal":
        return {"enum": signals}
    return {**schema, "items": {"enum": signals}} if name == "signals" else schema


def _or_template(schema: Json) -> Json:
    inner = {**schema, "items": _or_template(schema["items"])} if isinstance(schema.get("items"), dict) else schema
    return {"anyOf": [inner, _TEMPLATE]}
