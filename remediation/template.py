"""Templates of runbooks: Jinja2 in its immutable sandbox, bounded; data is never a template.

A value that is one expression alone keeps its type: "{{ inputs.level }}" is 0.8, not "0.8".
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from remediation.errors import TemplateError
from remediation.template_bounds import (
    BOUNDED_FILTERS,
    BOUNDED_TESTS,
    CONCATENATION,
    LONGEST_RESULT,
    SLICE,
    budget,
    number,
    shown,
    text,
    weigh,
)

__all__ = ["LONGEST_RESULT", "LONGEST_SOURCE", "asks_whether", "names_of", "render", "render_all", "texts"]

LONGEST_SOURCE = 2000
_LONGEST_COMPLAINT = 300
_LONGEST_QUOTE = 120
_DEEPEST = 40
_LONE = re.compile(r"\s*\{\{(?P<inner>(?:(?!\}\}|\{\{).)*)\}\}\s*", re.DOTALL)
_PARTS = (
    nodes.Template, nodes.Output, nodes.If, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.CondExpr, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul,
    nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos,
)  # fmt: skip
"""All that a template may be made of: no loops, assignments, calls or other templates."""
_NAMES = frozenset({"inputs", "steps", "incident", "plan", "run", "item", "loop"})


class _Watched(NodeTransformer):
    """Turns what no sandbox can watch, `~` and slices, into bounded filters."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja2's own name
        """Its parts as one list."""
        parts = nodes.List([self.visit(each) for each in node.nodes], lineno=node.lineno)
        return nodes.Filter(parts, CONCATENATION, [], [], None, None, lineno=node.lineno)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802 - Jinja2's own name
        """A place stays as it is."""
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        ends = [each or nodes.Const(None) for each in (node.arg.start, node.arg.stop, node.arg.step)]
        return nodes.Filter(node.node, SLICE, ends, [], None, None, lineno=node.lineno)


class _Sandbox(ImmutableSandboxedEnvironment):
    """No calls, no power, no arithmetic on text, nothing of Python's: what is looked at is data."""

    intercepted_binops = frozenset({"**", "*", "%", "+"})

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(_Watched().visit(source), name, filename, defer_init)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja2's own
        """Arithmetic on numbers only; text may be joined with `~`."""
        if not all(isinstance(side, int | float) for side in (left, right)) or operator == "**":
            raise TemplateError(f"{operator} works on numbers here; join text with ~")
        return number(super().call_binop(context, operator, number(left), number(right)))

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401
        """What a mapping has under a name, also where its type has a method of that name, such as items."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401
        """What a mapping, list or text has at a place; never an attribute of Python."""
        if isinstance(obj, jinja2.Undefined):
            str(obj)  # raises jinja2.UndefinedError, which says what is not there
        try:
            return obj[argument] if isinstance(obj, Mapping | list | tuple | str) else self._nothing(obj, argument)
        except (TypeError, LookupError):
            return self._nothing(obj, argument)

    def _nothing(self, obj: Any, argument: Any) -> jinja2.Undefined:  # noqa: ANN401
        return self.undefined(obj=obj, name=argument)


@lru_cache(1)
def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False, optimized=False, finalize=shown)
    environment.globals.clear()
    environment.filters = dict(BOUNDED_FILTERS)
    environment.tests = dict(BOUNDED_TESTS)
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
    """The value of a template in `scope`; raises TemplateError, also when it would work on too much."""
    if "{{" not in source and "{%" not in source:
        return source
    try:
        with budget():
            return _value(source, scope)
    except jinja2.TemplateError as error:
        raise _complaint(source, error.message) from None
    except RecursionError:
        raise _complaint(source, "it is nested too deeply") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise _complaint(source, str(error)) from None


def _value(source: str, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401
    compiled = _compiled(source)
    value = compiled(**scope) if isinstance(compiled, TemplateExpression) else compiled.render(**scope)
    if isinstance(value, jinja2.Undefined):
        raise TemplateError("comes to nothing: what it looks at is not there")
    weigh(value)
    return _plain(value)


def _complaint(source: str, why: str | None) -> TemplateError:
    said, about = why or "it is no template", _cut(source, _LONGEST_QUOTE)
    return TemplateError(said if said.startswith(about) else f"{about}: {_cut(said, _LONGEST_COMPLAINT)}")


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else f"{words[:longest]}…"


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
        _check(tree)
    except jinja2.TemplateSyntaxError as error:
        raise _complaint(source, error.message) from None
    except TemplateError as error:
        raise _complaint(source, str(error)) from None
    except RecursionError:
        raise TemplateError("a template is nested too deeply") from None
    return tree


def _check(tree: nodes.Template) -> None:
    """Raises TemplateError for what no template may be made of."""
    if _depth(tree) > _DEEPEST:
        raise TemplateError("a template is nested too deeply")
    if any(not isinstance(each, _PARTS) for each in tree.find_all(nodes.Node)):
        raise TemplateError("loops, assignments, calls and imports are not allowed in a template")
    if any(isinstance(each.value, float) and not math.isfinite(each.value) for each in tree.find_all(nodes.Const)):
        raise TemplateError("a number is too large")
    for what, known in ((nodes.Filter, BOUNDED_FILTERS), (nodes.Test, BOUNDED_TESTS)):
        strange = sorted({each.name for each in tree.find_all(what)} - set(known))
        if strange:
            raise TemplateError(f"No {what.__name__.lower()} named '{strange[0]}'")
    unknown = {each.name for each in tree.find_all(nodes.Name)} - _NAMES
    if unknown:
        raise TemplateError(f"{', '.join(sorted(unknown))} is not one of {', '.join(sorted(_NAMES))}")


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


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str) and len(value) > LONGEST_RESULT:
        raise TemplateError(f"the result is longer than {LONGEST_RESULT} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise TemplateError("the result is no finite number")
    if isinstance(value, Mapping):
        return {text(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
