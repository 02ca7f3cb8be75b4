"""The reference of actions for people who write runbooks, drawn from the actions themselves."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from remediation.contract import Action, Risk
from remediation.registry import ACTIONS
from remediation.taking_back import puts_back

_HEAD = """\
# Actions

Every action that a step can name, drawn from the code by `bellhop runbook actions`. Risk is `read` (changes nothing),
`reversible` (its compensation takes it back) or `disruptive` (can hurt traffic). Where an effect is predicted, a plan
says in numbers what the act does to the link of the incident, and the ledger holds it against what was measured.
"""


def actions_page(actions: Mapping[str, Action] = ACTIONS) -> str:
    """The whole page, as Markdown."""
    families: dict[str, list[Action]] = {}
    for action in actions.values():
        families.setdefault(action.name.partition(".")[0], []).append(action)
    parts = [_HEAD, *(_family(name, each) for name, each in sorted(families.items()))]
    return "\n".join(parts)


def _family(name: str, actions: Iterable[Action]) -> str:
    return "\n".join([f"## {name}\n", *(line for action in actions for line in _action(action))])


def _action(action: Action) -> Iterator[str]:
    facts = [action.risk.value]
    if action.compensation:
        facts.append(f"taken back by `{action.compensation}`")
    if action.consumes_pairs:
        facts.append("uses up entangled pairs")
    yield f"### {action.name}\n\n{action.summary}. *{', '.join(facts).capitalize()}.*\n"
    yield from _told(action)
    schema = action.parameters.model_json_schema()
    properties = schema.get("properties", {})
    if not properties:
        return
    yield "| parameter | takes | otherwise |\n|---|---|---|"
    needed = schema.get("required", [])
    definitions = schema.get("$defs", {})
    for name, about in properties.items():
        otherwise = "**required**" if name in needed else f"`{_value(about.get('default'))}`"
        null = " or `null`" if name in _nullable(action) else ""
        yield f"| `{name}` | {_takes(about, definitions)}{null} | {otherwise} |"
    yield ""


def _told(action: Action) -> Iterator[str]:
    """What it does beyond itself, and how it is known to be done."""
    if action.takes_out:
        yield f"Takes its target out of service {action.takes_out}, with a node all its links.\n"
    yield from _predicted(action)
    if told := puts_back(action.name, action.compensation or action.name):
        way = action.compensation or action.name
        yield f"Taken back by `{way}` that names the place alone: {told}.\n"
    elif action.compensation == action.name and action.name != "http.call":
        yield "Taken back with the values that the way back names: take them from `before`.\n"
    if action.leaves:
        settings = ", ".join(f"`{name}`" for name in action.leaves)
        yield f"Done when the controller's settings agree: {settings}.\n"


def _predicted(action: Action) -> Iterator[str]:
    """Whether a plan says in numbers what it will do."""
    if action.risk is Risk.READ:
        return
    if action.effect and not action.unpredicted:
        yield "Its effect is predicted.\n"
    else:
        yield f"{'Its effect is predicted; ' if action.effect else 'No effect is predicted: '}{action.unpredicted}.\n"


def _nullable(action: Action) -> frozenset[str]:
    return getattr(action.parameters, "null_means", frozenset())


def _value(default: object) -> str:
    if default is None:
        return "nothing"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _takes(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in about:
        return _takes(definitions[about["$ref"].rpartition("/")[2]], definitions)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in about:
            kinds = [_takes(each, definitions) for each in about[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in about:
        return " · ".join(f"`{value}`" for value in about["enum"])
    if "const" in about:
        return f"`{about['const']}`"
    kind = {"string": "text", "array": "a list", "object": "a mapping"}.get(
        about.get("type", ""), about.get("type", "")
    )
    return f"{kind or 'anything'}{_bounds(about)}"


def _bounds(about: Mapping[str, Any]) -> str:
    low = about.get("minimum", about.get("exclusiveMinimum"))
    high = about.get("maximum", about.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    if low is None:
        return f", at most {high:g}"
    above = "above" if "exclusiveMinimum" in about else "from"
    return f", {above} {low:g}" + ("" if high is None else f" to {high:g}")
