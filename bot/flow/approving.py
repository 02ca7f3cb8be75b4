"""A person's yes or no to a step that waits, and one person's word alone in an emergency."""

from collections.abc import Mapping

import msgspec

from bot.flow.authority import Authority, against_time, given_with, pending_at, roles_in
from bot.flow.durable import DurableClient, Json
from bot.flow.facts import is_security_gated
from bot.flow.journal import Journal
from bot.flow.meanwhile import planned_before_gate
from bot.flow.past import incident_of, step_of
from bot.incidents.lifecycle import SECURITY
from bot.model.event import ApprovalAnswered, ApprovalExpired, Event, EventBody
from bot.model.guard_event import LONGEST_REASON, GlassBroken, SkipAsked, WishRefused
from bot.model.incident import Incident, PendingApproval
from bot.model.person import Answer, Person
from bot.settings import PersonSettings
from bot.store import Transaction
from bot.store.review_rows import GLASS_KEY

APPROVER = "approver"
"""The role that may break the glass of, and review, any step; beside it those that the step asks for."""


class Approving:
    """Checks an answer against the question as it stands, and writes it in the same transaction."""

    def __init__(self, *, journal: Journal, client: DurableClient, people: Mapping[str, PersonSettings]) -> None:
        self._journal = journal
        self._client = client
        self._people = people
        self._authority = Authority(people)

    async def answer(
        self, run: str, step: str, by: Person, *, approves: bool, plan_hash: str | None, key: str
    ) -> Answer:
        """A yes or no for exactly the plan with this hash (None: the one that stands)."""
        by = as_known(self._people, by)

        def decide(view: Incident, transaction: Transaction) -> Answer:
            pending = pending_at(view, run, step)
            if pending is None:
                return Answer(done=False, message=not_waiting(transaction.events(view.id), run, step))
            against = self._authority.against_approving if approves else self._authority.against_rejecting
            if refusal := (
                against(pending, view.runs[run], by)
                or (approves and planned_before_gate(view, run, step))
                or against_time(pending, plan_hash, self._journal.clock.now())
            ):
                if approves and view.quarantined:  # security wants to see who tried
                    wish = WishRefused(run=run, step=step, wish="approve", reason=refusal)
                    return refuse(self._journal, transaction, view, wish, by)
                return Answer(done=False, message=refusal)
            self._let(transaction, view, pending, by, approves=approves, key=key)
            word = "approved" if approves else "rejected"
            given, wanted = given_with(pending, by)
            more = f"; it waits for {wanted - given} more" if approves and given < wanted else ""
            return Answer(done=True, message=f"{step} of {run} is {word} by {by.name}{more}")

        return await self._journal.decide(incident_of(run), decide)

    async def break_glass(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, why: str
    ) -> Answer:
        """Let a step go ahead on one person's word; a refusal stands in the incident, once for each reason."""
        by, reason = as_known(self._people, by), why.strip()
        if unclear := against_words(reason, "why it cannot wait for somebody else"):
            return Answer(done=False, message=unclear)

        def decide(view: Incident, transaction: Transaction) -> Answer:
            pending = pending_at(view, run, step)
            if pending is None:
                refusal = not_waiting(transaction.events(view.id), run, step)
            else:
                refusal = (
                    against_role(by, pending.roles, f"break the glass for {step}")
                    or against_gate(view, by, step)
                    or planned_before_gate(view, run, step)
                    or against_time(pending, plan_hash, self._journal.clock.now())
                )
            if pending is None or refusal:
                wish = WishRefused(run=run, step=step, wish="break the glass", reason=refusal)
                return refuse(self._journal, transaction, view, wish, by)
            body = GlassBroken(run=run, step=step, reason=reason)
            self._append(transaction, view.id, body, by, key=f"{GLASS_KEY}{run}:{step}")
            self._let(transaction, view, pending, by, approves=True, key=key, break_glass=True)
            told = f"{step} of {run} goes ahead on {by.name}'s word; a review is owed by somebody else"
            return Answer(done=True, message=told)

        return await self._journal.decide(incident_of(run), decide)

    def _let(
        self,
        transaction: Transaction,
        view: Incident,
        pending: PendingApproval,
        by: Person,
        *,
        approves: bool,
        key: str,
        break_glass: bool = False,
    ) -> None:
        """Write the answer, and tell the run."""
        run, step, roles = pending.run, pending.step, roles_in(pending, by)
        given, wanted = given_with(pending, by)
        body = ApprovalAnswered(
            run=run,
            step=step,
            decision="approved" if approves else "rejected",
            plan_hash=pending.plan_hash,
            roles=roles,
            given=wanted if break_glass else given,
            wanted=wanted,
        )
        self._append(transaction, view.id, body, by, key=f"answer:{run}:{step}:{by.id}:{body.decision}")
        kind = "approve" if approves else "reject"
        message: Json = {"kind": kind, "step": step, "by": by.id}
        if approves:
            message |= {"roles": list(roles), "break_glass": break_glass}
        sent_as = "glass" if break_glass else kind
        self._client.send(transaction, run=run, message=message, key=f"{sent_as}:{step}:{by.id}:{key}")

    def _append(self, transaction: Transaction, incident: str, body: EventBody, by: Person, *, key: str) -> None:
        transaction.append(incident, [self._journal.entry(body, key=key, by=by.id)])


def as_known(people: Mapping[str, PersonSettings], by: Person) -> Person:
    """The person under the name that the configuration gives to this id, so that one person is one at every door."""
    known = people.get(by.id)
    return msgspec.structs.replace(by, name=known.name) if known is not None and known.name else by


def against_role(by: Person, roles: tuple[str, ...], wish: str) -> str:
    """Why somebody is not one of those who decide about a step that asks for `roles`, or nothing."""
    wanted = tuple(dict.fromkeys((APPROVER, *roles)))
    if set(wanted) & set(by.roles):
        return ""
    return f"to {wish} {by.name} needs the role {' or '.join(wanted)}"


def against_gate(view: Incident, by: Person, step: str) -> str:
    """Why nobody alone may go round the security role, or nothing."""
    if not is_security_gated(view) or SECURITY in by.roles:
        return ""
    return f"an intrusion is not excluded: only the role {SECURITY} breaks the glass for {step}"


def against_words(words: str, what: str) -> str:
    """Why this is no reason that another person could judge, or nothing."""
    if not words:
        return f"say {what}"
    over = len(words) - LONGEST_REASON
    return f"say {what} in at most {LONGEST_REASON} characters, {over} fewer" if over > 0 else ""


def not_waiting(history: tuple[Event, ...], run: str, step: str) -> str:
    """Why a step has no question that is open: what became of it."""
    became = [said for event in history if (said := _became(event, run, step))]
    return became[-1] if became else f"{run} does not wait for an approval of {step}"


def _became(event: Event, run: str, step: str) -> str:
    match event.body:
        case GlassBroken(run=which, step=what) if (which, what) == (run, step):
            return f"{event.by} broke the glass for {step} before; it went ahead"
        case ApprovalExpired(run=which, step=what) if (which, what) == (run, step):
            return f"the time to approve {step} is over; start {run} again with retry"
        case ApprovalAnswered(run=which, step=what, decision="rejected") if (which, what) == (run, step):
            return f"{event.by} rejected {step} before"
        case SkipAsked(run=which, step=what) if (which, what) == (run, step):
            return f"{event.by} had {step} skipped before"
    return ""


def refuse(journal: Journal, transaction: Transaction, view: Incident, wish: WishRefused, by: Person) -> Answer:
    """The refusal, written into the incident once for each person and reason where the run has such a step."""
    known = view.runs.get(wish.run)
    names = {str(each["id"]) for each in known.plan.get("steps", [])} if known else set()
    if wish.step in names | {step_of(name) for name in names}:
        key = f"refused:{wish.wish}:{wish.run}:{wish.step}:{by.id}:{wish.reason}"
        transaction.append(view.id, [journal.entry(wish, key=key, by=by.id)])
    return Answer(done=False, message=wish.reason)
