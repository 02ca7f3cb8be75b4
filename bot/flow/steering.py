"""What people do to single runs: stop or withdraw one, pass over a step that has not begun, retry what failed."""

from collections.abc import Mapping
from typing import Any

from bot.flow.approving import as_known, refuse
from bot.flow.carrying import Left, left_by
from bot.flow.durable import DurableClient, Json
from bot.flow.facts import going
from bot.flow.journal import Journal
from bot.flow.looking_away import VERIFIES, LookingAway, action_of
from bot.flow.modes import Modes
from bot.flow.past import incident_of, not_done, standing_without, step_of, under_way
from bot.flow.propose import Proposer, Retry, is_over
from bot.flow.retrying import against_change, against_place, against_run, chain_of
from bot.flow.switches import may_act, needs_role
from bot.incidents.lifecycle import move
from bot.incidents.title import one_line
from bot.model.event import Entry, Event, State, StateChanged
from bot.model.guard_event import SkipAsked, WishRefused
from bot.model.incident import Incident, RunView
from bot.model.person import Answer, Person
from bot.model.step_event import AbortAsked, RunEnded, StepEnded, StepStarted
from bot.settings import PersonSettings
from bot.store import GuardRows, Transaction
from remediation.contract import Risk
from remediation.errors import RemediationError, UnknownNameError
from remediation.registry import ACTIONS
from remediation.retrying import place_of

_LONGEST_REASON = 200


class Steering:
    """Checks a wish about a run against what stands in its incident, and writes it there in the same transaction."""

    def __init__(
        self,
        *,
        journal: Journal,
        client: DurableClient,
        proposer: Proposer,
        modes: Modes,
        people: Mapping[str, PersonSettings],
    ) -> None:
        self._journal = journal
        self._client = client
        self._proposer = proposer
        self._modes = modes
        self._people = people
        self._looking_away = LookingAway(people=people, library=proposer.library)

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Stop a run before its next act, and take back in reverse what it did; withdraw one that has not begun.

        An incident stands for the one run in it that goes on or is to begin. A run begins in a transaction on its
        incident too, so that it has either begun or is withdrawn.
        """
        if not may_act(by):
            return needs_role(by, f"stop {run}")
        reason = one_line(why, _LONGEST_REASON) or "no reason given"

        def decide(view: Incident, transaction: Transaction) -> Answer:
            chosen = _one_of(view) if run == view.id else run
            if isinstance(chosen, Answer):
                return chosen
            known = view.runs.get(chosen)
            if known is None or (refusal := _against_stopping(known)):
                return Answer(done=False, message=refusal if known else f"{view.id} has no run {chosen}")
            asked = self._journal.entry(AbortAsked(run=chosen, reason=reason), key=f"abort:{chosen}", by=by.id)
            transaction.append(view.id, [asked])
            if not known.is_running:
                transaction.append(view.id, self._withdrawn(view, known, by, reason))
                message = f"{chosen} ({known.runbook}) is withdrawn: it had not begun, and never will"
                return Answer(done=True, message=message)
            told: Json = {"kind": "abort", "by": by.id, "why": reason}
            self._client.send(transaction, run=chosen, message=told, key="abort")
            return Answer(done=True, message=f"{chosen} stops before its next act; one that only looks ends now")

        return await self._journal.decide(run if _is_incident(run) else incident_of(run), decide)

    def _withdrawn(self, view: Incident, run: RunView, by: Person, reason: str) -> list[Entry]:
        """The end of a run that never began.

        A run that somebody asked for has ended the watch over the one before it, or would have. With it gone the
        incident is people's again; a watch that did not see it yet goes on, and may still resolve it.
        """
        why = f"stopped by {by.id} before it began: {reason}"
        ended = RunEnded(run=run.run, runbook=run.runbook, result="aborted", reason=why)
        entries = [self._journal.entry(ended, key=f"ended:{run.run}", by=by.id)]
        back: State = "acknowledged" if view.acknowledged_at is not None else "triggered"
        others = [each for each in going(view) if each != run.run]
        if run.is_queued and view.state == "monitoring" and not others and move(view, back).legal:
            body = StateChanged(before=view.state, after=back)
            entries.append(self._journal.entry(body, key=f"{back}:{run.run}", why=f"{run.runbook} ended: aborted"))
        return entries

    async def skip(self, run: str, step: str, by: Person, why: str) -> Answer:
        """Pass over a step that has not begun, waits for its approval or its next attempt, or only looks.

        The run goes on behind it.
        """
        if not may_act(by):
            return needs_role(by, f"skip a step of {run}")
        by = as_known(self._people, by)
        reason = one_line(why, _LONGEST_REASON) or "no reason given"

        def decide(view: Incident, transaction: Transaction) -> Answer:
            known = view.runs.get(run)
            if known is None or not known.is_running:
                return Answer(done=False, message=f"{run} is not running")
            history = transaction.events(view.id)
            stands = standing_without(known.plan, step, {*known.skips, *not_done(history, run)})
            if step not in known.skips:
                if refusal := self._against(known, step, history):
                    return Answer(done=False, message=refusal)
                if refusal := self._looking_away.against(view, known, step, by):
                    wish = WishRefused(run=run, step=step, wish="skip", reason=refusal)
                    return refuse(self._journal, transaction, view, wish, by)
                body = SkipAsked(
                    run=run, step=step, reason=reason, verifies=action_of(known, step) in VERIFIES, stands=stands
                )
                transaction.append(view.id, [self._journal.entry(body, key=f"skip:{run}:{step}", by=by.id)])
                told: Json = {"kind": "skip", "step": step, "by": by.id, "why": f"skipped by {by.id}: {reason}"}
                self._client.send(transaction, run=run, message=told, key=f"skip:{step}")
            now = under_way(history, run, step) is not None
            return Answer(done=True, message=_said(run, step, why, stands, now=now))

        return await self._journal.decide(incident_of(run), decide)

    async def retry(self, run: str, by: Person, step: str = "") -> Answer:
        """Run the same runbook again with the same inputs, from `step` or from where the run ended.

        It is a new run: its plan, its approvals and its guards are its own. What the first one did and did not take
        back it can take back.
        """
        if not may_act(by):
            return needs_role(by, f"retry {run}")
        view = await self._journal.incident(incident_of(run))
        try:
            found = against_run(view, run) or await self._retry_of(view, view.runs[run], step)
            if isinstance(found, str):
                return Answer(done=False, message=found)
            name = view.runs[run].runbook
            proposal = await self._proposer.propose(
                view.id,
                cause=f"retry of {run}",
                runbook=name,
                by=by.id,
                start=True,
                retry=found,
                unless=lambda current: against_run(current, run),
            )
        except RemediationError as error:
            return Answer(done=False, message=str(error))
        if proposal.over:
            return Answer(done=False, message=f"this was asked for before: {proposal.over}")
        goes = f"waits: {proposal.waits}" if proposal.waits else "starts"
        return Answer(done=True, message=f"{proposal.run} ({name}, again from {found.step}) {goes}")

    async def _retry_of(self, view: Incident, known: RunView, step: str) -> Retry | str:
        """What the retry takes over, or why there cannot be one."""
        runbook = self._proposer.library.get(known.runbook)
        changed = against_change(runbook, known)
        left = Left() if changed else left_by(view, await self._journal.events(view.id), known.run, runbook)
        place = place_of(runbook, step) if step else 0 if left.taken_back else left.place
        if changed or place is None:
            return changed or f"{known.run} has no step {step}; its steps are {', '.join(_steps(known.plan))}"
        refusal = against_place(runbook, known.run, place, left)
        refusal = refusal or await self._journal.store.read(
            lambda transaction: self._since(transaction, view, known, left)
        )
        return refusal or Retry(
            of=known.run,
            step=runbook.spec.steps[place].id,
            place=place,
            inputs=known.plan["inputs"],
            told=left.told,
            done=left.done,
        )

    def _since(self, transaction: Transaction, view: Incident, known: RunView, left: Left) -> str:
        """Why nothing may be taken over any more, or nothing: somebody else acted, so that a way back may be wrong."""
        if self._modes.now(transaction, known.runbook, str(view.subject)) == "observe":
            return f"the mode of {known.runbook} on {view.subject} is observe; only a run that acts can be retried"
        chain = chain_of(view, known.run)
        began = min((each.started_at for each in chain if each.started_at is not None), default=None)
        if not left.done or began is None:
            return ""
        rows = GuardRows(transaction).runs_since(began)
        others = [row.run for row in rows if row.run not in {each.run for each in chain}]
        if not others:
            return ""
        stands = ", ".join(left.done)
        return f"{others[-1]} has run since, and {stands} may not be as {known.run} left it; run {known.runbook} afresh"

    def _against(self, known: RunView, step: str, history: tuple[Event, ...]) -> str:
        """Why this step cannot be skipped, or nothing."""
        run = known.run
        if not action_of(known, step):
            return f"{run} has no step {step}; its steps are {', '.join(_steps(known.plan))}"
        bodies = [event.body for event in history]
        acts = [body for body in bodies if isinstance(body, StepStarted | StepEnded) and body.run == run]
        if any(body.phase == "undo" for body in acts):
            return f"{run} takes back what it did; there is nothing to skip"
        own = [body for body in acts if step_of(body.step) == step]
        return _late(run, step, own[-1], self._attempts(known.runbook, step)) if own else ""

    def _attempts(self, runbook: str, step: str) -> int:
        """How often a step is tried at most."""
        try:
            return self._proposer.library.get(runbook).step(step).retry.attempts
        except (UnknownNameError, StopIteration):
            return 1


def _is_incident(name: str) -> bool:
    """Whether a name is an incident's, such as INC-7, and not that of a run in it."""
    return "-R" not in name


def _one_of(view: Incident) -> str | Answer:
    """The only run of an incident that can be meant; what is going comes before what was only suggested."""
    suggested = (run.run for run in view.runs.values() if not _against_stopping(run))
    runs = going(view) or tuple(suggested)
    if not runs:
        return Answer(done=False, message=f"{view.id} has no run that goes on or is to begin")
    if len(runs) > 1:
        return Answer(done=False, message=f"{view.id} has {' and '.join(runs)}; say which")
    return runs[0]


def _against_stopping(run: RunView) -> str:
    """Why there is nothing of this run to stop, or nothing."""
    if run.ended_at is not None:
        return is_over(run)
    return f"{run.run} only records what it would do; there is nothing to stop" if run.mode == "observe" else ""


def _said(run: str, step: str, why: str, stands: tuple[str, ...], *, now: bool) -> str:
    """What comes of a skip, with what must not be overlooked."""
    said = [f"{step} of {run} is passed over {'now' if now else 'when its turn comes'}"]
    if not why.strip():
        said.append("no reason was given")
    if stands:
        names = ", ".join(stands)
        said.append(f"WARNING: {step} would have taken back {names}, which then stands; this will be reviewed")
    return "; ".join(said)


def _steps(plan: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(step_of(step["id"]) for step in plan.get("steps", [])))


def _late(run: str, step: str, last: StepStarted | StepEnded, attempts: int) -> str:
    """Why what was last heard of a step leaves nothing to pass over, or nothing."""
    if isinstance(last, StepEnded):
        return "" if _is_tried_again(last, attempts) else f"{step} of {run} is over: {last.outcome}"
    if last.action in ACTIONS and ACTIONS[last.action].risk is Risk.READ:
        return ""
    return f"{step} of {run} has begun; abort the run to take it back"


def _is_tried_again(last: StepEnded, attempts: int) -> bool:
    told = last.envelope
    return bool(told.get("retryable")) and told.get("happened") is False and last.attempt < attempts
