"""Whatever a template says, rendering it ends soon, in little memory, with a plain value or an error for people."""

import time
import tracemalloc
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from remediation.errors import TemplateError
from remediation.template import LONGEST_RESULT, names_of, render
from remediation.template_bounds import BOUNDED_FILTERS, BOUNDED_TESTS

MOST_S = 4.0
"""Processor time while memory is traced, which makes Python several times slower."""
MOST_BYTES = 256 * 1024 * 1024
LONGEST_TEMPLATE = 4096

SCOPE: dict[str, Any] = {
    "inputs": {
        "text": "\\'\"x,%" * 2_000,
        "format": "%999999999d",
        "level": 0.8,
        "large": 10**300,
        "names": [f"link-{number}" for number in range(500)],
        "empty": "",
        "nested": [[["\\"]], {"a": ["\x00" * 100]}],
    },
    "plan": {"affected_flows": [{"id": f"f{number}", "priority": "critical", "route": ["a"]} for number in range(500)]},
    "incident": {"title": "{{ inputs.text }}"},
}
FILTERS_OF_RUNBOOKS = tuple(name for name in BOUNDED_FILTERS if name.isalpha())
TESTS_OF_RUNBOOKS = tuple(name for name in BOUNDED_TESTS if name.isalpha())
ATOMS = st.sampled_from(
    (
        *(f"inputs.{name}" for name in SCOPE["inputs"]),
        *("plan.affected_flows", "plan", "inputs", "incident.title", "none", "true"),
        *(
            "'a'",
            "'\\\\'",
            "''",
            "'%999999999d'",
            "'{0.__class__}'",
            "0",
            "2",
            "-1",
            "9999999999",
            "1e308",
            "0xffffffff",
        ),
        *("[]", "{}", "'id'", "'priority'", "'eq'", "'0.0.0'", "','", "()"),
    )
)
KEYWORDS = st.sampled_from(("attribute='id'", "base=16", "start=[]", "reverse=true", "boolean=true", "precision=9"))
PLACES = st.sampled_from(("[0]", "[-1]", "[::-1]", "[:]", "['id']", "['__class__']", "[1:999]", ".id", ".upper"))
TAILS = st.sampled_from(
    ("| list | string", "| string | list", "~ ''", "| list", "[::-1]", "| upper | lower", "| join(',')", "| sort")
)
METHODS = st.sampled_from(
    ("center", "zfill", "ljust", "replace", "translate", "join", "format", "format_map", "encode", "split", "__mul__")
)


def allowed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One more filter, test, operator, place or literal around expressions, of those that templates know."""
    filters, tests = st.sampled_from(FILTERS_OF_RUNBOOKS), st.sampled_from(TESTS_OF_RUNBOOKS)
    operators = st.sampled_from(("~", "~", "+", "-", "*", "/", "//", "%", "==", "<", "in", "not in", "and", "or"))
    several = st.lists(inner, min_size=1, max_size=4)
    chosen = st.sampled_from(("selectattr", "rejectattr"))
    return st.one_of(
        st.builds("({} | {})".format, inner, filters),
        st.builds("({} | {}({}))".format, inner, filters, several.map(", ".join)),
        st.builds("({} | {}({}))".format, inner, filters, KEYWORDS),
        st.builds("({} | {}('id', '{}', {}))".format, inner, chosen, tests, inner),
        st.builds("({} is {})".format, inner, tests),
        st.builds("({} is {} {})".format, inner, tests, ATOMS),
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("({}){}".format, inner, PLACES),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds(lambda parts, times: f"[{', '.join(parts * times)}]", several, st.integers(1, 20)),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds(lambda part, tail, times: f"({part}{tail * times})", inner, TAILS, st.integers(1, 30)),
        st.builds(lambda part, tail, times: "([" * times + part + f"]{tail})" * times, inner, TAILS, st.integers(1, 9)),
    )


def forbidden(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The same, and whatever else Jinja2 and Python have."""
    several = st.lists(inner, min_size=1, max_size=4).map(", ".join)
    return st.one_of(
        allowed(inner),
        st.builds("({} | {}({}))".format, inner, st.sampled_from(tuple(FILTERS)), several),
        st.builds("({} is {})".format, inner, st.sampled_from([each for each in TESTS if each.isalpha()])),
        st.builds("({} ** {})".format, inner, inner),
        st.builds("{}.{}({})".format, inner, METHODS, several),
        st.sampled_from(("self", "loop", "nowhere", "range(999999999)", "lipsum(99999)", "cycler", "joiner()")),
    )


EXPRESSIONS = st.recursive(ATOMS, allowed, max_leaves=12)
HARM = st.recursive(ATOMS, forbidden, max_leaves=12)
TEMPLATES = st.one_of(
    EXPRESSIONS.map("{{{{ {} }}}}".format),
    st.lists(EXPRESSIONS.map("x{{{{ {} }}}}".format), min_size=1, max_size=5).map("".join),
    st.builds("{{% if {} %}}{{{{ {} }}}}{{% endif %}}".format, EXPRESSIONS, EXPRESSIONS),
)
HARMFUL = st.one_of(
    HARM.map("{{{{ {} }}}}".format),
    st.builds("{{% for a in {} %}}{{{{ {} }}}}{{% endfor %}}".format, HARM, HARM),
    st.builds(lambda part, times: f"{{% set x = {part} %}}" + "{% set x = x ~ x %}" * times, HARM, st.integers(1, 90)),
    st.builds("{{% macro m() %}}{{{{ m() ~ {} }}}}{{% endmacro %}}{{{{ m() }}}}".format, HARM),
    st.builds("{{% filter {} %}}{{{{ {} }}}}{{% endfilter %}}".format, st.sampled_from(tuple(FILTERS)), HARM),
    st.builds(
        lambda sign, times: "{{ " + sign * times + " }}", st.text("([{-!~|.,'1_e %}", max_size=8), st.integers(1, 500)
    ),
)


def fits(source: str) -> bool:
    """Twice what a template may have is enough to see that length is refused."""
    return len(source) <= LONGEST_TEMPLATE


def rendered(source: str) -> None:
    """Neither time nor memory runs out, no error but TemplateError leaves, and texts stay short."""
    value: Any = None
    tracemalloc.start()
    began = time.process_time()
    with suppress(TemplateError):
        value = render(source, SCOPE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - began < MOST_S
    assert most < MOST_BYTES
    assert not isinstance(value, str) or len(value) <= LONGEST_RESULT


@settings(derandomize=True, deadline=None, max_examples=250)
@given(TEMPLATES.filter(fits))
def test_rendering_what_templates_may_say_is_bounded(source: str) -> None:
    """However filters, tests and operators are put together."""
    rendered(source)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(HARMFUL.filter(fits))
def test_rendering_what_templates_may_not_say_is_refused_soon(source: str) -> None:
    """Loops, calls, methods, Jinja2's other filters, and signs without sense."""
    rendered(source)


@settings(derandomize=True, deadline=None, max_examples=300)
@given((TEMPLATES | HARMFUL).filter(fits))
def test_lint_looks_at_any_template_soon(source: str) -> None:
    """What it looks at is found, or it is refused as no template."""
    began = time.process_time()
    with suppress(TemplateError):
        assert {name.split(".")[0] for name in names_of(source)} <= {*SCOPE, "loop"}
    assert time.process_time() - began < MOST_S
