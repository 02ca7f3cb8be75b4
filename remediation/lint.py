"""What is wrong with runbooks that load: every fault at once, each at its line and column, nothing carried out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action, Risk
from remediation.errors import Fault, Severity, TemplateError
from remediation.load import Library, Loaded
from remediation.registry import ACTIONS
from remediation.schema import Runbook, Step, typed
from remediation.template import names_of, render, render_all, texts

_Path = tuple[str | int, ...]

_VERIFYING = ("telemetry.check", "telemetry.wait_until")
_PLACES = ("link", "node", "flow")
_STEP_PARTS = ("ok", "output", "before", "error", "skipped")
_SAMPLES: Mapping[str, Any] = {
    "link": "a-link", "node": "a-node", "flow": "a-flow", "text": "text", "ratio": 0.5, "number": 1.0,
    "integer": 1, "duration": 60.0, "boolean": True,
}  # fmt: skip
_INCIDENT: Mapping[str, Any] = {
    "id": "INC-1", "title": "title", "severity": "sev2", "subject": {"kind": "link", "id": "a-link"}, "link": "a-link",
    "mode": "F1", "confidence": 0.9, "summary": "summary", "onset": 0.0,
}  # fmt: skip
"""What templates may know of an incident, with a value of each kind."""
_PLAN: Mapping[str, Any] = {"affected_flows": [{"id": "a-flow", "priority": "critical"}]}


def lint_library(library: Library, *, signals: frozenset[str]) -> tuple[Fault, ...]:
    """Every fault of every runbook, in the order of files and lines; `signals` are the names that telemetry knows."""
    return tuple(sorted(fault for loaded in library.loaded for fault in lint(loaded, signals=signals)))


def lint(loaded: Loaded, *, signals: frozenset[str]) -> tuple[Fault, ...]:
    """Every fault of one runbook."""
    case = _Case(loaded, signals)
    checks = (_names, _inputs, _templates, _parameters, _reach, _risks)
    return tuple(dict.fromkeys(fault for check in checks for fault in check(case)))


@dataclass(frozen=True, slots=True)
class _Case:
    """One runbook under examination."""

    loaded: Loaded
    signals: frozenset[str]

    @property
    def runbook(self) -> Runbook:
        return self.loaded.runbook

    @property
    def steps(self) -> list[tuple[int, Step]]:
        return list(enumerate(self.runbook.spec.steps))

    def fault(self, path: _Path, message: str, severity: Severity = Severity.ERROR) -> Fault:
        return self.loaded.document.fault(path, message, severity)

    def scope(self) -> dict[str, Any]:
        """What templates see before the first step, with a value of the right kind for everything."""
        inputs = {name: _sample(each.type, each.default) for name, each in self.runbook.spec.inputs.items()}
        return {"inputs": inputs, "incident": _INCIDENT, "plan": _PLAN, "run": {"id": "INC-1-R1"}}

    def later(self, at: int) -> set[str]:
        """The actions of the steps after one."""
        return {step.action for step in self.runbook.spec.steps[at + 1 :]}

    def takes_back(self, at: int) -> bool:
        """Whether a step's act is what takes back an earlier step's."""
        earlier = self.runbook.spec.steps[:at]
        undoing = {step.rollback.action for step in earlier if step.rollback}
        undoing |= {ACTIONS[step.action].compensation for step in earlier if step.action in ACTIONS}
        return self.runbook.spec.steps[at].action in undoing


def _sample(kind: str, default: object) -> Any:  # noqa: ANN401 - an input of any type
    try:
        return typed(render_all(default, {"incident": _INCIDENT}), kind)  # type: ignore[arg-type]
    except (ValueError, TemplateError):
        return _SAMPLES[kind]


def _names(case: _Case) -> Iterator[Fault]:
    """Steps that share an id, jumps to nowhere or backwards, and actions that do not exist."""
    ids = [step.id for _, step in case.steps]
    for at, step in case.steps:
        path: _Path = ("spec", "steps", at)
        if step.id in ids[:at]:
            yield case.fault((*path, "id"), f"another step is called {step.id} too")
        target = step.on_failure.removeprefix("goto:")
        if target != step.on_failure and target not in ids[at + 1 :]:
            why = "does not come later, so going there may never end" if target in ids else "is not there"
            yield case.fault((*path, "on_failure"), f"goto: step {target} {why}{_meant(target, ids[at + 1 :])}")
        for where, action, _ in _acts(at, step):
            if action not in ACTIONS:
                yield case.fault((*where, "action"), f"there is no action {action}{_meant(action, ACTIONS)}")


def _acts(at: int, step: Step) -> Iterator[tuple[_Path, str, Mapping[str, Any]]]:
    """A step's act and the one that takes it back: where it stands, its action, its parameters."""
    path: _Path = ("spec", "steps", at)
    yield path, step.action, step.parameters
    if step.rollback is not None:
        yield (*path, "rollback"), step.rollback.action, step.rollback.parameters


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _inputs(case: _Case) -> Iterator[Fault]:
    """Defaults that do not fit their type, and runs that would start with nothing in an input."""
    for name, declared in case.runbook.spec.inputs.items():
        path: _Path = ("spec", "inputs", name, "default")
        if declared.default is None:
            if case.runbook.spec.trigger.auto:
                yield case.fault(path, f"{name} needs a default: a diagnosis starts this runbook and gives no inputs")
        elif not (isinstance(declared.default, str) and "{{" in declared.default):
            try:
                typed(declared.default, declared.type)
            except ValueError as error:
                yield case.fault(path, f"{name}: {error}")


def _templates(case: _Case) -> Iterator[Fault]:
    """Templates that are none, look at what is not there, or come to no value."""
    scope = case.scope()
    for name, declared in case.runbook.spec.inputs.items():
        yield from _template(case, ("spec", "inputs", name, "default"), declared.default, {"incident": _INCIDENT}, ())
    yield from _template(case, ("spec", "guard", "exclusive"), case.runbook.spec.guard.exclusive, scope, ())
    earlier: list[str] = []
    for at, step in case.steps:
        path: _Path = ("spec", "steps", at)
        own = {"with": step.parameters, "when": step.when, "idempotency": step.idempotency}
        own["approval"] = {"required": step.approval.required} if step.approval else {}
        yield from _template(case, path, own, scope, earlier)
        earlier.append(step.id)
        if step.rollback is not None:
            yield from _template(case, (*path, "rollback", "with"), step.rollback.parameters, scope, earlier)


def _template(
    case: _Case, path: _Path, value: object, scope: Mapping[str, Any], steps: Iterable[str]
) -> Iterator[Fault]:
    for place, text in texts(value):
        if "{{" not in text and "{%" not in text:
            continue
        try:
            names = names_of(text)
            problem = next((each for name in sorted(names) if (each := _unknown(name, scope, steps))), "")
            if not problem and not any(name.split(".")[0] == "steps" for name in names):
                render(text, scope)
        except TemplateError as error:
            problem = str(error)
        if problem:
            yield case.fault((*path, *place), problem)


def _unknown(name: str, scope: Mapping[str, Any], steps: Iterable[str]) -> str:
    """Why a path such as inputs.link leads nowhere, or nothing."""
    root, *parts = name.split(".")
    if root == "steps":
        if parts and parts[0] not in steps:
            return f"{name}: there is no earlier step {parts[0]}{_meant(parts[0], steps)}"
        bad = len(parts) > 1 and parts[1] not in _STEP_PARTS
        return f"{name}: a step has {', '.join(_STEP_PARTS)}, no {parts[1]}" if bad else ""
    if root not in scope:
        return f"{name}: {root} is not known here; {', '.join(sorted(scope))} is"
    value = scope[root]
    for part in parts:
        if not isinstance(value, Mapping):
            return ""
        if part not in value:
            return f"{name}: there is no {part}{_meant(part, value)}"
        value = value[part]
    return ""


def _parameters(case: _Case) -> Iterator[Fault]:
    """Parameters that an action does not take, lacks or cannot read, and signals that telemetry does not know."""
    for path, name, parameters in (act for at, step in case.steps for act in _acts(at, step)):
        if (action := ACTIONS.get(name)) is not None:
            yield from _misfits(case, (*path, "with"), action, parameters)
            yield from _mistaken(case, (*path, "with"), parameters)


def _misfits(case: _Case, where: _Path, action: Action, parameters: Mapping[str, Any]) -> Iterator[Fault]:
    open_: list[_Path] = []
    values = _sampled(parameters, case.scope(), (), open_)
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


def _sampled(value: Any, scope: Mapping[str, Any], path: _Path, open_: list[_Path]) -> Any:  # noqa: ANN401 - YAML data
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


def _mistaken(case: _Case, where: _Path, parameters: Mapping[str, Any]) -> Iterator[Fault]:
    """A signal that telemetry does not know; a link asked for and a node given, and the like."""
    for path, text in texts(parameters):
        key, inner = path[-1], text.strip().removeprefix("{{").removesuffix("}}").strip()
        declared = case.runbook.spec.inputs.get(inner[7:]) if inner.startswith("inputs.") else None
        if key in _PLACES and declared and declared.type in _PLACES and declared.type != key:
            yield case.fault((*where, *path), f"{key} must be a {key}, and {inner} is a {declared.type}")
        if (key == "signal" or "signals" in path) and "{{" not in text and text not in case.signals:
            yield case.fault((*where, *path), f"there is no signal {text}{_meant(text, case.signals)}")


def _reach(case: _Case) -> Iterator[Fault]:
    """Steps whose condition can never hold, given that the run only gets there when earlier steps succeeded."""
    certain: dict[str, Any] = {}
    jumps = any(step.on_failure.startswith("goto:") for _, step in case.steps)
    for at, step in case.steps:
        holds = _condition(step, certain)
        if holds is False:
            message = f"step {step.id} is never reached: its condition can never hold"
            yield case.fault(("spec", "steps", at, "when"), message)
        if holds and not jumps and step.on_failure in ("stop", "rollback"):
            certain[step.id] = {"ok": True, "output": {"ok": True}}


def _condition(step: Step, certain: Mapping[str, Any]) -> bool | None:
    """Whether a step's condition surely holds or surely does not; None when only the run will know."""
    try:
        wanted = render(step.when, {"steps": certain}) if isinstance(step.when, str) else step.when
    except TemplateError:
        return None
    return str(wanted).lower() == "true"


def _risks(case: _Case) -> Iterator[Fault]:
    """What a step that touches the network must have."""
    for at, step in case.steps:
        path: _Path = ("spec", "steps", at)
        action = ACTIONS.get(step.action)
        if action is not None and action.risk is Risk.READ:
            yield from _idle(case, path, step)
        elif action is not None:
            lacks = (rule(case, at, step, action) for rule in (_timeout, _approval, _rollback, _verified))
            yield from (case.fault(path, f"step {step.id} ({action.name}) {text}") for text in lacks if text)


def _idle(case: _Case, path: _Path, step: Step) -> Iterator[Fault]:
    for name, given in (("approval", step.approval), ("rollback", step.rollback)):
        if given is not None:
            yield case.fault((*path, name), f"step {step.id} only looks: {name} has no effect here", Severity.WARNING)


def _timeout(case: _Case, at: int, step: Step, action: Action) -> str:
    bounded = action.risk is Risk.REVERSIBLE and (step.rollback is not None or case.takes_back(at))
    return "" if step.timeout is not None or bounded else "has no timeout: say how long it may take"


def _approval(case: _Case, at: int, step: Step, action: Action) -> str:
    del case, at
    if action.risk is not Risk.DISRUPTIVE:
        return ""
    if step.approval is None or str(step.approval.required).lower() == "false":
        return "can hurt traffic and asks nobody: give it an approval"
    return "goes ahead when nobody answers: let on_timeout be stop" if step.approval.on_timeout == "proceed" else ""


def _rollback(case: _Case, at: int, step: Step, action: Action) -> str:
    enough = action.risk is Risk.REVERSIBLE and (action.compensation in case.later(at) or case.takes_back(at))
    if step.rollback is not None or not action.compensation or enough:
        return ""
    return f"has no rollback: {action.compensation} takes it back"


def _verified(case: _Case, at: int, step: Step, action: Action) -> str:
    del step, action
    seen = case.takes_back(at) or case.later(at) & set(_VERIFYING)
    return "" if seen else f"is not verified: let a {_VERIFYING[1]} follow"
