"""What is wrong with a file in words for people: short, on one line, nothing in it that a terminal would obey."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

_LONGEST = 400
_PLAIN: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not a known setting here",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "model_attributes_type": "must be a mapping of names to values",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
}
"""Pydantic's words that speak of Python rather than of the file."""


def shown(text: str) -> str:
    """Text on one line of bounded length, with escapes in place of characters that cannot be shown."""
    line = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def plain(misfit: Mapping[str, Any]) -> str:
    """One of pydantic's complaints, from its type, message, input and context."""
    kind, given, context = misfit["type"], misfit.get("input"), misfit.get("ctx", {})
    told = _PLAIN.get(kind) or _reworded(str(misfit["msg"]))
    if kind == "string_type" and isinstance(given, bool):
        return f"{told}: without quotes yes, no, on and off mean true and false"
    if kind == "string_type" and not isinstance(given, list | Mapping | None):
        return f"{told}: put it in quotes"
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        return f"needs at least {least} items" if kind == "too_short" else f"has more than {most} items"
    if kind == "string_pattern_mismatch":
        return f"is not of the form {context['pattern']}"
    return told


def _reworded(message: str) -> str:
    message = message.removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return message.replace("input should be", "must be", 1)


def alike(name: str, model: type[BaseModel]) -> str:
    """A setting of the model that may have been meant, as the end of a sentence; nothing when there is none."""
    known = _names(model)
    close = get_close_matches(name, known, n=1) if name not in known else []
    return f"; did you mean {close[0]}?" if close else ""


@lru_cache(16)
def _names(model: type[BaseModel]) -> tuple[str, ...]:
    schema = model.model_json_schema(by_alias=True)
    return tuple(dict.fromkeys(_properties([schema, *schema.get("$defs", {}).values()])))


def _properties(schemas: list[Mapping[str, Any]]) -> Iterator[str]:
    for schema in schemas:
        yield from schema.get("properties", {})
