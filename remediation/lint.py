"""What is wrong with runbooks that load: every fault at once, each at its line and column, nothing carried out."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action
from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import INCIDENT, Case, Place, Where
from remediation.lint_risks import risks, rivals
from remediation.load import Library, Loaded
from remediation.plan import items_of
from remediation.registry import ACTIONS
from remediation.schema import Branch, Group, Step, typed
from remediation.template import names_of, render, texts

_PLACES = ("link", "node", "flow")
_STEP_PARTS = ("ok", "output", "before", "error", "skipped")


def lint_library(library: Library, *, signals: frozenset[str]) -> tuple[Fault, ...]:
    """Every fault of every runbook, in the order of files and lines; `signals` are the names that telemetry knows."""
    return tuple(sorted(fault for loaded in library.loaded for fault in lint(loaded, signals=signals)))


def lint(loaded: Loaded, *, signals: frozenset[str]) -> tuple[Fault, ...]:
    """Every fault of one runbook."""
    case = Case(loaded, signals)
    checks = (_names, _jumps, _inputs, _items, _templates, _parameters, _reach, risks, rivals)
    return tuple(dict.fromkeys(fault for check in checks for fault in check(case)))


def _names(case: Case) -> Iterator[Fault]:
    """Steps that share an id, and actions that do not exist."""
    parts = enumerate(case.runbook.spec.steps)
    ids: list[tuple[Where, str]] = [(("spec", "steps", at), part.id) for at, part in parts if isinstance(part, Group)]
    ids += [(place.path, place.step.id) for place in case.places]
    seen: set[str] = set()
    for path, name in sorted(ids):
        if name in seen:
            yield case.fault((*path, "id"), f"another step is called {name} too")
        seen.add(name)
    for place in case.places:
        for where, action, _ in _acts(place):
            if action not in ACTIONS:
                yield case.fault((*where, "action"), f"there is no action {action}{_meant(action, ACTIONS)}")


def _jumps(case: Case) -> Iterator[Fault]:
    """Jumps to nowhere, backwards, or into a group."""
    ids = [part.id for part in case.runbook.spec.steps]
    inside = {each.id: part.id for part in case.runbook.spec.steps if isinstance(part, Group) for each in part.parallel}
    for at, part in enumerate(case.runbook.spec.steps):
        target, later = part.on_failure.removeprefix("goto:"), ids[at + 1 :]
        if target == part.on_failure or target in later:
            continue
        why = "does not come later, so going there may never end" if target in ids else "is not there"
        why = f"is inside the group {inside[target]}; go to the group" if target in inside else why
        yield case.fault(("spec", "steps", at, "on_failure"), f"goto: step {target} {why}{_meant(target, later)}")


def _acts(place: Place) -> Iterator[tuple[Where, str, Mapping[str, Any]]]:
    """A step's act and the one that takes it back: where it stands, its action, its parameters."""
    step = place.step
    yield place.path, step.action, step.parameters
    if step.rollback is not None:
        yield (*place.path, "rollback"), step.rollback.action, step.rollback.parameters


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _inputs(case: Case) -> Iterator[Fault]:
    """Defaults that do not fit their type, and runs that would start with nothing in an input."""
    for name, declared in case.runbook.spec.inputs.items():
        path: Where = ("spec", "inputs", name, "default")
        if declared.default is None:
            if case.runbook.spec.trigger.auto:
                yield case.fault(path, f"{name} needs a default: a diagnosis starts this runbook and gives no inputs")
        elif not (isinstance(declared.default, str) and "{{" in declared.default):
            try:
                typed(declared.default, declared.type)
            except ValueError as error:
                yield case.fault(path, f"{name}: {error}")


def _items(case: Case) -> Iterator[Fault]:
    """A foreach that gives no list, or surely more items than its limit; a limit of nothing."""
    for place in case.places:
        step = place.step
        if not isinstance(step, Step):
            continue
        if not step.foreach:
            if "limit" in step.model_fields_set:
                yield case.fault((*place.path, "limit"), "limit has no effect without foreach", Severity.WARNING)
            continue
        told = list(_template(case, (*place.path, "foreach"), step.foreach, case.scope(), case.earlier(place)))
        yield from told
        if told or any(name.split(".")[0] == "steps" for name in names_of(step.foreach)):
            continue
        try:
            items = items_of(step, case.scope())
        except TemplateError as error:
            yield case.fault((*place.path, "foreach"), str(error))
            continue
        if not items and not names_of(step.foreach):
            yield case.fault((*place.path, "foreach"), f"step {step.id} is never reached: foreach has no items")


def _templates(case: Case) -> Iterator[Fault]:
    """Templates that are none, look at what is not there, or come to no value."""
    scope = case.scope()
    for name, declared in case.runbook.spec.inputs.items():
        yield from _template(case, ("spec", "inputs", name, "default"), declared.default, {"incident": INCIDENT}, {})
    yield from _template(case, ("spec", "guard", "exclusive"), case.runbook.spec.guard.exclusive, scope, {})
    for place in case.places:
        step, path, inner = place.step, place.path, case.inner(place.step)
        earlier = case.earlier(place)
        whole = {"when": step.when, "approval": {"required": step.approval.required} if step.approval else {}}
        each = {"with": step.parameters, "idempotency": step.idempotency}
        yield from _template(case, path, whole, scope, earlier)
        yield from _template(case, path, each, inner, earlier)
        if step.rollback is not None:
            own = {**earlier, step.id: False}
            yield from _template(case, (*path, "rollback", "with"), step.rollback.parameters, inner, own)


def _template(
    case: Case, path: Where, value: object, scope: Mapping[str, Any], steps: Mapping[str, bool]
) -> Iterator[Fault]:
    late = frozenset({"steps", "item"} if "loop" in scope and "item" not in scope else {"steps"})
    for place, text in texts(value):
        if "{{" not in text and "{%" not in text:
            continue
        try:
            names = sorted(names_of(text))
            problem = next((each for name in names if (each := _unknown(name, scope, late, steps))), "")
            if not problem and not any(name.split(".")[0] in late for name in names):
                render(text, scope)
        except TemplateError as error:
            problem = str(error)
        if problem:
            yield case.fault((*path, *place), problem)


def _unknown(name: str, scope: Mapping[str, Any], late: frozenset[str], steps: Mapping[str, bool]) -> str:
    """Why a path such as inputs.link leads nowhere, or nothing; `late` are the roots that only the run will know."""
    root, *parts = name.split(".")
    if root == "steps":
        return _unknown_step(name, parts, steps)
    if root in late:
        return ""
    if root in ("item", "loop") and root not in scope:
        return f"{name}: {root} is known only to the act of a step with foreach, and to its rollback"
    if root not in scope:
        there = ", ".join(sorted({*scope, *late}))
        return f"{name}: {root} is not known here; {there} is"
    return _missing(name, parts, scope[root])


def _missing(name: str, parts: Iterable[str], value: Any) -> str:  # noqa: ANN401 - YAML data
    for part in parts:
        if not isinstance(value, Mapping):
            return ""
        if part not in value:
            return f"{name}: there is no {part}{_meant(part, value)}"
        value = value[part]
    return ""


def _unknown_step(name: str, parts: list[str], steps: Mapping[str, bool]) -> str:
    if parts and parts[0] not in steps:
        return f"{name}: there is no earlier step {parts[0]}{_meant(parts[0], steps)}"
    if len(parts) > 1 and parts[1] not in _STEP_PARTS:
        return f"{name}: a step has {', '.join(_STEP_PARTS)}, no {parts[1]}"
    if len(parts) > 2 and steps[parts[0]] and parts[1] in ("output", "before") and not parts[2].isdigit():
        return f"{name}: {parts[0]} is done once per item, so its {parts[1]} is a list; steps.{parts[0]}.ok says if all"
    return ""


def _parameters(case: Case) -> Iterator[Fault]:
    """Parameters that an action does not take, lacks or cannot read, and signals that telemetry does not know."""
    for place in case.places:
        for path, name, parameters in _acts(place):
            if (action := ACTIONS.get(name)) is not None:
                yield from _misfits(case, (*path, "with"), action, parameters, case.inner(place.step))
                yield from _mistaken(case, (*path, "with"), parameters)


def _misfits(
    case: Case, where: Where, action: Action, parameters: Mapping[str, Any], scope: Mapping[str, Any]
) -> Iterator[Fault]:
    open_: list[Where] = []
    values = _sampled(parameters, scope, (), open_)
    try:
        action.parameters.model_validate(values)
    except ValidationError as error:
        for misfit in error.errors(include_url=False, include_context=False):
            location = tuple(misfit["loc"])
            if any(location[: len(each)] == each or each[: len(location)] == location for each in open_):
                continue
            plain = {"missing": "is missing", "extra_forbidden": f"is not a parameter of {action.name}"}
            said = plain.get(misfit["type"], misfit["msg"].removeprefix("Value error, "))
            place = ".".join(str(key) for key in location)
            yield case.fault((*where, *location), f"{action.name}: {place}: {said}" if place else said)


def _sampled(value: Any, scope: Mapping[str, Any], path: Where, open_: list[Where]) -> Any:  # noqa: ANN401 - YAML data
    """The value with samples in place of templates; `open_` takes the paths whose value only the run will know."""
    if isinstance(value, Mapping):
        return {key: _sampled(each, scope, (*path, key), open_) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sampled(each, scope, (*path, at), open_) for at, each in enumerate(value)]
    try:
        return render(value, scope) if isinstance(value, str) else value
    except TemplateError:
        open_.append(path)
    return value


def _mistaken(case: Case, where: Where, parameters: Mapping[str, Any]) -> Iterator[Fault]:
    """A signal that telemetry does not know; a link asked for and a node given, and the like."""
    for path, text in texts(parameters):
        key, inner = path[-1], text.strip().removeprefix("{{").removesuffix("}}").strip()
        declared = case.runbook.spec.inputs.get(inner[7:]) if inner.startswith("inputs.") else None
        if key in _PLACES and declared and declared.type in _PLACES and declared.type != key:
            yield case.fault((*where, *path), f"{key} must be a {key}, and {inner} is a {declared.type}")
        if (key == "signal" or "signals" in path) and "{{" not in text and text not in case.signals:
            yield case.fault((*where, *path), f"there is no signal {text}{_meant(text, case.signals)}")


def _reach(case: Case) -> Iterator[Fault]:
    """Steps whose condition can never hold, given that the run only gets there when earlier steps succeeded."""
    certain: dict[str, Any] = {}
    jumps = any(part.on_failure.startswith("goto:") for part in case.runbook.spec.steps)
    for part, places in groupby(case.places, key=lambda place: place.at):
        ends = case.runbook.spec.steps[part].on_failure in ("stop", "rollback") and not jumps
        known = dict(certain)
        for place in places:
            holds, step = _condition(place.step, known), place.step
            if holds is False:
                message = f"step {step.id} is never reached: its condition can never hold"
                yield case.fault((*place.path, "when"), message)
            if holds and ends and step.on_failure != "continue" and not getattr(step, "foreach", ""):
                certain[step.id] = {"ok": True, "output": {"ok": True}}


def _condition(step: Step | Branch, certain: Mapping[str, Any]) -> bool | None:
    """Whether a step's condition surely holds or surely does not; None when only the run will know."""
    try:
        wanted = render(step.when, {"steps": certain}) if isinstance(step.when, str) else step.when
    except TemplateError:
        return None
    return str(wanted).lower() == "true"
