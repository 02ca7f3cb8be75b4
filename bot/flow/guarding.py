"""The guards of a runbook held against the facts: before the run, and again just before each risky act."""

from bot.clock import Clock
from bot.flow.durable import Json
from bot.flow.journal import Journal
from bot.flow.observe import Observer
from bot.model.event import RunStarted
from bot.model.incident import Incident
from bot.store import Transaction
from remediation.contract import Risk
from remediation.guard import GuardFacts, PastRun, Refusal, check
from remediation.load import Library
from remediation.machine import Act
from remediation.registry import ACTIONS


class Guarding:
    """Gathers what guards ask for and lets `remediation.guard` decide."""

    def __init__(self, *, journal: Journal, observer: Observer, library: Library, clock: Clock) -> None:
        self._journal = journal
        self._observer = observer
        self._library = library
        self._clock = clock

    async def refusal(self, view: Incident, run: str, state: Json) -> Refusal | None:
        """Why this run may not start, or None."""
        del state
        runbook = self._library.get(view.runs[run].runbook)
        return check(runbook.spec.guard, await self._facts(view, run))

    async def refusal_of_act(self, view: Incident, run: str, act: Act) -> Refusal | None:
        """Why this act may not be done now, or None; acts that only read or take back are always allowed."""
        if ACTIONS[act.action].risk is Risk.READ or act.phase == "undo":
            return None
        runbook = self._library.get(view.runs[run].runbook)
        return check(runbook.spec.guard, await self._facts(view, run))

    async def _facts(self, view: Incident, run: str) -> GuardFacts:
        link = view.diagnosis.link if view.diagnosis else ""
        age = await self._observer.age(link) if link else float("inf")
        return GuardFacts(
            now=self._clock.now(),
            past_runs=await self._past_runs(view, run),
            telemetry_age_s=age,
        )

    async def _past_runs(self, view: Incident, run: str) -> tuple[PastRun, ...]:
        runbook = view.runs[run].runbook

        def gather(transaction: Transaction) -> tuple[PastRun, ...]:
            found = []
            for incident in transaction.incident_ids():
                for event in transaction.events(incident):
                    body = event.body
                    if isinstance(body, RunStarted) and body.runbook == runbook and body.run != run:
                        subject = self._journal.view(transaction, incident).subject
                        if subject == view.subject:
                            found.append(PastRun(run=body.run, started_at=event.at))
            return tuple(found)

        return await self._journal.store.read(gather)
