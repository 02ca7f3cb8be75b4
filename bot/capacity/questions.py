"""Parameters of questions from files, checked for their kind before any formula sees them."""

import inspect
from collections.abc import Callable, Mapping
from math import isnan
from typing import Any

from bot.capacity.ranges import CapacityRangeError

TEXT = ("bound", "channel", "code", "family", "basis", "kind", "model", "parameter")
FLAGS = ("allow_discard",)
STRUCTURES: Mapping[str, type] = {
    "baseline": dict,
    "edges": list,
    "fixed": dict,
    "incident": dict,
    "links": list,
    "mechanisms": list,
}
"""Parameters that are not numbers; the functions that take them check what is inside."""


def check(parameters: Mapping[str, object]) -> None:
    """Raise CapacityRangeError for the first value of the wrong kind, for null and for NaN, by its name."""
    for name, value in parameters.items():
        if name in TEXT:
            _expect(name, value, str, "text")
        elif name in FLAGS:
            _expect(name, value, bool, "true or false")
        elif name in STRUCTURES:
            kind = STRUCTURES[name]
            _expect(name, value, kind, "an object" if kind is dict else "a list")
            _known(name, value)
        else:
            _numbers(name, value)


def bind(function: Callable[..., Any], parameters: Mapping[str, object]) -> None:
    """Raise CapacityRangeError with the names of the parameters that `function` misses or does not know."""
    try:
        inspect.signature(function).bind(**parameters)
    except TypeError as wrong:
        names = ", ".join(inspect.signature(function).parameters)
        raise CapacityRangeError("parameters", ", ".join(parameters) or "none", f"{names}: {wrong}") from wrong


def _expect(name: str, value: object, kind: type, called: str) -> None:
    if not isinstance(value, kind):
        raise CapacityRangeError(name, _shown(value), called)


def _numbers(name: str, value: object) -> None:
    """A number, or a list of numbers."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, bool) or not isinstance(each, int | float):
            raise CapacityRangeError(name, _shown(each), "a number")
        if isinstance(each, float) and isnan(each):
            raise CapacityRangeError(name, "NaN", "a number")


def _known(name: str, value: object) -> None:
    """No null, no NaN and no boolean at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            _known(f"{name}.{key}", each)
    elif isinstance(value, list):
        for each in value:
            _known(name, each)
    elif not isinstance(value, str):
        _numbers(name, value)


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
