"""A step of a plan in words, the same at every door: what is done to what, and what is predicted to change.

Everything here is plain text on one line that may quote hostile text: each door escapes it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bot.model.visible import clean_line

_SAME = ("id", "action", "parameters")
_SHOWN_ITEMS = 3
_SHOWN_PARAMETERS = 8
_LONGEST_VALUE = 60
_LONGEST_FAULT = 160
_LONGEST_ACT = 400


def act_words(step: Mapping[str, Any]) -> str:
    """Action, target and parameters: `link.set_power link:ams-utr gain_db=3`; long lists and texts are shortened.

    One that cannot be begun says why.
    """
    target = str(step.get("target") or "")
    given = {name: value for name, value in (step.get("parameters") or {}).items() if not _is_target(value, target)}
    words = [f"{name}={_value(value)}" for name, value in list(given.items())[:_SHOWN_PARAMETERS]]
    if len(given) > _SHOWN_PARAMETERS:
        words.append(f"… {len(given) - _SHOWN_PARAMETERS} more")
    if step.get("fault"):
        words.insert(0, f"(cannot be begun: {_cut(clean_line(step['fault']), _LONGEST_FAULT)})")
    return _cut(
        " ".join(filter(None, [clean_line(step.get("action") or ""), clean_line(target), *words])), _LONGEST_ACT
    )


def predictions(step: Mapping[str, Any]) -> tuple[str, ...]:
    """Each predicted quantity before and after with its interval and unit; one line that says so where there is none.

    Empty for a step that only looks: it changes nothing that could be predicted.
    """
    found = step.get("predicted") or ()
    if found:
        return tuple(_prediction(item) for item in found)
    return () if step.get("risk") == "read" else ("no prediction",)


def asked_words(step: Mapping[str, Any]) -> str:
    """Whose approvals a step waits for, such as `2 × approver and security`; empty where nobody is asked."""
    approval = step.get("approval") or {}
    return f"{approval.get('count', 1)} × {roles_words(approval['role'])}" if approval.get("required") else ""


def roles_words(role: str) -> str:
    """`approver+security` as people say it: `approver and security`."""
    return " and ".join(role.split("+"))


def planned_steps(plan: Mapping[str, Any], step: str) -> tuple[Mapping[str, Any], ...]:
    """The parts of a plan that a question about `step` is about: the step itself, or its items, or what repeats it."""
    steps = tuple(plan.get("steps") or ())
    same = tuple(each for each in steps if each.get("id") == step)
    items = tuple(each for each in steps if str(each.get("id")).startswith(f"{step}."))
    return same or items or tuple(each for each in steps if each.get("id") == step.partition(".")[0])


def asked_steps(plan: Mapping[str, Any], step: str, acts: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """What a yes to a question about `step` lets happen: its acts as they will be done, in the shape of a plan's steps.

    An act that is just as planned has the plan's prediction, another one none; a question without acts is an old one.
    """
    planned = planned_steps(plan, step)
    return tuple(_asked(act, planned) for act in acts) or planned


def _asked(act: Mapping[str, Any], planned: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    approval = next((each.get("approval") for each in planned), None)
    same = (each for each in planned if all(each.get(name) == act.get(name) for name in _SAME))
    as_planned = next(same, {})
    told = {name: as_planned[name] for name in ("title", "predicted") if name in as_planned}
    return {**act, "approval": approval, **told}


def _is_target(value: object, target: str) -> bool:
    return isinstance(value, str) and bool(target) and value in (target, target.partition(":")[2])


def _prediction(item: Mapping[str, Any]) -> str:
    unit = clean_line(item.get("unit") or "")
    low, high = item.get("low"), item.get("high")
    band = f" ({_number(low)} to {_number(high)})" if low is not None and high is not None else ""
    tail = f" {unit}" if unit not in ("", "1", "ratio") else ""
    change = f"{_number(item.get('before'))} → {_number(item.get('after'))}"
    return f"{clean_line(item.get('quantity') or '')} {change}{band}{tail}"


def _number(value: object) -> str:
    known = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.4g}" if known else "?"


def _value(value: object) -> str:
    match value:
        case str():
            text = clean_line(value)
            return _cut(json.dumps(text, ensure_ascii=False) if not text or " " in text else text, _LONGEST_VALUE)
        case list() | tuple():
            shown = [_value(item) for item in value[:_SHOWN_ITEMS]]
            more = [f"… {len(value) - _SHOWN_ITEMS} more"] if len(value) > _SHOWN_ITEMS else []
            return f"[{', '.join(shown + more)}]"
        case Mapping():
            pairs = (f"{clean_line(name)}={_value(item)}" for name, item in value.items())
            return _cut(f"{{{', '.join(pairs)}}}", _LONGEST_VALUE)
        case _:
            return _cut(clean_line(json.dumps(value, ensure_ascii=False, default=str)), _LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
