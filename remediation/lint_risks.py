"""What a step that touches the network must have: a timeout, an approval, a way back, a look afterwards."""

from collections.abc import Iterator, Mapping
from typing import Any

from remediation.contract import Action, Risk
from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import PLACES, Case, Place
from remediation.plan import is_required
from remediation.registry import ACTIONS
from remediation.schema import Approval, Branch
from remediation.template import names_of, render_all

_VERIFYING = ("telemetry.check", "telemetry.wait_until")


def risks(case: Case) -> Iterator[Fault]:
    """What a step that touches the network must have."""
    for place in case.places:
        step, action = place.step, ACTIONS.get(place.step.action)
        if action is not None and action.risk is Risk.READ:
            yield from _idle(case, place)
        elif action is not None:
            lacks = (rule(case, place, action) for rule in (_timeout, _approval, _rollback, _verified))
            yield from (case.fault(place.path, f"step {step.id} ({action.name}) {text}") for text in lacks if text)


def rivals(case: Case) -> Iterator[Fault]:
    """Branches that do the same to the same thing at once: neither could be taken back to what was there before."""
    seen: dict[tuple[object, ...], Branch] = {}
    for place in case.places:
        step, action = place.step, ACTIONS.get(place.step.action)
        if not isinstance(step, Branch) or action is None or action.risk is Risk.READ:
            continue
        about = tuple(_told(case, value) or str(value) for value in map(step.parameters.get, PLACES))
        other = seen.setdefault((place.at, action.compensation or action.name, about), step)
        if other is not step:
            same = "does the same to the same as" if other.action == action.name else "is taken back together with"
            yield case.fault(place.path, f"step {step.id} {same} {other.id}: let it follow the group")


def _idle(case: Case, place: Place) -> Iterator[Fault]:
    step = place.step
    for name, given in (("approval", step.approval), ("rollback", step.rollback)):
        if given is not None:
            message = f"step {step.id} only looks: {name} has no effect here"
            yield case.fault((*place.path, name), message, Severity.WARNING)


def _timeout(case: Case, place: Place, action: Action) -> str:
    bounded = action.risk is Risk.REVERSIBLE and (place.step.rollback is not None or case.takes_back(place))
    return "" if place.step.timeout is not None or bounded else "has no timeout: say how long it may take"


def _approval(case: Case, place: Place, action: Action) -> str:
    del case
    approval = place.step.approval
    if action.risk is not Risk.DISRUPTIVE:
        return ""
    if approval is None or _never(approval):
        return "can hurt traffic and asks nobody: give it an approval"
    return "goes ahead when nobody answers: let on_timeout be stop" if approval.on_timeout == "proceed" else ""


def _never(approval: Approval) -> bool:
    """Whether people are asked in no run at all."""
    try:
        constant = not isinstance(approval.required, str) or not names_of(approval.required)
        return constant and not is_required(approval, {})
    except TemplateError:
        return False


def _rollback(case: Case, place: Place, action: Action) -> str:
    enough = action.risk is Risk.REVERSIBLE and (action.compensation in case.later(place) or case.takes_back(place))
    if place.step.rollback is not None or not action.compensation or enough:
        return ""
    return f"has no rollback: {action.compensation} takes it back"


def way_back(case: Case) -> Iterator[Fault]:
    """Rollbacks that take nothing back, that hurt more than the act, or that are about something else."""
    for place in case.places:
        rollback, action = place.step.rollback, ACTIONS.get(place.step.action)
        back = ACTIONS.get(rollback.action) if rollback else None
        if rollback is None or back is None or action is None or action.risk is Risk.READ:
            continue
        path = (*place.path, "rollback")
        if back.risk is Risk.READ:
            yield case.fault((*path, "action"), f"{back.name} takes nothing back{_rather(action)}")
        elif back.risk is Risk.DISRUPTIVE and action.risk is not Risk.DISRUPTIVE:
            yield case.fault((*path, "action"), f"{back.name} can hurt traffic, and nobody is asked before a rollback")
        here, there = _place(case, place.step.parameters), _place(case, rollback.parameters)
        if any(here.get(kind, name) != name for kind, name in there.items()):
            told = f"takes back {' and '.join(there.values())}, and the step acts on {' and '.join(here.values())}"
            yield case.fault((*path, "with"), told)


def _place(case: Case, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The link, node or flow that an act is about, by kind, where that is known before the run."""
    found = {kind: _told(case, parameters.get(kind)) for kind in PLACES}
    return {kind: name for kind, name in found.items() if name}


def _rather(action: Action) -> str:
    return f": {action.compensation} does" if action.compensation else ""


def _told(case: Case, value: object) -> str:
    """A place as far as it is known before the run, inputs that may differ told apart; nothing when it is not known."""
    try:
        return "" if value is None else str(render_all(value, case.apart()))
    except TemplateError:
        return ""


def _verified(case: Case, place: Place, action: Action) -> str:
    del action
    seen = case.takes_back(place) or case.later(place) & set(_VERIFYING)
    return "" if seen else f"is not verified: let a {_VERIFYING[1]} follow"
