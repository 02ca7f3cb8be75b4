"""Writes the drafted postmortem once metrics, its source or people ended an incident, and again after a review.

The file is for people to complete: its last line holds a digest of the rest, and a file whose digest is not its own
was changed by people and is never written over.
"""

import asyncio
import hashlib
import itertools
import secrets
from pathlib import Path

from bot.errors import plain
from bot.flow.durable import DurableWorker, Json
from bot.flow.journal import Journal
from bot.incidents.lifecycle import move
from bot.model.event import Escalated, Event, EventBody, PostmortemPublished, StateChanged
from bot.model.network import Network
from bot.postmortem import Format, draft, render

_MARK = "<!-- written by Bellhop, sha256 of all above: "
_MARK_ENDS = " -->\n"


class Publisher:
    """Turns events into a report, on demand and as a file."""

    def __init__(self, *, journal: Journal, network: Network, folder: Path) -> None:
        self._journal = journal
        self._network = network
        self._folder = folder

    async def report(self, incident: str, format_: Format) -> str:
        """The report as it stands now; raises NotFoundError."""
        await self._journal.incident(incident)
        return self._rendered(await self._journal.events(incident), format_)

    async def publish(self, incident: str, review: str = "") -> Json:
        """Write the report to a file and move the incident on; a step of a workflow.

        `review` is what was reviewed, `INC-7-R1:drain`, where that is why it is written again. What happens while it
        is written is in it, too; reviews that close after it was published publish again.
        """
        while True:
            events = await self._journal.events(incident)
            place = await asyncio.to_thread(self._write, incident, self._rendered(events, "md"))
            await self._record(incident, place, review)
            newer = await self._journal.events(incident, events[-1].seq)
            meanwhile = tuple(itertools.takewhile(_is_other, newer))
            if not meanwhile:
                return {"place": str(place)}

    def _rendered(self, events: tuple[Event, ...], format_: Format) -> str:
        return render(draft(events, network=self._network, at=self._journal.clock.now()), format_)

    async def _record(self, incident: str, place: Path, review: str) -> None:
        view = await self._journal.incident(incident)
        body: EventBody = PostmortemPublished(place=str(place))
        again = review or (place.name if place != self._folder / f"{incident}.md" else "")
        key = f"postmortem:{again}" if again else "postmortem"
        entries = [self._journal.entry(body, key=key, why=self._why(incident, place, review))]
        if move(view, "postmortem published").legal:
            body = StateChanged(before=view.state, after="postmortem published")
            entries.append(self._journal.entry(body, key="postmortem state", why=f"drafted to {place}"))
        await self._journal.record(incident, *entries)

    def _why(self, incident: str, place: Path, review: str) -> str:
        run, _, step = review.partition(":")
        first = self._folder / f"{incident}.md"
        reasons = [f"{step} of {run} was reviewed"] if review else []
        reasons += [] if place == first else [f"people changed {first}, which stays as it is"]
        return "; ".join(reasons)

    def _write(self, incident: str, text: str) -> Path:
        """Put it where the first draft lies, or beside what people changed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        names = itertools.chain([f"{incident}.md"], (f"{incident}.{number}.md" for number in itertools.count(2)))
        place = next(each for name in names if not _is_peoples(each := self._folder / name))
        draft_ = place.with_suffix(f".{secrets.token_hex(4)}.part")
        draft_.write_text(_marked(text), encoding="utf-8")
        return draft_.replace(place)


class PublishingAgain:
    """Writes a postmortem as a workflow of its own: after people ended the incident, and again after a review."""

    def __init__(self, *, worker: DurableWorker, journal: Journal, publisher: Publisher) -> None:
        self._worker = worker
        self._journal = journal
        self._publisher = publisher

    async def work(self, argument: Json) -> Json:
        """Publish; a file that cannot be written is told to people, who find the report at the other doors."""
        incident, review = str(argument["incident"]), str(argument["review"])
        cause = str(argument.get("cause", review))
        try:
            return await self._worker.step("publish", self._publisher.publish, incident, review)
        except Exception as error:
            if not self._worker.closing:
                again = " again" if review else ""
                told = f"the postmortem cannot be written{again}: {plain(error)}"
                told = f"{told}; `bellhop postmortem {incident}` prints it"
                body = Escalated(to="operators", reason=told)
                await self._journal.record(incident, self._journal.entry(body, key=f"unpublished:{cause}"))
            raise


def _is_other(event: Event) -> bool:
    return not isinstance(event.body, PostmortemPublished)


def _marked(text: str) -> str:
    return f"{text}{_MARK}{_digest(text)}{_MARK_ENDS}"


def _is_peoples(place: Path) -> bool:
    """Whether there is a file that is not as Bellhop wrote it."""
    if not place.exists():
        return False
    text, mark, digest = place.read_bytes().decode(errors="replace").rpartition(_MARK)
    return not mark or digest != f"{_digest(text)}{_MARK_ENDS}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
