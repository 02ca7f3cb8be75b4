"""The API's description, drawn from the table of its addresses (OpenAPI 3.1)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot import __version__
from bot.model.run_inputs import MOST_INPUTS
from bot.web.address import Address
from bot.web.body import INPUTS

_FAILURES = {
    "401": "no known bearer token",
    "403": "the role only allows looking",
    "404": "no such incident, run or step",
    "409": "understood and turned down",
    "503": "the store does not answer; try again",
}
_SHAPES: Mapping[str, dict[str, Any]] = {
    INPUTS: {
        "type": "object",
        "description": "inputs of the runbook by name, in place of its defaults",
        "additionalProperties": {"type": ["string", "number", "boolean"]},
        "maxProperties": MOST_INPUTS,
    }
}
"""Fields that are no texts."""


def document(addresses: Iterable[Address]) -> dict[str, Any]:
    """The whole of openapi.json."""
    paths: dict[str, dict[str, Any]] = {}
    for address in addresses:
        paths.setdefault(address.path, {})[address.method.lower()] = _operation(address)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bellhop", "version": __version__},
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    }


def _operation(address: Address) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", address.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    parameters += [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in address.query.items()
    ]
    failures = {code: {"description": text} for code, text in _FAILURES.items()}
    operation: dict[str, Any] = {
        "summary": address.summary,
        "parameters": parameters,
        "responses": {"200": {"description": "done"}, **failures},
    }
    if address.method == "POST":
        properties = {name: _SHAPES.get(name, {"type": "string"}) for name in address.fields}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation
