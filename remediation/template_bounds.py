"""What a template may do at most: filters and tests on an allow-list, all paid for out of one budget per rendering."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import jinja2
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.tests import TESTS

from remediation.errors import TemplateError

LONGEST_RESULT = 20_000
MOST_WORK = 4_000_000
"""Characters of texts, and four for each item of lists and mappings, that one rendering may handle in all."""
CONCATENATION = "~"
"""The name under which `~` is done as a filter; no template can spell it as one."""
SLICE = "[:]"
"""The name under which a part of a list or text is taken, likewise."""
_ITEM = 4
_MOST_BITS = 1024
_MOST_PLACES = 15

_left: ContextVar[list[int]] = ContextVar("_left")


@contextmanager
def budget() -> Iterator[None]:
    """What is rendered within may do MOST_WORK; more raises TemplateError."""
    token = _left.set([MOST_WORK])
    try:
        yield
    finally:
        _left.reset(token)


def _pay(work: int) -> None:
    left = _left.get()
    left[0] -= work
    if left[0] < 0:
        raise TemplateError("it works on too much at once; take a part of the data")


def number(value: Any) -> Any:  # noqa: ANN401 - of any type; only large numbers are refused
    """The value itself; raises TemplateError for an integer beyond what a float holds."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise TemplateError("a number is too large")
    return value


def weigh(value: Any) -> int:  # noqa: ANN401 - a template's value is of any type
    """Pay for a value with all that is in it; what it cost. Raises TemplateError for what is no plain value."""
    total, waiting, left = 0, [value], _left.get()[0]
    while waiting and total <= left:
        each = waiting.pop()
        total += _ITEM
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, Mapping):
            waiting += [*each, *each.values()]
        elif not isinstance(number(each), int | float | None):
            raise _no_value(each)
    _pay(total)
    return total


def _no_value(found: object) -> TemplateError:
    if isinstance(found, jinja2.Undefined):
        str(found)  # raises jinja2.UndefinedError, which says what is not there
    return TemplateError("the result is no plain value")


def text(value: Any) -> str:  # noqa: ANN401
    """A value as text, at most LONGEST_RESULT characters."""
    if isinstance(value, str):
        _pay(len(value) + _ITEM)
    else:
        weigh(value)
    return _short(str(value))


@jinja2.pass_context
def shown(context: Context, value: Any) -> str:  # noqa: ANN401
    """What stands in a text for an expression; with `context`, so that Jinja2 works nothing out when it compiles."""
    del context
    return text(value)


def _short(made: str) -> str:
    _fits(len(made))
    return made


def _fits(size: int) -> None:
    if size > LONGEST_RESULT:
        raise TemplateError(f"the result is longer than {LONGEST_RESULT} characters")


def _words(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else text(value)


def _sliced(value: Any, start: int | None, stop: int | None, step: int | None) -> Any:  # noqa: ANN401
    if not isinstance(value, list | tuple | str):
        raise TemplateError("only a list or a text has parts from : to")
    return value[start:stop:step]


def _join(value: Iterable[Any], between: Any = "") -> str:  # noqa: ANN401
    glue = text(between)
    parts: list[str] = []
    size = 0
    for each in value:
        parts.append(text(each))
        size += len(parts[-1]) + len(glue)
        _fits(size)
    return glue.join(parts)


def _replace(value: Any, old: Any, new: Any) -> str:  # noqa: ANN401
    whole, gone, put = _words(value), text(old), text(new)
    _fits(len(whole) + whole.count(gone) * len(put))
    return whole.replace(gone, put)


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    """Jinja2's own, which would count for hours with a precision of a billion places."""
    if not -_MOST_PLACES <= precision <= _MOST_PLACES:
        raise TemplateError(f"round: from -{_MOST_PLACES} to {_MOST_PLACES} places")
    rounded: float = FILTERS["round"](value, precision, method)
    return rounded


def _map(value: Iterable[Any], *, attribute: str) -> list[Any]:
    """One key of each mapping of a list; unlike Jinja2's own it applies no filters."""
    found = list(value)
    if not all(isinstance(each, Mapping) and attribute in each for each in found):
        raise TemplateError(f"map: not every item has {attribute}")
    return [each[attribute] for each in found]


@jinja2.pass_environment
def _sum(environment: jinja2.Environment, value: Any, attribute: Any = None, start: float = 0) -> Any:  # noqa: ANN401
    if not isinstance(start, int | float):
        raise TemplateError("sum works on numbers")
    return FILTERS["sum"](environment, value, attribute, start)


def _paid(call: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pays for what goes in and comes out, and for looking at its arguments once per item."""

    @wraps(call)
    def bounded(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        first, *more = [each for each in given if not isinstance(each, jinja2.Environment | Context)]
        _pay(_size(first) + _items(first) * sum(weigh(each) for each in (*more, *named.values())))
        result = call(*given, **named)
        result = list(result) if isinstance(result, Iterator) else number(result)
        _pay(_size(result))
        return result

    return bounded


def _items(value: Any) -> int:  # noqa: ANN401
    return len(value) if isinstance(value, list | tuple | Mapping) else 1


def _size(value: Any) -> int:  # noqa: ANN401
    return len(value) if isinstance(value, str) else _ITEM * _items(value)


def _of_numbers(test: Callable[..., Any]) -> Callable[..., bool]:
    """A test that takes a remainder; that of a text would be a text of any length."""

    def guarded(*values: Any, **named: Any) -> bool:  # noqa: ANN401
        if not all(isinstance(each, int | float) for each in (*values, *named.values())):
            raise TemplateError("odd, even and divisibleby work on numbers")
        return bool(test(*values, **named))

    return guarded


_OWN: Mapping[str, Callable[..., Any]] = {
    "join": _join,
    "lower": lambda value: _words(value).lower(),
    "map": _map,
    "replace": _replace,
    "round": _round,
    "string": text,
    "sum": _sum,
    "trim": lambda value: _words(value).strip(),
    "upper": lambda value: _words(value).upper(),
    SLICE: _sliced,
    CONCATENATION: lambda parts: _short("".join(text(each) for each in parts)),
}
_GIVEN = (
    "abs", "count", "default", "first", "float", "int", "last", "length", "list", "max", "min",
    "rejectattr", "selectattr", "sort",
)  # fmt: skip
"""Jinja2's own filters whose work is in proportion to what is paid for."""
_GIVEN_TESTS = (
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "eq", "equalto", "false", "float", "ge", "greaterthan",
    "gt", "in", "integer", "iterable", "le", "lessthan", "lt", "mapping", "ne", "none", "number", "sameas",
    "sequence", "string", "true", "undefined",
)  # fmt: skip
_REMAINDERS = ("divisibleby", "even", "odd")
_TESTS: Mapping[str, Any] = {**TESTS}

BOUNDED_FILTERS: Mapping[str, Callable[..., Any]] = {
    name: _paid(call) for name, call in ({name: FILTERS[name] for name in _GIVEN} | dict(_OWN)).items()
}
BOUNDED_TESTS: Mapping[str, Callable[..., Any]] = {
    **{name: _TESTS[name] for name in _GIVEN_TESTS},
    **{name: _of_numbers(_TESTS[name]) for name in _REMAINDERS},
}
