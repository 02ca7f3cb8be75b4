"""Who may let a step go ahead. Pure: the question, the person and the time in, the reason against it out."""

from collections.abc import Mapping

from bot.model.incident import Incident, PendingApproval, RunView
from bot.model.person import Person
from bot.settings import PersonSettings
from remediation.asking import fills


class Authority:
    """Knows which ids are one person: those that the configuration gives the same name."""

    def __init__(self, people: Mapping[str, PersonSettings]) -> None:
        self._people = people

    def same(self, by: Person, other: str) -> bool:
        """Whether a person is also `other`, perhaps through another door."""
        known = self._people.get(other)
        return by.id == other or (known is not None and bool(known.name) and known.name == by.name)

    def against_approving(self, pending: PendingApproval, run: RunView, by: Person) -> str:
        """Why this person's yes does not count, or nothing."""
        step = pending.step
        if any(self.same(by, each) for each in pending.approved_by):
            return f"{by.name} has approved {step} before; somebody else must"
        if run.requested_by and self.same(by, run.requested_by):
            return f"{by.name} asked for {run.run}; somebody else must approve {step}"
        return self.against_rejecting(pending, run, by) or _nothing_left(pending, by)

    def against_rejecting(self, pending: PendingApproval, run: RunView, by: Person) -> str:
        """Why this person has no say in it, or nothing; who asked for a run may always turn it down."""
        if run.requested_by and self.same(by, run.requested_by):
            return ""
        if roles_in(pending, by):
            return ""
        return f"{pending.step} needs the role {' or '.join(pending.roles)}, which {by.name} does not have"


def pending_at(view: Incident, run: str, step: str) -> PendingApproval | None:
    """The question about a step of a run that is open."""
    return next((each for each in view.approvals if (each.run, each.step) == (run, step)), None)


def roles_in(pending: PendingApproval, by: Person) -> tuple[str, ...]:
    """The wanted roles that a person has."""
    return tuple(role for role in pending.roles if role in by.roles)


def given_with(pending: PendingApproval, by: Person) -> tuple[int, int]:
    """How many approvals there are with this person's, and how many it takes."""
    people = (*(frozenset(each) for each in pending.approved_roles), frozenset(roles_in(pending, by)))
    return fills(pending.roles, pending.count, people), pending.count * len(pending.roles)


def against_time(pending: PendingApproval, plan_hash: str | None, now: float) -> str:
    """Why no answer counts any more, or nothing."""
    if plan_hash is not None and plan_hash != pending.plan_hash:
        return "the plan has changed since this question was shown; look at the new one"
    return f"the time to approve {pending.step} is over" if now >= pending.expires_at else ""


def _nothing_left(pending: PendingApproval, by: Person) -> str:
    people = tuple(frozenset(each) for each in pending.approved_roles)
    roles = tuple(pending.roles)
    if fills(roles, pending.count, (*people, frozenset(roles_in(pending, by)))) > fills(roles, pending.count, people):
        return ""
    missing = [role for role in roles if fills((role,), pending.count, people) < pending.count]
    return f"{pending.step} still needs the role {' or '.join(missing)}; that of {by.name} is filled"
