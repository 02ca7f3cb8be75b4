"""What the pages and the API ask of the bot."""

from collections.abc import Mapping
from typing import Literal, Protocol

from bot.model.event import Event
from bot.model.guard import Pause
from bot.model.guard_event import Verdict
from bot.model.incident import Incident
from bot.model.person import Answer, Person
from bot.model.run_inputs import Scalar


class Switches(Protocol):
    """What people throw for the whole of Bellhop."""

    async def paused(self) -> Pause | None:
        """The pause in force."""
        ...


class Steering(Protocol):
    """What people do to a single run beside stopping it."""

    async def skip(self, run: str, step: str, by: Person, why: str) -> Answer:
        """Pass over a step that has not begun, waits for its approval or only looks."""
        ...

    async def retry(self, run: str, by: Person, step: str = "") -> Answer:
        """Run it again from a step, or from where it ended."""
        ...


class Reviews(Protocol):
    """What is owed after one person let a step go ahead alone."""

    async def close(self, run: str, step: str, by: Person, *, verdict: Verdict, note: str) -> Answer:
        """Judge it."""
        ...


class Desk(Protocol):
    """What people may see and do; unknown ids raise NotFoundError, a store that is down StoreUnavailableError."""

    @property
    def switches(self) -> Switches:
        """What holds for all runs."""
        ...

    @property
    def steering(self) -> Steering:
        """What is done to single runs."""
        ...

    @property
    def reviews(self) -> Reviews:
        """What somebody else must look at afterwards."""
        ...

    async def incidents(self, *, open_only: bool) -> tuple[Incident, ...]:
        """All incidents, oldest first."""
        ...

    async def incident(self, id: str) -> Incident:  # noqa: A002 - the desk's own word
        """One incident."""
        ...

    async def events(self, id: str, after: int = 0) -> tuple[Event, ...]:  # noqa: A002
        """Its events behind `after`."""
        ...

    async def acknowledge(self, id: str, by: Person) -> Answer:  # noqa: A002
        """Somebody looks after it."""
        ...

    async def note(self, id: str, text: str, by: Person) -> Answer:  # noqa: A002
        """Write something down."""
        ...

    async def resolve(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """It is over."""
        ...

    async def run(
        self,
        id: str,  # noqa: A002
        by: Person,
        runbook: str | None = None,
        inputs: Mapping[str, Scalar] | None = None,
    ) -> Answer:
        """Start a runbook, with these inputs in place of its defaults."""
        ...

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Let a step go ahead; `break_glass` says why on one person's word alone."""
        ...

    async def reject(self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str) -> Answer:
        """Stop a step."""
        ...

    async def guide(self, name: str) -> str | None:
        """A playbook's text, None where there is none of that name."""
        ...

    async def settle(self, run: str, step: str, by: Person, *, happened: bool, key: str) -> Answer:
        """Say whether an act of which nobody knows was done."""
        ...

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Stop a run: an act under way is finished, a step that only looks or waits ends at once."""
        ...

    async def postmortem(self, id: str, format: Literal["md", "html", "json"]) -> str:  # noqa: A002
        """The drafted report."""
        ...
