"""The beginning and the end of a run: opened or refused, closed, watched next or handed to people."""

from bot.errors import plain
from bot.flow.durable import DurableClient, Json
from bot.flow.guarding import Guarding
from bot.flow.history import key_of_start
from bot.flow.journal import Journal
from bot.flow.messages import why_escalated
from bot.flow.past import begun_as, changing, touched
from bot.incidents.lifecycle import move
from bot.model.event import ActRefused, Entry, Escalated, RecoveryVerified, RunStarted, State, StateChanged
from bot.model.incident import Incident, RunView
from bot.model.step_event import RunEnded
from bot.store import Transaction
from remediation.guard import Refusal
from remediation.machine import Finish


class Lifespan:
    """Opens and closes runs."""

    def __init__(self, *, journal: Journal, guarding: Guarding, client: DurableClient) -> None:
        self._journal = journal
        self._client = client
        self._guarding = guarding

    async def begin(self, argument: Json) -> Json:
        """Check the guards and open the run, or refuse with the reason in the incident."""
        incident, run = argument["incident"], argument["run"]
        view = await self._journal.incident(incident)
        if view.runs[run].ended_at is not None:
            return begun_as(view.runs[run])
        seen = await self._guarding.look_at_run(view, run, argument["state"])

        def decide(view: Incident, transaction: Transaction) -> Json:
            known = view.runs[run]
            if known.started_at is not None or known.ended_at is not None:
                return begun_as(known)
            refusal = self._guarding.admit_run(transaction, view, run, seen)
            entries = self._refusal(known, refusal) if refusal else self._opening(view, known)
            transaction.append(incident, entries)
            return {"ok": refusal is None, "verify": False}

        return await self._journal.decide(incident, decide)

    async def end(self, argument: Json, instruction: Json) -> Json:
        """Close the run: verified next when it succeeded, handed to people when it did not.

        An incident that people have closed meanwhile stays closed, and its report is written again.
        """
        finish = Finish.from_json(instruction)
        incident, run, runbook = argument["incident"], argument["run"], argument["runbook"]

        def write(view: Incident, transaction: Transaction) -> Json:
            verify = finish.result == "succeeded" and finish.changed and view.is_open
            entries = self._closing(view, view.runs[run], finish, verify=verify)
            opened = self._guarding.end_run(transaction, run, runbook, finish.result)
            entries += [self._journal.entry(each, key=f"breaker:{run}") for each in opened]
            if not verify:
                self._guarding.release(transaction, run)
            transaction.append(incident, entries)
            if not view.is_open:
                self._client.enqueue_publication(transaction, incident=incident, cause=run)
            return {"ok": finish.result == "succeeded", "verify": verify}

        return await self._journal.decide(incident, write)

    async def broke(self, argument: Json, error: Exception) -> None:
        """Close a run that a defect of Bellhop ended; nothing is taken back, for nobody knows what is right now.

        One that had succeeded stays a success: then only what comes after a run was lost.
        """
        view = await self._journal.incident(argument["incident"])
        if view.runs[argument["run"]].result == "succeeded":
            await self._unwatched(argument, plain(error))
            return
        acts = changing(view.runs[argument["run"]])
        stands = f"; nothing was taken back of {', '.join(acts)}" if acts else ""
        reason = f"a defect of Bellhop ended it: {plain(error)}{stands}"
        await self.end(argument, Finish(result="failed", reason=reason, escalate_to="operators").to_json())

    async def _unwatched(self, argument: Json, why: str) -> None:
        """Hand a run that succeeded to people, and let go of what it holds; nobody goes on to see whether it helped."""
        incident, run = argument["incident"], argument["run"]

        def write(view: Incident, transaction: Transaction) -> None:
            watched = transaction.happened(incident, [f"recovered:{run}"])
            if view.is_open and touched(view.runs[run]) and not watched:
                entries = self._not_seen_to_help(view, transaction, view.runs[run], why)
            else:
                entries = [self._lost(view.runs[run], f"what comes after it broke off: {why}")]
            self._guarding.release(transaction, run)
            transaction.append(incident, entries)
            if not view.is_open:
                self._client.enqueue_publication(transaction, incident=incident, cause=run)

        await self._journal.decide(incident, write)

    def _not_seen_to_help(self, view: Incident, transaction: Transaction, run: RunView, why: str) -> list[Entry]:
        """Like a run after which the metrics did not come back, the breaker included."""
        reason = f"nobody watched whether it helped: {why}"
        seen = RecoveryVerified(recovered=False, reason=reason)
        opened = self._guarding.end_run(transaction, run.run, run.runbook, "not recovered")
        return [
            self._journal.entry(seen, key=f"recovered:{run.run}"),
            *self._back(view, run.run, reason),
            self._lost(run, reason),
            *(self._journal.entry(each, key=f"breaker:{run.run}") for each in opened),
        ]

    def _lost(self, run: RunView, what: str) -> Entry:
        body = Escalated(to="operators", reason=f"{run.runbook} succeeded, and {what}")
        return self._journal.entry(body, key=f"escalated:{run.run}")

    async def release(self, run: str) -> Json:
        """Give back what a run held while its recovery was watched."""
        await self._journal.store.transact(lambda transaction: self._guarding.release(transaction, run))
        return {}

    def _opening(self, view: Incident, run: RunView) -> list[Entry]:
        started = RunStarted(run=run.run, runbook=run.runbook, plan_hash=run.plan_hash)
        entry = self._journal.entry(started, key=key_of_start(run.run))
        return [entry, *self._to(view, "mitigating", f"{run.runbook} runs", run.run)]

    def _refusal(self, run: RunView, refusal: Refusal) -> list[Entry]:
        entry = self._journal.entry
        body = ActRefused(run=run.run, runbook=run.runbook, guard=refusal.guard, reason=refusal.reason)
        ended = RunEnded(run=run.run, runbook=run.runbook, result="stopped", reason=refusal.reason)
        tell = Escalated(to="operators", reason=f"{run.runbook} was refused: {refusal.reason}")
        return [
            entry(body, key=f"refused:{run.run}"),
            entry(ended, key=f"ended:{run.run}"),
            entry(tell, key=f"refused told:{run.run}"),
        ]

    def _closing(self, view: Incident, run: RunView, finish: Finish, *, verify: bool) -> list[Entry]:
        entry, name = self._journal.entry, run.run
        ended = RunEnded(run=name, runbook=run.runbook, result=finish.result, reason=finish.reason)
        entries = [entry(ended, key=f"ended:{name}")]
        if verify:
            entries += self._to(view, "monitoring", f"{run.runbook} succeeded", name)
        elif view.is_open:
            entries += self._back(view, name, f"{run.runbook} ended: {finish.result}")
        if finish.escalate_to:
            body = Escalated(to=finish.escalate_to, reason=why_escalated(run.runbook, finish))
            entries.append(entry(body, key=f"escalated:{name}"))
        return entries

    def _back(self, view: Incident, run: str, why: str) -> list[Entry]:
        """To where it was before the run: people have it now."""
        return self._to(view, "acknowledged" if view.acknowledged_at else "triggered", why, run)

    def _to(self, view: Incident, state: State, why: str, run: str) -> list[Entry]:
        decision = move(view, state)
        if not decision.legal:
            return []
        body = StateChanged(before=view.state, after=state)
        return [self._journal.entry(body, key=f"{state}:{run}", why=why)]
