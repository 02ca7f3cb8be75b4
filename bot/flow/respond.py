"""THE pipeline: what happens to an incident between its first alert and its postmortem, on one screen."""

from bot.errors import plain
from bot.flow.durable import DurableWorker, Json
from bot.flow.facts import link_of
from bot.flow.journal import Journal
from bot.flow.observe import Observer
from bot.flow.propose import UNKNOWN_RUNBOOK, Proposer
from bot.model.alert import Change
from bot.model.diagnosis import Diagnosis
from bot.model.event import ChangeSeen, DiagnosisMade, Entry, Escalated, KeysQuarantined, SubjectChanged
from bot.model.incident import Incident
from remediation.errors import RemediationError

RESPOND_WORKFLOW = "respond"
_RETRY_S = 60.0
_RETRIES = 10
_PATIENCE = 4
"""How many diagnoses a doubtful fault may take before people are asked to decide."""


class Responder:
    """Handles one incident as a durable workflow; every step is recorded and none is done twice."""

    def __init__(
        self,
        *,
        worker: DurableWorker,
        journal: Journal,
        observer: Observer,
        proposer: Proposer,
    ) -> None:
        self._worker = worker
        self._journal = journal
        self._observer = observer
        self._proposer = proposer
        self._answered: frozenset[str] = frozenset()
        """Open incidents that need no response any more, because they have one."""

    async def respond(self, argument: Json) -> Json:
        """Diagnose, propose, start; while the verdict is unknown or doubtful, look again every minute for a while.

        What nobody foresaw ends the response, and people are told.
        """
        try:
            return await self._respond(str(argument["incident"]))
        except Exception as error:
            if not self._worker.closing:
                body = Escalated(to="operators", reason=f"a defect of Bellhop ended the response: {plain(error)}")
                await self._journal.record(argument["incident"], self._journal.entry(body, key="response broke"))
            raise

    async def _respond(self, incident: str) -> Json:
        for attempt in range(1, _RETRIES + 1):
            seen = await self._worker.step(f"diagnose {attempt}", self._diagnose, incident, attempt)
            if seen["proposes"]:
                await self._worker.step(f"propose {attempt}", self._propose, incident, attempt)
            if seen["settled"]:
                return seen
            await self._worker.sleep(self._journal.clock.real_seconds(_RETRY_S))
        return await self._worker.step("give up", self._give_up, incident)

    async def start(self, incident: str) -> None:
        """Begin; the same incident twice is one response, on however many servers."""
        await self._worker.start(RESPOND_WORKFLOW, id=f"{RESPOND_WORKFLOW}:{incident}", argument={"incident": incident})
        self._answered |= {incident}

    async def resume(self) -> None:
        """Begin for every open incident that a process killed here or elsewhere left without a response."""
        open_ = await self._journal.store.read(lambda transaction: transaction.incident_ids(open_only=True))
        self._answered &= frozenset(open_)
        for incident in (each for each in open_ if each not in self._answered):
            view = await self._journal.incident(incident)
            if view.diagnosis is not None:
                self._answered |= {incident}
            elif view.is_open and not view.asked:
                await self.start(incident)

    async def _diagnose(self, incident: str, attempt: int) -> Json:
        view = await self._journal.incident(incident)
        if not view.is_open or _is_handled(view):
            return {"verdict": "", "proposes": False, "settled": True}
        link = link_of(self._observer.network, view.subject)
        diagnosis = (
            Diagnosis(
                link="",
                at=self._journal.clock.now(),
                verdict="unknown",
                summary=f"No link of the network file belongs to {view.subject}; telemetry cannot be asked about it.",
            )
            if link is None
            else await self._observer.diagnose(link)
        )
        await self._journal.record(incident, *self._entries(view, diagnosis, attempt))
        # Killed just before, this attempt is on record already: what stands there counts, not what is seen now.
        diagnosis = (await self._journal.incident(incident)).diagnosis or diagnosis
        fault = diagnosis.verdict == "fault" and (attempt >= _PATIENCE or self._proposer.is_sure(diagnosis))
        return {
            "verdict": diagnosis.verdict,
            "proposes": fault or (diagnosis.verdict == "unknown" and attempt == 1),
            "settled": fault or link is None,
        }

    def _entries(self, view: Incident, diagnosis: Diagnosis, attempt: int) -> list[Entry]:
        entry = self._journal.entry
        entries = [entry(DiagnosisMade(diagnosis=diagnosis), key=f"diagnosed:{attempt}")]
        subject = diagnosis.findings[0].subject if diagnosis.findings else view.subject
        if subject != view.subject:
            body = SubjectChanged(before=view.subject, after=subject)
            why = f"the evidence points at {subject}"
            entries.append(entry(body, key=f"subject:{attempt}", why=why))
        if (gate := diagnosis.security) is not None:
            quarantine = KeysQuarantined(links=gate.links, since=gate.onset, reason=gate.reason)
            asked = Escalated(to=gate.role, reason=f"intrusion not excluded: {gate.reason}")
            entries += [entry(quarantine, key="quarantine"), entry(asked, key="security asked")]
        return entries + [entry(_seen(change), key=f"change:{change.id}") for change in diagnosis.changes]

    async def _propose(self, incident: str, attempt: int) -> Json:
        try:
            proposal = await self._proposer.propose(incident, cause=f"diagnosis {attempt}")
        except RemediationError as error:
            body = Escalated(to="operators", reason=f"no runbook can be planned: {error}")
            await self._journal.record(incident, self._journal.entry(body, key=f"unplanned:{attempt}"))
            return {"run": ""}
        return {"run": proposal.run}

    async def _give_up(self, incident: str) -> Json:
        body = Escalated(to="operators", reason=f"no verdict after {_RETRIES} diagnoses; telemetry needs a person")
        await self._journal.record(incident, self._journal.entry(body, key="no verdict"))
        return {"settled": False}


def _seen(change: Change) -> ChangeSeen:
    return ChangeSeen(subject=change.subject, kind=change.kind, description=change.description, changed_at=change.at)


def _is_handled(view: Incident) -> bool:
    """Whether a runbook that does something is already on its way."""
    return any(run.started_at and run.runbook != UNKNOWN_RUNBOOK for run in view.runs.values())
