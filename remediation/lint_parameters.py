"""What acts are given: parameters that an action does not take, lacks or cannot read; signals that are not there."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action
from remediation.errors import Fault, TemplateError
from remediation.lint_case import PLACES, Case, Place, Where
from remediation.registry import ACTIONS
from remediation.source_words import alike, plain
from remediation.template import render, texts


def acts(place: Place) -> Iterator[tuple[Where, str, Mapping[str, Any]]]:
    """A step's act and the one that takes it back: where it stands, its action, its parameters."""
    step = place.step
    yield place.path, step.action, step.parameters
    if step.rollback is not None:
        yield (*place.path, "rollback"), step.rollback.action, step.rollback.parameters


def meant(name: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence; nothing when there is nothing like it."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def parameters(case: Case) -> Iterator[Fault]:
    """Parameters that an action does not take, lacks or cannot read, and signals that telemetry does not know."""
    for place in case.places:
        for path, name, parameters in acts(place):
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
        for misfit in error.errors(include_url=False):
            location = tuple(misfit["loc"])
            if any(location[: len(each)] == each or each[: len(location)] == location for each in open_):
                continue
            said = plain({**misfit, "input": None} if _is_template(parameters, location) else misfit)
            if misfit["type"] == "extra_forbidden":
                said = f"is not a parameter of {action.name}{alike(str(location[-1]), action.parameters)}"
            place = ".".join(str(key) for key in location)
            yield case.fault((*where, *location), f"{action.name}: {place}: {said}" if place else said)


def _is_template(value: Any, path: Where) -> bool:  # noqa: ANN401 - YAML data
    return any(place == path[: len(place)] and "{{" in text for place, text in texts(value))


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
        if key in PLACES and declared and declared.type in PLACES and declared.type != key:
            yield case.fault((*where, *path), f"{key} must be a {key}, and {inner} is a {declared.type}")
        if (key == "signal" or "signals" in path) and "{{" not in text and text not in case.signals:
            yield case.fault((*where, *path), f"there is no signal {text}{meant(text, case.signals)}")
