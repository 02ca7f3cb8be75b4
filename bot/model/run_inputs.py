"""The inputs that people give a run: words as typed, or values as a program sends them. Data, never templates."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from bot.errors import UsageError

Scalar = str | int | float | bool
LONGEST_VALUE = 4000
LONGEST_NAME = 63
MOST_INPUTS = 32
_NUMERIC = frozenset({"ratio", "number", "integer"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")


def inputs_of(words: Iterable[str]) -> dict[str, str]:
    """The inputs of `NAME=VALUE` words; raises UsageError with every word that is none."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            faults.append(f"{word} is not NAME=VALUE")
        elif name in found:
            faults.append(f"{name} is given twice")
        found.setdefault(name, value)
    if unfit := against_inputs(found):
        faults.append(unfit)
    if faults:
        raise UsageError("; ".join(faults))
    return found


def against_inputs(inputs: Mapping[str, Scalar]) -> str:
    """Why these are inputs of no runbook whatever, in one line, or nothing."""
    if len(inputs) > MOST_INPUTS:
        return f"{len(inputs)} inputs are more than {MOST_INPUTS}"
    faults = [f"{name[:LONGEST_NAME]!a}: {fault}" for name, value in inputs.items() if (fault := _fault(name, value))]
    return "; ".join(faults)


def _fault(name: str, value: Scalar) -> str:
    if len(name) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} characters"
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"a value has at most {LONGEST_VALUE} characters"
    told = f"{name}{value}"
    return "holds what is no text" if "\0" in told or any("\ud800" <= sign <= "\udfff" for sign in told) else ""


def as_kind(value: Scalar, kind: str) -> Scalar:
    """A typed text as a value of an input's kind; a text that is none stays one, for the check of inputs to name."""
    if not isinstance(value, str):
        return value
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind in _NUMERIC and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    return value


def digest_of(inputs: Mapping[str, Scalar]) -> str:
    """What tells requests with different inputs apart; empty without any."""
    if not inputs:
        return ""
    return f":{hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]}"
