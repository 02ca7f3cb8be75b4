"""The `Messenger` port of a runbook run: what it tells people becomes an event, and so reaches chat and pages."""

from typing import Literal

from bot.flow.journal import Journal
from bot.flow.propose import UNKNOWN_RUNBOOK
from bot.model.event import Escalated, EventBody, NoteAdded
from remediation.machine import Finish


class IncidentMessenger:
    """Tells people through the incident."""

    def __init__(self, journal: Journal, *, incident: str, run: str) -> None:
        self._journal = journal
        self._incident = incident
        self._run = run

    async def tell(self, channel: Literal["notify", "page", "ticket"], to: str, text: str, *, key: str) -> None:
        """Record the message in the incident; the same key again is the same message."""
        body: EventBody = Escalated(to=to, reason=text) if channel == "page" else NoteAdded(text=f"@{to}: {text}")
        entry = self._journal.entry(body, key=f"told:{key}", by="bellhop", why=f"{channel} by {self._run}")
        await self._journal.record(self._incident, entry)


def why_escalated(runbook: str, finish: Finish) -> str:
    """What those are told whom a runbook calls at its end."""
    if finish.result != "succeeded":
        return f"{runbook} {finish.result}: {finish.reason}"
    if runbook == UNKNOWN_RUNBOOK:
        return "no failure mode explains it; it needs a person"
    return f"{runbook} succeeded, and it always tells {finish.escalate_to}"
