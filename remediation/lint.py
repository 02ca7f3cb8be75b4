"""What is wrong with runbooks that load: every fault at once, each at its line and column, nothing carried out."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import INCIDENT, Case, Where
from remediation.lint_conditions import conditions, kinds
from remediation.lint_doubt import doubts
from remediation.lint_keys import exclusive, keys
from remediation.lint_outputs import outputs
from remediation.lint_parameters import acts, meant, parameters
from remediation.lint_places import items_taken_back, places
from remediation.lint_reach import reach
from remediation.lint_risks import risks, rivals, way_back
from remediation.load import Library, Loaded
from remediation.plan import items_of
from remediation.registry import ACTIONS
from remediation.schema import Group, Step, typed
from remediation.template import names_of, render, render_all, texts

_STEP_PARTS = ("ok", "output", "before", "error", "skipped")


def lint_library(
    library: Library, *, signals: Collection[str], network: Mapping[str, Collection[str]] | None = None
) -> tuple[Fault, ...]:
    """Every fault of every runbook, in the order of files and lines; what is known around them as for `lint`."""
    return tuple(sorted(fault for loaded in library.loaded for fault in lint(loaded, signals=signals, network=network)))


def lint(
    loaded: Loaded,
    *,
    signals: Collection[str],
    modes: frozenset[str] = frozenset(),
    network: Mapping[str, Collection[str]] | None = None,
) -> tuple[Fault, ...]:
    """Every fault of one runbook.

    `signals` are the names that telemetry knows, or a mapping of these to the kind of place that each is of; `modes`
    the failure modes that a diagnosis knows; `network` has the names of all links, nodes and flows, by kind.
    """
    case = Case(loaded, signals, modes, network or {})
    checks = (
        *(_names, _handles, _jumps, _inputs, _items, _templates, parameters, _plain_text),
        *(reach, exclusive, keys, doubts, risks, way_back, rivals),
        *(conditions, kinds, places, outputs, items_taken_back),
    )
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
        for where, action, _ in acts(place):
            if action not in ACTIONS:
                yield case.fault((*where, "action"), f"there is no action {action}{meant(action, ACTIONS)}")


def _handles(case: Case) -> Iterator[Fault]:
    """Failure modes that no diagnosis comes to."""
    for at, mode in enumerate(case.runbook.spec.handles):
        if case.modes and mode not in case.modes:
            told = f"no diagnosis comes to {mode}{meant(mode, case.modes)}"
            yield case.fault(("spec", "handles", at), told, Severity.WARNING)


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
        yield case.fault(("spec", "steps", at, "on_failure"), f"goto: step {target} {why}{meant(target, later)}")


def _inputs(case: Case) -> Iterator[Fault]:
    """Defaults that do not fit their type, and runs that would start with nothing in an input."""
    for name, declared in case.runbook.spec.inputs.items():
        path: Where = ("spec", "inputs", name, "default")
        if declared.default is None:
            if case.runbook.spec.trigger.auto:
                yield case.fault(path, f"{name} needs a default: a diagnosis starts this runbook and gives no inputs")
            continue
        try:
            typed(render_all(declared.default, {"incident": INCIDENT}), declared.type)
        except TemplateError:
            continue  # told where all templates are looked at
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
    late = late if "inputs" in scope else frozenset()
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
    if root == "steps" and root in late:
        return _unknown_step(name, parts, steps)
    if root in late:
        return ""
    told = "" if name == root else f"{name}: "
    if root in ("item", "loop") and root not in scope:
        return f"{told}{root} is known only to the act of a step with foreach, and to its rollback"
    if root not in scope:
        there = ", ".join(sorted({*scope, *late}))
        return f"{told}{root} is not known here, only {there}"
    return _missing(name, parts, scope[root])


def _missing(name: str, parts: Iterable[str], value: Any) -> str:  # noqa: ANN401 - YAML data
    for part in parts:
        if not isinstance(value, Mapping):
            return ""
        if part not in value:
            return f"{name}: there is no {part}{meant(part, value)}"
        value = value[part]
    return ""


def _unknown_step(name: str, parts: list[str], steps: Mapping[str, bool]) -> str:
    if parts and parts[0] not in steps:
        return f"{name}: there is no earlier step {parts[0]}{meant(parts[0], steps)}"
    if len(parts) > 1 and parts[1] not in _STEP_PARTS:
        return f"{name}: a step has {', '.join(_STEP_PARTS)}, no {parts[1]}"
    if len(parts) > 2 and steps[parts[0]] and parts[1] in ("output", "before") and not parts[2].isdigit():
        return f"{name}: {parts[0]} is done once per item, so its {parts[1]} is a list; steps.{parts[0]}.ok says if all"
    return ""


def _plain_text(case: Case) -> Iterator[Fault]:
    """Templates where nothing is worked out: people would read the braces."""
    runbook = case.runbook
    places: list[tuple[Where, str]] = [(("metadata", "title"), runbook.metadata.title)]
    places += [((*place.path, "title"), place.step.title) for place in case.places]
    if runbook.spec.escalate is not None:
        places.append((("spec", "escalate", "to"), runbook.spec.escalate.to))
    for path, text in places:
        if "{{" in text:
            yield case.fault(
                path, f"{path[-1]} is shown as it is written: templates are not looked at here", Severity.WARNING
            )
