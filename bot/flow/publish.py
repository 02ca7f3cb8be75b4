"""Writes the drafted postmortem once an incident is resolved."""

import asyncio
from pathlib import Path

from bot.flow.durable import Json
from bot.flow.journal import Journal
from bot.incidents.lifecycle import move
from bot.model.event import EventBody, PostmortemPublished, StateChanged
from bot.model.network import Network
from bot.postmortem import Format, draft, render


class Publisher:
    """Turns events into a report, on demand and as a file."""

    def __init__(self, *, journal: Journal, network: Network, folder: Path) -> None:
        self._journal = journal
        self._network = network
        self._folder = folder

    async def report(self, incident: str, format_: Format) -> str:
        """The report as it stands now; raises NotFoundError."""
        await self._journal.incident(incident)
        events = await self._journal.events(incident)
        return render(draft(events, network=self._network, at=self._journal.clock.now()), format_)

    async def publish(self, incident: str) -> Json:
        """Write the report to a file and move the incident on; a step of a workflow."""
        text = await self.report(incident, "md")
        place = await asyncio.to_thread(self._write, incident, text)
        view = await self._journal.incident(incident)
        body: EventBody = PostmortemPublished(place=str(place))
        entries = [self._journal.entry(body, key="postmortem")]
        if move(view, "postmortem published").legal:
            body = StateChanged(before=view.state, after="postmortem published")
            entries.append(self._journal.entry(body, key="postmortem state", why=f"drafted to {place}"))
        await self._journal.record(incident, *entries)
        return {"place": str(place)}

    def _write(self, incident: str, text: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._folder / f"{incident}.md"
        draft_ = place.with_suffix(".md.part")
        draft_.write_text(text, encoding="utf-8")
        return draft_.replace(place)
