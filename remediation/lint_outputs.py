"""What templates take from earlier steps: names that a step's output, or what stood there before it, does not have."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from remediation.contract import Risk
from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import Case, Place, Where, is_template
from remediation.lint_parameters import meant
from remediation.registry import ACTIONS
from remediation.schema import Group, Step
from remediation.template import asks_whether, names_of, texts

_GIVEN: Mapping[str, tuple[str, ...]] = {
    "telemetry.check": ("readings",),
    "telemetry.wait_until": ("value", "waited_s"),
    "notify.message": ("to",),
    "page.person": ("to",),
    "ticket.open": ("to",),
    "device.alert_cooling": ("to", "temperature_k"),
}
"""What the actions that Bellhop does itself give; what a controller gives is for the controller to say."""
_SEEN = ("value", "quality", "baseline")
"""What telemetry.snapshot gives of each signal."""
_STATE = ("id", "kind", "settings", "state")
"""What a controller tells of a place before an act changes it."""


def outputs(case: Case) -> Iterator[Fault]:
    """Names that no run can find; a template that asks whether they are there does not fail, and never finds any."""
    groups = {part.id for part in case.runbook.spec.steps if isinstance(part, Group)}
    steps = {place.step.id: place for place in case.places}
    for where, text in _templates(case):
        for name in _looked_at(text):
            _, step, part, *rest = name.split(".")
            told = _of_group(step, part, rest) if step in groups else _of_step(case, steps.get(step), part, rest)
            if told:
                yield case.fault(where, f"{name}: {told}", Severity.WARNING if asks_whether(text) else Severity.ERROR)


def _templates(case: Case) -> Iterator[tuple[Where, str]]:
    for place in case.places:
        step = place.step
        whole: dict[str, Any] = {"when": step.when, "with": step.parameters, "idempotency": step.idempotency}
        whole |= {"foreach": step.foreach} if isinstance(step, Step) else {}
        whole |= {"approval": {"required": step.approval.required}} if step.approval else {}
        whole |= {"rollback": {"with": step.rollback.parameters}} if step.rollback else {}
        yield from (((*place.path, *path), text) for path, text in texts(whole) if is_template(text))


def _looked_at(text: str) -> list[str]:
    """The longest paths from a step's output or from what stood there before it."""
    try:
        names = names_of(text)
    except TemplateError:
        return []  # told where all templates are looked at
    found = [name for name in names if name.startswith("steps.") and name.split(".")[2:3] in (["output"], ["before"])]
    return sorted(name for name in found if not any(other.startswith(f"{name}.") for other in found))


def _of_group(step: str, part: str, rest: list[str]) -> str:
    if not rest or (part == "output" and rest[0] == "ok"):
        return ""
    return f"a group has no {part} of its own; look at that of its steps, or at steps.{step}.ok"


def _of_step(case: Case, place: Place | None, part: str, rest: list[str]) -> str:
    if place is None or place.step.action not in ACTIONS:
        return ""
    if isinstance(place.step, Step) and place.step.foreach and rest and rest[0].isdigit():
        rest = rest[1:]
    if not rest:
        return ""
    looks = ACTIONS[place.step.action].risk is Risk.READ
    return _of_output(place, rest) if part == "output" else _of_before(place, rest, looks=looks)


def _of_output(place: Place, rest: list[str]) -> str:
    action = place.step.action
    if action == "telemetry.snapshot":
        return _of_snapshot(place, rest)
    known = _GIVEN.get(action)
    return "" if known is None else _absent(rest[0], f"the output of {action}", (*known, "ok"))


def _of_snapshot(place: Place, rest: list[str]) -> str:
    signals = place.step.parameters.get("signals")
    if not isinstance(signals, list) or any(is_template(str(each)) for each in signals):
        return ""
    names = [str(each) for each in signals]
    told = _absent(rest[0], "this telemetry.snapshot", (*names, "ok"))
    return told or (_absent(rest[1], rest[0], _SEEN) if len(rest) > 1 and rest[0] in names else "")


def _of_before(place: Place, rest: list[str], *, looks: bool) -> str:
    step, name = place.step, rest[0]
    if looks:
        return f"step {step.id} only looks, so nothing is written down before it; look at its output"
    if name in _STATE:
        return ""
    return f"what stood there before has {', '.join(_STATE)}; did you mean steps.{step.id}.before.settings.{name}?"


def _absent(name: str, what: str, known: Iterable[str]) -> str:
    known = tuple(known)
    return "" if name in known else f"{what} has {', '.join(known)}, no {name}{meant(name, known)}"
