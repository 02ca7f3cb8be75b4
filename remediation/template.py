"""Templates of runbooks: Jinja2 in its immutable sandbox, bounded; data is never a template.

A value that is one expression alone keeps its type: "{{ inputs.level }}" is 0.8, not "0.8".
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.environment import TemplateExpression
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

from remediation.errors import TemplateError

LONGEST_SOURCE = 2000
LONGEST_RESULT = 20_000
_DEEPEST = 40
_MOST_PLACES = 15
_LONE = re.compile(r"\s*\{\{(?P<inner>(?:(?!\}\}|\{\{).)*)\}\}\s*", re.DOTALL)
_STATEMENTS = (nodes.Output, nodes.If)
"""All that a template may be made of beside expressions: no loops, no assignments, no other templates."""
_FILTERS = (
    "abs", "default", "float", "first", "int", "last", "length", "list", "lower", "max", "min",
    "selectattr", "rejectattr", "sort", "string", "sum", "trim", "upper", "count",
)  # fmt: skip
"""Jinja2's own filters whose results are no larger than what goes in; those that can grow are bounded below."""
_NAMES = frozenset({"inputs", "steps", "incident", "plan", "run", "item", "loop"})


class _Sandbox(ImmutableSandboxedEnvironment):
    """No calls, no power, no multiplication of text: nothing that takes long or grows large."""

    intercepted_binops = frozenset({"**", "*", "%", "+"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja2's own
        """Arithmetic on numbers only; text may be joined with `~`."""
        if not all(isinstance(side, int | float) for side in (left, right)) or operator == "**":
            raise TemplateError(f"{operator} works on numbers here; join text with ~")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401
        """What a mapping has under a name, also where its type has a method of that name, such as items."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _bounded(size: int) -> None:
    if size > LONGEST_RESULT:
        raise TemplateError(f"the result is longer than {LONGEST_RESULT} characters")


def _join(value: Iterable[Any], between: str = "") -> str:
    parts: list[str] = []
    size = 0
    for each in value:
        parts.append(str(each))
        size += len(parts[-1]) + len(str(between))
        _bounded(size)
    return str(between).join(parts)


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    _bounded(len(text) + (text.count(str(old)) * len(str(new))))
    return text.replace(str(old), str(new))


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


@lru_cache(1)
def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False, optimized=False)
    environment.globals.clear()
    own = {"join": _join, "replace": _replace, "map": _map, "round": _round}
    environment.filters = {name: environment.filters[name] for name in _FILTERS} | own
    return environment


def names_of(source: str) -> frozenset[str]:
    """The paths that a template looks at, such as inputs.link; raises TemplateError when it is none."""
    return frozenset(_paths(_parse(source)))


def asks_whether(source: str) -> bool:
    """Whether a template looks after what may not be there, by `is defined` or `default`; raises TemplateError."""
    tree = _parse(source)
    tests = any(each.name in ("defined", "undefined") for each in tree.find_all(nodes.Test))
    return tests or any(each.name == "default" for each in tree.find_all(nodes.Filter))


def render(source: str, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a template's value is of any type
    """The value of a template in `scope`; raises TemplateError."""
    if "{{" not in source and "{%" not in source:
        return source
    try:
        compiled = _compiled(source)
        if isinstance(compiled, TemplateExpression):
            value = compiled(**scope)
            if isinstance(value, jinja2.Undefined):
                raise TemplateError(f"{source}: comes to nothing: what it looks at is not there")
            return _plain(value, source)
        text = compiled.render(**scope)
    except jinja2.TemplateError as error:
        raise TemplateError(f"{source}: {error.message}") from None
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise TemplateError(f"{source}: {error}") from None
    return _plain(text, source)


@lru_cache(512)
def _compiled(source: str) -> TemplateExpression | jinja2.Template:
    """A lone expression, or text with expressions in it; raises TemplateError."""
    _parse(source)
    lone = _LONE.fullmatch(source)
    if lone is not None:
        return _environment().compile_expression(lone["inner"], undefined_to_none=False)
    return _environment().from_string(source)


def render_all(value: Any, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - YAML data of any shape
    """Render every text within a value of lists and mappings."""
    if isinstance(value, str):
        return render(value, scope)
    if isinstance(value, Mapping):
        return {key: render_all(each, scope) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [render_all(each, scope) for each in value]
    return value


def texts(value: Any) -> list[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401
    """Every text within a value, with the path to it."""
    if isinstance(value, str):
        return [((), value)]
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    return [((key, *path), text) for key, each in pairs for path, text in texts(each)]


@lru_cache(512)
def _parse(source: str) -> nodes.Template:
    if len(source) > LONGEST_SOURCE:
        raise TemplateError(f"a template is longer than {LONGEST_SOURCE} characters")
    try:
        tree = _environment().parse(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{source}: {error.message}") from None
    except RecursionError:
        raise TemplateError("a template is nested too deeply") from None
    if any(isinstance(each.value, float) and not math.isfinite(each.value) for each in tree.find_all(nodes.Const)):
        raise TemplateError(f"{source}: a number is too large")
    if _depth(tree) > _DEEPEST:
        raise TemplateError("a template is nested too deeply")
    if any(not isinstance(each, _STATEMENTS) for each in tree.find_all(nodes.Stmt)) or tree.find(nodes.Call):
        raise TemplateError(f"{source}: loops, assignments, calls and imports are not allowed in a template")
    try:
        unknown = meta.find_undeclared_variables(tree) - _NAMES
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{source}: {error.message}") from None
    if unknown:
        raise TemplateError(f"{source}: {', '.join(sorted(unknown))} is not one of {', '.join(sorted(_NAMES))}")
    return tree


def _depth(node: nodes.Node) -> int:
    level, current = 0, [node]
    while current:
        level, current = level + 1, [child for each in current for child in each.iter_child_nodes()]
    return level


def _paths(tree: nodes.Node) -> list[str]:
    found = [_path(each) for each in tree.find_all((nodes.Getattr, nodes.Getitem))]
    found += [each.name for each in tree.find_all(nodes.Name) if each.name in _NAMES]
    return [path for path in found if path]


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        inner = _path(node.node)
        return f"{inner}.{node.arg.value}" if inner else ""
    return ""


def _plain(value: Any, source: str) -> Any:  # noqa: ANN401
    if isinstance(value, str) and len(value) > LONGEST_RESULT:
        raise TemplateError(f"{source}: the result is longer than {LONGEST_RESULT} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateError(f"{source}: the result is no finite number")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each, source) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, source) for each in value]
    raise TemplateError(f"{source}: the result is no plain value")
