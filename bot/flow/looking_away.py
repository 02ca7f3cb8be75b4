"""Who may have a step passed over that somebody else was to look at: a verification, or one that asks for approval."""

from collections.abc import Mapping

from bot.flow.approving import APPROVER
from bot.flow.authority import Authority
from bot.flow.facts import is_security_gated
from bot.flow.past import step_of
from bot.incidents.lifecycle import SECURITY
from bot.model.incident import Incident, RunView
from bot.model.person import Person
from bot.settings import PersonSettings
from remediation.errors import UnknownNameError
from remediation.load import Library

VERIFIES = frozenset({"telemetry.check", "telemetry.wait_until"})
"""Actions that only look whether the repair helped."""


class LookingAway:
    """Holds a wish to pass over such a step against the run, the incident and the roles of who has it."""

    def __init__(self, *, people: Mapping[str, PersonSettings], library: Library) -> None:
        self._authority = Authority(people)
        self._library = library

    def against(self, view: Incident, known: RunView, step: str, by: Person) -> str:
        """Why this person may not have the step passed over, or nothing.

        Who asked for the run never decides alone that nobody looks at it; they may abort it.
        """
        verifies = action_of(known, step) in VERIFIES
        if not verifies and not _asks(view, known, step):
            return ""
        if known.requested_by and self._authority.same(by, known.requested_by):
            what = "verifies the repair" if verifies else "waits for somebody's yes"
            other = f"{by.name} asked for {known.run}, so somebody else must have {step} passed over"
            return f"{step} {what} and {other}; to stop it: bellhop runbook abort {known.run}"
        roles = self._roles(known.runbook, step)
        if verifies and not set(roles) & set(by.roles):
            return f"{step} verifies the repair; to skip it {by.name} needs the role {' or '.join(roles)}"
        if is_security_gated(view) and SECURITY not in by.roles:
            return f"an intrusion is not excluded: only the role {SECURITY} has {step} passed over"
        return ""

    def _roles(self, runbook: str, step: str) -> tuple[str, ...]:
        """Those who could also let the step go ahead."""
        try:
            approval = self._library.get(runbook).step(step).approval
        except (UnknownNameError, StopIteration):
            approval = None
        return tuple(dict.fromkeys((*(approval.roles if approval else ()), APPROVER)))


def action_of(run: RunView, step: str) -> str:
    """What a step does; nothing when the run has no such step."""
    return next((str(each["action"]) for each in run.plan.get("steps", []) if step_of(each["id"]) == step), "")


def _asks(view: Incident, known: RunView, step: str) -> bool:
    """Whether people are asked about a step, now or when its turn comes."""
    if any(each.run == known.run and step_of(each.step) == step for each in view.approvals):
        return True
    planned = (each.get("approval") for each in known.plan.get("steps", []) if step_of(each["id"]) == step)
    return any(approval is not None and approval["required"] for approval in planned)
