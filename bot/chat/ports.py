"""What chat asks of the bot."""

from collections.abc import Mapping
from typing import Literal, Protocol

from bot.model.diagnosis import Diagnosis
from bot.model.guard import Pause
from bot.model.guard_event import Verdict
from bot.model.incident import Incident, Review
from bot.model.maintenance import Maintenance
from bot.model.person import Answer, Person
from bot.model.run_inputs import Scalar
from bot.model.runbook import PlaybookInfo, RunbookInfo


class Switches(Protocol):
    """What people throw for the whole of Bellhop."""

    async def paused(self) -> Pause | None:
        """The pause in force."""
        ...

    async def pause(self, by: Person, reason: str) -> Answer:
        """Let no run act."""
        ...

    async def resume(self, by: Person) -> Answer:
        """Let runs act again."""
        ...

    async def reset(self, runbook: str, by: Person) -> Answer:
        """Switch a runbook on again after its failures."""
        ...


class Requests(Protocol):
    """What people ask for before anything is wrong."""

    def on_call(self) -> str:
        """Who is on call."""
        ...

    async def maintain(self, name: str, seconds: float, by: Person, reason: str) -> Answer:
        """Alerts of a link or node call nobody for a while."""
        ...

    async def end_maintenance(self, name: str, by: Person) -> Answer:
        """They do again."""
        ...

    async def maintenance(self) -> tuple[Maintenance, ...]:
        """The work that goes on now."""
        ...

    async def replenish(self, link: str, by: Person, *, key: str) -> Answer:
        """Fill a pool."""
        ...

    async def reroute(self, flow: str, by: Person, *, key: str, back: bool = False) -> Answer:
        """Move a flow, or bring it back."""
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

    async def owed(self) -> tuple[Review, ...]:
        """Every open one, oldest first."""
        ...

    async def close(self, run: str, step: str, by: Person, *, verdict: Verdict, note: str) -> Answer:
        """Judge it."""
        ...


class Desk(Protocol):
    """What people may see and do; unknown ids raise NotFoundError, a far side that is down UnavailableError."""

    @property
    def switches(self) -> Switches:
        """What holds for all runs."""
        ...

    @property
    def requests(self) -> Requests:
        """What nobody waits for an alert with."""
        ...

    @property
    def steering(self) -> Steering:
        """What is done to single runs."""
        ...

    @property
    def reviews(self) -> Reviews:
        """What somebody else must look at afterwards."""
        ...

    async def guide(self, name: str) -> str | None:
        """A playbook's text, None where there is none of that name."""
        ...

    async def person(self, id: str) -> Person:  # noqa: A002 - the desk's own word
        """Who this is, with roles."""
        ...

    async def incidents(self, *, open_only: bool) -> tuple[Incident, ...]:
        """All incidents, oldest first."""
        ...

    async def incident(self, id: str) -> Incident:  # noqa: A002
        """One incident."""
        ...

    async def runbooks(self) -> tuple[RunbookInfo, ...]:
        """Every runbook there is."""
        ...

    async def playbooks(self) -> tuple[PlaybookInfo, ...]:
        """Every guide for people there is."""
        ...

    async def diagnose(self, link: str) -> Diagnosis:
        """A fresh diagnosis of a link, written nowhere."""
        ...

    async def postmortem(self, id: str, format: Literal["md", "html", "json"]) -> str:  # noqa: A002
        """The report as it stands."""
        ...

    async def acknowledge(self, id: str, by: Person) -> Answer:  # noqa: A002
        """Somebody looks after it."""
        ...

    async def resolve(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """It is over."""
        ...

    async def note(self, id: str, text: str, by: Person) -> Answer:  # noqa: A002
        """Write something down."""
        ...

    async def escalate(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
        """Ask for more people."""
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

    async def abort(self, run: str, by: Person, why: str) -> Answer:
        """Stop a run: an act under way is finished, a step that only looks or waits ends at once."""
        ...

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Let a step go ahead; `break_glass` says why on one person's word alone."""
        ...

    async def reject(self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str) -> Answer:
        """Stop a step."""
        ...

    async def settle(self, run: str, step: str, by: Person, *, happened: bool, key: str) -> Answer:
        """Say whether an act happened of which nobody knows."""
        ...


class Nonces(Protocol):
    """What may count once only."""

    async def is_used(self, nonce: str) -> bool:
        """Whether it has counted."""
        ...

    async def use(self, nonce: str) -> bool:
        """Let it count; True the first time, False ever after."""
        ...
