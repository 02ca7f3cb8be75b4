"""What a step that touches the network must have: a timeout, an approval, a way back, a look afterwards."""

from collections.abc import Iterator

from remediation.contract import Action, Risk
from remediation.errors import Fault, Severity
from remediation.lint_case import Case, Place
from remediation.registry import ACTIONS
from remediation.schema import Branch

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
    seen: dict[tuple[object, ...], str] = {}
    for place in case.places:
        step, action = place.step, ACTIONS.get(place.step.action)
        if not isinstance(step, Branch) or action is None or action.risk is Risk.READ:
            continue
        about = tuple(str(step.parameters.get(kind)) for kind in ("link", "node", "flow"))
        other = seen.setdefault((place.at, action.name, about), step.id)
        if other != step.id:
            yield case.fault(
                place.path, f"step {step.id} does the same to the same as {other}: let it follow the group"
            )


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
    if approval is None or str(approval.required).lower() == "false":
        return "can hurt traffic and asks nobody: give it an approval"
    return "goes ahead when nobody answers: let on_timeout be stop" if approval.on_timeout == "proceed" else ""


def _rollback(case: Case, place: Place, action: Action) -> str:
    enough = action.risk is Risk.REVERSIBLE and (action.compensation in case.later(place) or case.takes_back(place))
    if place.step.rollback is not None or not action.compensation or enough:
        return ""
    return f"has no rollback: {action.compensation} takes it back"


def _verified(case: Case, place: Place, action: Action) -> str:
    del action
    seen = case.takes_back(place) or case.later(place) & set(_VERIFYING)
    return "" if seen else f"is not verified: let a {_VERIFYING[1]} follow"
