"""A desk in memory that behaves: known and unknown incidents, roles, decisions that count once."""

from collections.abc import Mapping

import msgspec

from bot.errors import NotFoundError, StoreUnavailableError
from bot.model.event import Event
from bot.model.guard import Pause
from bot.model.guard_event import Verdict
from bot.model.incident import Incident, PendingApproval, Review, RunView
from bot.model.person import Answer, Person
from bot.model.run_inputs import Scalar
from bot.postmortem import Format, draft, render
from tests.support.incident_story import LINK, PLAN, START, diagnosis, events, network


def waiting_incident() -> Incident:
    """The story after eight events: a realignment waits for an approver."""
    run = RunView(run="INC-1-R1", runbook="f1-excess-loss", title="Realign a lossy link", plan_hash="9f2c", plan=PLAN, started_at=START + 21)  # fmt: skip  # noqa: E501
    ask = PendingApproval(run="INC-1-R1", step="realign", title="Realign the link", role="approver", count=1, plan_hash="9f2c", asked_at=START + 30, expires_at=START + 930)  # fmt: skip  # noqa: E501
    return Incident(
        id="INC-1",
        title="Logical success on ams-rpt1 is falling",
        state="triggered",
        severity="sev2",
        subject=LINK,
        opened_at=START,
        last_seq=8,
        diagnosis=diagnosis(),
        runs={"INC-1-R1": run},
        approvals=(ask,),
    )


class Switches:
    """Knows of the pause that it was given."""

    def __init__(self, pause: Pause | None) -> None:
        self._pause = pause

    async def paused(self) -> Pause | None:
        """It."""
        return self._pause


class Steering:
    """Remembers what was wished of single runs."""

    def __init__(self, asked: list[tuple[str, ...]]) -> None:
        self._asked = asked

    async def skip(self, run: str, step: str, by: Person, why: str) -> Answer:
        """Remembers it."""
        self._asked.append(("skip", run, step, by.id, why))
        return Answer(done=True, message="skip done")

    async def retry(self, run: str, by: Person, step: str = "") -> Answer:
        """Remembers it."""
        self._asked.append(("retry", run, step, by.id))
        return Answer(done=True, message="retry done")


def owed_review() -> Review:
    """A drain that somebody in Slack let go ahead alone."""
    return Review(
        run="INC-1-R1",
        step="drain",
        title="Drain the node",
        by="slack:U1",
        reason="The ring is <down>.\nNobody answers.",
        roles=("security",),
        opened_at=START + 40,
    )


class Reviews:
    """Remembers how reviews came out."""

    def __init__(self, view: Incident, asked: list[tuple[str, ...]]) -> None:
        self._view, self._asked = view, asked

    async def owed(self) -> tuple[Review, ...]:
        """Those of the one incident."""
        return self._view.reviews

    async def close(self, run: str, step: str, by: Person, *, verdict: Verdict, note: str) -> Answer:
        """Refuses who owes it."""
        if any(each.by == by.id for each in self._view.reviews):
            return Answer(done=False, message=f"{by.name} broke the glass for {step}; somebody else must review it")
        self._asked.append(("review", run, step, by.id, verdict, note))
        return Answer(done=True, message="review closed")


class MemoryDesk:
    """Implements `bot.web.ports.Desk` over one incident and remembers what was asked of it."""

    def __init__(self, *, title: str = "Logical success on ams-rpt1 is falling", broken: bool = False) -> None:
        self.view = msgspec.structs.replace(waiting_incident(), title=title)
        self.asked: list[tuple[str, ...]] = []
        self.keys: set[str] = set()
        self.broken = broken
        self.pause: Pause | None = None

    @property
    def switches(self) -> Switches:
        """Whether it is paused."""
        return Switches(self.pause)

    @property
    def steering(self) -> Steering:
        """What it remembers of single runs."""
        return Steering(self.asked)

    @property
    def reviews(self) -> Reviews:
        """What it remembers of reviews."""
        return Reviews(self.view, self.asked)

    async def incidents(self, *, open_only: bool) -> tuple[Incident, ...]:
        """The one."""
        if self.broken:
            raise StoreUnavailableError("the database does not answer")
        return (self.view,) if self.view.is_open or not open_only else ()

    async def incident(self, id: str) -> Incident:  # noqa: A002
        """The one, or NotFoundError."""
        if id != self.view.id:
            raise NotFoundError(f"there is no incident {id}")
        return self.view

    async def events(self, id: str, after: int = 0) -> tuple[Event, ...]:  # noqa: A002
        """The first eight events of the story."""
        await self.incident(id)
        return events(8, title=self.view.title)[after:]

    async def _did(self, id_: str, *words: str) -> Answer:
        await self.incident(id_)
        self.asked.append(words)
        return Answer(done=True, message=f"{words[0]} done")

    async def acknowledge(self, id: str, by: Person) -> Answer:  # noqa: A002
        """Moves the state."""
        answer = await self._did(id, "acknowledge", by.id)
        self.view = msgspec.structs.replace(
            self.view, state="acknowledged", acknowledged_at=START + 20, acknowledged_by=by.id
        )
        return answer

    async def note(self, id: str, text: str, by: Person) -> Answer:  # noqa: A002
        """Remembers the note."""
        return await self._did(id, "note", by.id, text)

    async def resolve(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """Remembers it."""
        return await self._did(id, "resolve", by.id, why)

    async def run(
        self,
        id: str,  # noqa: A002
        by: Person,
        runbook: str | None = None,
        inputs: Mapping[str, Scalar] | None = None,
    ) -> Answer:
        """Remembers it."""
        given = (f"{name}={value!r}" for name, value in (inputs or {}).items())
        return await self._did(id, "run", by.id, runbook or "proposed", *given)

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Counts a key once and wants the right plan and role."""
        if plan_hash != "9f2c":
            return Answer(done=False, message="the plan has changed; look at it again")
        if "approver" not in by.roles:
            return Answer(done=False, message=f"{by.name} is not an approver")
        if key not in self.keys:
            self.keys.add(key)
            why = () if break_glass is None else (break_glass,)
            self.asked.append(("approve", run, step, by.id, *why))
        return Answer(done=True, message="approved")

    async def reject(self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str) -> Answer:
        """Remembers it."""
        del plan_hash, key
        self.asked.append(("reject", run, step, by.id))
        return Answer(done=True, message="rejected")

    async def guide(self, name: str) -> str | None:
        """One."""
        return "# Flood\n\nSwim.\n" if name == "flood" else None

    async def settle(self, run: str, step: str, by: Person, *, happened: bool, key: str) -> Answer:
        """Remembers it."""
        del key
        self.asked.append(("settle", run, step, by.id, "happened" if happened else "did not"))
        return Answer(done=True, message="settled")

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Remembers it."""
        self.asked.append(("abort", run, by.id, why))
        return Answer(done=True, message="stops")

    async def postmortem(self, id: str, format: Format) -> str:  # noqa: A002
        """The real report of the events so far."""
        return render(draft(await self.events(id), network=network(), at=START + 60), format)
