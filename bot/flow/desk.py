"""What people may do, whichever door they come through: Slack, the command line, web pages.

Each act checks that it is legal and allowed, writes its event and, where a run waits for it, its message, in
one transaction; the same act twice is one. Every answer is one line that says what happened or why not.
"""

from collections.abc import Mapping

from bot.flow.approving import Approving
from bot.flow.durable import DurableClient, Json
from bot.flow.facts import in_the_way
from bot.flow.journal import Journal
from bot.flow.observe import Observer
from bot.flow.past import incident_of
from bot.flow.propose import Proposer
from bot.flow.publish import Publisher
from bot.flow.requests import Requests
from bot.flow.reviewing import Reviews, owing
from bot.flow.shelf import runbook_info
from bot.flow.steering import Steering
from bot.flow.switches import Switches, may_act, needs_role
from bot.incidents.lifecycle import move
from bot.incidents.title import one_line
from bot.model.diagnosis import Diagnosis
from bot.model.event import Entry, Escalated, Event, EventBody, NoteAdded, State, StateChanged
from bot.model.incident import Incident
from bot.model.person import Answer, Person
from bot.model.run_inputs import Scalar, against_inputs, digest_of
from bot.model.runbook import PlaybookInfo, RunbookInfo
from bot.model.step_event import OutcomeTold
from bot.model.wording import settled_words
from bot.postmortem import Format
from bot.settings import PersonSettings
from bot.store import Transaction
from remediation.errors import RemediationError
from remediation.playbooks import Playbook, named

_LONGEST_NOTE = 4000


class Desk:
    """The one place where people's wishes become events."""

    def __init__(
        self,
        *,
        journal: Journal,
        observer: Observer,
        proposer: Proposer,
        publisher: Publisher,
        client: DurableClient,
        people: tuple[PersonSettings, ...],
        switches: Switches,
        requests: Requests,
        steering: Steering,
        playbooks: tuple[Playbook, ...] = (),
    ) -> None:
        self._playbooks = playbooks
        self.switches = switches
        self.requests = requests
        self.steering = steering
        self._journal = journal
        self._observer = observer
        self._proposer = proposer
        self._publisher = publisher
        self._client = client
        self._people = {each.id: each for each in people}
        self._approving = Approving(journal=journal, client=client, people=self._people)
        self.reviews = Reviews(journal=journal, client=client, people=self._people)

    async def incidents(self, *, open_only: bool) -> tuple[Incident, ...]:
        """All incidents, in the order they were opened."""
        return await self._journal.incidents(open_only=open_only)

    async def incident(self, id: str) -> Incident:  # noqa: A002
        """One incident; raises NotFoundError."""
        return await self._journal.incident(id)

    async def events(self, id: str, after: int = 0) -> tuple[Event, ...]:  # noqa: A002
        """What happened, in order; raises NotFoundError."""
        await self._journal.incident(id)
        return await self._journal.events(id, after)

    async def person(self, id: str) -> Person:  # noqa: A002 - the word of the model
        """Who this is, with the roles that the configuration gives."""
        known = self._people.get(id)
        return Person(id=id, name=known.name or id, roles=known.roles) if known else Person(id=id, name=id)

    async def guide(self, name: str) -> str | None:
        """A playbook's text, None where there is none of that name."""
        found = named(self._playbooks, name)
        return None if found is None else found.text

    async def runbooks(self) -> tuple[RunbookInfo, ...]:
        """Every runbook there is."""
        return tuple(map(runbook_info, self._proposer.library.runbooks))

    async def playbooks(self) -> tuple[PlaybookInfo, ...]:
        """Every guide for people there is."""
        return tuple(PlaybookInfo(name=each.name, title=each.title) for each in self._playbooks)

    async def diagnose(self, link: str, at: float | None = None) -> Diagnosis:
        """A fresh diagnosis of a link, written nowhere; raises NotFoundError."""
        return await self._observer.diagnose(link, at)

    async def postmortem(self, id: str, format: Format) -> str:  # noqa: A002
        """The report as it stands; raises NotFoundError."""
        return await self._publisher.report(id, format)

    async def acknowledge(self, id: str, by: Person) -> Answer:  # noqa: A002
        """Say that somebody is on it."""

        def decide(view: Incident, transaction: Transaction) -> Answer:
            if view.acknowledged_at is not None:
                return Answer(done=False, message=f"{id} was acknowledged by {view.acknowledged_by} before")
            return self._move(view, transaction, "acknowledged", by, "is on it")

        return await self._journal.decide(id, decide)

    async def resolve(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """Declare an incident over, metrics or not; its postmortem is written as after a recovery."""
        if not may_act(by):
            return needs_role(by, f"end {id}")

        def decide(view: Incident, transaction: Transaction) -> Answer:
            if view.quarantined and not why.strip():
                return Answer(done=False, message=f"say why {id} is over: an intrusion was not excluded")
            answer = self._move(view, transaction, "resolved", by, why or "resolved by hand")
            if not answer.done:
                return answer
            self._client.enqueue_publication(transaction, incident=id, cause=f"{id}:{view.last_seq}")
            owed = owing(view)
            return Answer(done=True, message=f"{answer.message}; {owed}") if owed else answer

        return await self._journal.decide(id, decide)

    async def note(self, id: str, text: str, by: Person) -> Answer:  # noqa: A002
        """Write something down for the postmortem."""
        if not text.strip():
            return Answer(done=False, message="the note is empty")
        body = NoteAdded(text=text.strip()[:_LONGEST_NOTE])
        return await self._write(id, body, by, f"noted in {id}")

    async def escalate(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """Ask for more people."""
        if not may_act(by):
            return needs_role(by, f"escalate {id}")
        body = Escalated(to="incident commander", reason=why or f"{by.name} asks for help")
        return await self._write(id, body, by, f"{id} is escalated")

    async def run(
        self,
        id: str,  # noqa: A002
        by: Person,
        runbook: str | None = None,
        inputs: Mapping[str, Scalar] | None = None,
    ) -> Answer:
        """Start a runbook, the one named or the one that the diagnosis proposes, with the inputs that are given."""
        if not may_act(by):
            return needs_role(by, "start a runbook")
        view = await self._journal.incident(id)
        if not view.is_open:
            return Answer(done=False, message=f"{id} is {view.state}; there is nothing to run")
        if unfit := against_inputs(inputs or {}):
            return Answer(done=False, message=unfit)
        cause = f"{by.id}:{view.last_seq}{digest_of(inputs or {})}"
        try:
            proposal = await self._proposer.propose(
                id, cause=cause, runbook=runbook, by=by.id, start=True, inputs=inputs, unless=in_the_way
            )
        except RemediationError as error:
            return Answer(done=False, message=str(error))
        if proposal.over:
            return Answer(done=False, message=f"this was asked for before: {proposal.over}")
        goes = f"waits: {proposal.waits}" if proposal.waits else "starts"
        if proposal.mode == "observe":
            goes = f"only records what it would do: its mode on {view.subject} is observe"
        given = ", ".join(f"{name}={one_line(str(value))}" for name, value in (inputs or {}).items())
        told = f"{proposal.run} ({proposal.runbook}) {goes}"
        return Answer(done=True, message=f"{told}; given: {given}" if given else told)

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Approve a step that waits, for exactly the plan with this hash (None: the one that stands).

        `break_glass` says why one person must let it go ahead alone; somebody else reviews that afterwards.
        """
        if break_glass is not None:
            return await self._approving.break_glass(run, step, by, plan_hash=plan_hash, key=key, why=break_glass)
        return await self._approving.answer(run, step, by, approves=True, plan_hash=plan_hash, key=key)

    async def reject(self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str) -> Answer:
        """Turn a step down; the run stops there."""
        return await self._approving.answer(run, step, by, approves=False, plan_hash=plan_hash, key=key)

    async def settle(self, run: str, step: str, by: Person, *, happened: bool, key: str) -> Answer:
        """Say whether an act of which nobody knows was done."""
        if not may_act(by):
            return needs_role(by, f"say whether {step} happened")

        def decide(view: Incident, transaction: Transaction) -> Answer:
            asked = next((each for each in view.outcomes if (each.run, each.step) == (run, step)), None)
            if asked is None:
                return Answer(done=False, message=f"{run} does not ask about {step}")
            told = OutcomeTold(run=run, step=step, happened=happened, looks=asked.looks, phase=asked.phase)
            answered = f"{step}:{asked.phase}:{asked.attempt}"
            self._append(transaction, view.id, told, by, key=f"settled:{run}:{answered}")
            message: Json = {"kind": "settle", "step": step, "happened": happened, "by": by.id}
            message |= {"phase": asked.phase, "attempt": asked.attempt}
            self._client.send(transaction, run=run, message=message, key=f"settle:{answered}")
            words = settled_words(f"{step} of {run}", happened=happened, looks=asked.looks)
            return Answer(done=True, message=f"{words}; the run goes on")

        return await self._journal.decide(incident_of(run), decide)

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Stop a run before its next act, what it did is taken back in reverse; withdraw one that has not begun."""
        return await self.steering.abort(run, by, why)

    async def _write(self, incident: str, body: EventBody, by: Person, done: str) -> Answer:
        def decide(view: Incident, transaction: Transaction) -> Answer:
            self._append(transaction, view.id, body, by, key=f"by hand:{view.last_seq}:{by.id}")
            return Answer(done=True, message=done)

        return await self._journal.decide(incident, decide)

    def _move(self, view: Incident, transaction: Transaction, to: State, by: Person, why: str) -> Answer:
        decision = move(view, to, by.roles)
        if not decision.legal:
            return Answer(done=False, message=f"{view.id} is {view.state}: {decision.reason}")
        body = StateChanged(before=view.state, after=to)
        self._append(transaction, view.id, body, by, key=f"{to}:{view.last_seq}", why=why)
        return Answer(done=True, message=f"{view.id} is {to} by {by.name}")

    def _append(
        self, transaction: Transaction, incident: str, body: EventBody, by: Person, *, key: str, why: str = ""
    ) -> None:
        entry: Entry = self._journal.entry(body, key=key, by=by.id, why=why)
        transaction.append(incident, [entry])
