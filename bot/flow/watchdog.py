"""Finds what nobody works on: incidents without a response, and runs that the workflow engine gave up."""

import logging

from bot.errors import BellhopError
from bot.flow.durable import PUBLISH_ID, DurableWorker, can_wait
from bot.flow.journal import Journal
from bot.flow.lifespan import Lifespan
from bot.flow.past import incident_of
from bot.flow.respond import RESPOND_WORKFLOW, Responder
from bot.model.event import Escalated
from bot.model.incident import Incident, RunView
from bot.store import Transaction

_log = logging.getLogger(__name__)


class LostWorkflowError(BellhopError):
    """The workflow engine gave a workflow up, and no code of ours ran any more to tell people."""


class Watchdog:
    """Looks for them at each start and every few seconds; whatever it finds is told once, on however many servers."""

    def __init__(self, *, worker: DurableWorker, journal: Journal, lifespan: Lifespan, responder: Responder) -> None:
        self._worker = worker
        self._journal = journal
        self._lifespan = lifespan
        self._responder = responder
        self._known: frozenset[str] = frozenset()
        """Failed workflows that are seen to."""

    async def look(self) -> None:
        """Begin the responses that are missing and end the runs that were lost; raises StoreUnavailableError.

        One that cannot be seen to, however often it is tried, is left to people in the log, and the next has its turn.
        """
        await self._responder.resume()
        failed = await self._worker.failed()
        self._known &= frozenset(failed)
        for workflow, why in failed.items():
            if workflow not in self._known:
                await self._see_to_or_leave(workflow, why)
                self._known |= {workflow}

    async def _see_to_or_leave(self, workflow: str, why: str) -> None:
        try:
            await self._see_to(workflow, LostWorkflowError(why))
        except BellhopError as error:
            if can_wait(error):
                raise
            _log.error(
                "nobody works on %s any more, look after it yourselves: %s; not told there: %s", workflow, why, error
            )

    async def _see_to(self, workflow: str, lost: LostWorkflowError) -> None:
        kind, _, incident = workflow.partition(":")
        if kind == PUBLISH_ID:
            return  # people have the report at other doors
        if kind == RESPOND_WORKFLOW:
            await self._call(incident, lost)
            return
        view = await self._journal.incident(incident_of(workflow))
        if workflow in view.runs and await self._is_lost(view, view.runs[workflow]):
            argument = {"incident": view.id, "run": workflow, "runbook": view.runs[workflow].runbook}
            await self._lifespan.broke(argument, lost)

    async def _call(self, incident: str, lost: LostWorkflowError) -> None:
        """Tell people that they are on their own with an open incident."""
        body = Escalated(to="operators", reason=f"nobody looks into this incident any more: {lost}")

        def write(view: Incident, transaction: Transaction) -> None:
            if view.is_open:
                transaction.append(incident, [self._journal.entry(body, key="response broke")])

        await self._journal.decide(incident, write)

    async def _is_lost(self, view: Incident, run: RunView) -> bool:
        """Whether a run has not ended, or nobody came to say whether the last one that succeeded helped."""
        if run.ended_at is None:
            return True
        begun = (each.started_at for each in view.runs.values() if each.started_at is not None)
        if run.result != "succeeded" or not view.is_open or max(begun, default=0.0) >= run.ended_at:
            return False
        told = (f"recovered:{run.run}", f"escalated:{run.run}")
        return not await self._journal.look(view.id, lambda view, transaction: transaction.happened(view.id, told))
