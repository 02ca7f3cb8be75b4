"""A runbook made to ask more: the mode approve, and diagnoses that the security role must see, add approvals."""

from collections.abc import Mapping
from typing import TypeVar

from remediation.contract import Action, Risk
from remediation.schema import Approval, Branch, Group, Runbook, Step

StepT = TypeVar("StepT", Step, Branch)
SECURITY = "security"


def asking(runbook: Runbook, actions: Mapping[str, Action], *, every_act: bool, security: bool) -> Runbook:
    """The runbook with an approval before every act that is no mere look, or one more by the role security.

    The approvals are part of the plan, so its hash and the run's snapshot have them too.
    """
    if not every_act and not security:
        return runbook

    def strict(doing: StepT) -> StepT:
        looks = doing.action in actions and actions[doing.action].risk is Risk.READ
        return doing if looks else doing.model_copy(update={"approval": _stricter(doing.approval, security=security)})

    parts: list[Step | Group] = []
    for part in runbook.spec.steps:
        if isinstance(part, Group):
            parts.append(part.model_copy(update={"parallel": tuple(strict(branch) for branch in part.parallel)}))
        else:
            parts.append(strict(part))
    return runbook.model_copy(update={"spec": runbook.spec.model_copy(update={"steps": tuple(parts)})})


def _stricter(given: Approval | None, *, security: bool) -> Approval:
    """Always asked for, by the security role too where wanted; silence is no yes."""
    roles = [] if given is None else given.roles
    if security and SECURITY not in roles:
        roles = [*roles, SECURITY]
    silence = "escalate" if given is not None and given.on_timeout == "escalate" else "stop"
    changes = {"required": True, "role": "+".join(roles) or "approver", "on_timeout": silence}
    return (given or Approval()).model_copy(update=changes)


def fills(roles: tuple[str, ...], count: int, people: tuple[frozenset[str], ...]) -> int:
    """How many of the wanted approvals (`count` of each role) these people fill, each at most one.

    >>> fills(("approver", "security"), 1, (frozenset({"approver", "security"}), frozenset({"approver"})))
    2
    >>> fills(("approver", "security"), 1, (frozenset({"approver"}), frozenset({"approver"})))
    1
    """
    places = [role for role in roles for _ in range(count)]
    taken: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in people[person] and place not in tried:
                tried.add(place)
                if place not in taken or seat(taken[place], tried):
                    taken[place] = person
                    return True
        return False

    return sum(seat(person, set()) for person in range(len(people)))
