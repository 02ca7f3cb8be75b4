"""What people ask for before anything is wrong: announced work, a fuller pool, another route."""

from collections.abc import Iterable

from bot.flow.facts import in_the_way
from bot.flow.journal import Journal
from bot.flow.moved import moved_to
from bot.flow.propose import Proposer
from bot.flow.switches import may_act, needs_role
from bot.flow.ways import way_of
from bot.incidents.grouping import related
from bot.incidents.title import one_line
from bot.model.event import IncidentOpened
from bot.model.maintenance import Maintenance
from bot.model.network import Network, Subject
from bot.model.person import Answer, Person
from bot.model.time import format_instant
from bot.rota import RotaSettings, on_call
from bot.store import NoticeRows, Transaction
from remediation.duration import format_duration
from remediation.errors import RemediationError

LONGEST_MAINTENANCE_S = 7 * 86400.0
_LONGEST_REASON = 200
_ASKED = {"replenish-link": "Replenish", "reroute-flow": "Reroute", "restore-flow": "Bring back"}


class Requests:
    """Writes maintenance, and runs what a person asks for in an incident of its own."""

    def __init__(
        self, *, journal: Journal, proposer: Proposer, network: Network, rota: RotaSettings | None = None
    ) -> None:
        self._rota = rota
        self._journal = journal
        self._proposer = proposer
        self._network = network

    def on_call(self) -> str:
        """Who is on call, and until when, in a line."""
        if self._rota is None:
            return "The configuration has no rota. To call for help: escalate the incident"
        who, then, until = on_call(self._rota, self._journal.clock.now())
        return f"{who} is on call until {format_instant(until)}; then {then}"

    async def maintain(self, name: str, seconds: float, by: Person, reason: str) -> Answer:
        """Alerts of a link or node call nobody for so many seconds from now; again: the new time counts."""
        subject = self._place(name)
        if subject is None:
            return self._unknown(name)
        if not may_act(by):
            return needs_role(by, f"announce work on {name}")
        if not 0 < seconds <= LONGEST_MAINTENANCE_S:
            longest = format_duration(LONGEST_MAINTENANCE_S)
            return Answer(done=False, message=f"maintenance lasts longer than nothing and at most {longest}")
        now = self._journal.clock.now()
        told = one_line(reason, _LONGEST_REASON)
        work = Maintenance(subject=subject, starts_at=now, ends_at=now + seconds, reason=told, by=by.id)
        await self._journal.store.transact(lambda transaction: NoticeRows(transaction).maintain(work))
        return Answer(done=True, message=f"{subject} is under maintenance until {format_instant(work.ends_at)}")

    async def end_maintenance(self, name: str, by: Person) -> Answer:
        """Alerts call people again; those that fired meanwhile and still do are raised."""
        subject = self._place(name)
        if subject is None:
            return self._unknown(name)
        if not may_act(by):
            return needs_role(by, f"end the work on {name}")
        place, now = subject, self._journal.clock.now()
        ended = await self._journal.store.transact(
            lambda transaction: NoticeRows(transaction).end_maintenance(place, at=now)
        )
        told = "is back: its alerts call people again" if ended else "is under no maintenance"
        return Answer(done=ended, message=f"{subject} {told}")

    async def maintenance(self) -> tuple[Maintenance, ...]:
        """The work that goes on now."""
        now = self._journal.clock.now()
        return await self._journal.store.read(lambda transaction: NoticeRows(transaction).maintenance(now))

    async def replenish(self, link: str, by: Person, *, key: str) -> Answer:
        """Fill the pool of a link."""
        if link not in self._network.links:
            return Answer(done=False, message=f"there is no link {link}; the network has {_some(self._network.links)}")
        return await self._ask("replenish-link", Subject(kind="link", id=link), by, key)

    async def reroute(self, flow: str, by: Person, *, key: str, back: bool = False) -> Answer:
        """Move a flow to its alternate route, or `back` to its home route, whoever had Bellhop move it."""
        known = self._network.flows.get(flow)
        if known is None:
            return Answer(done=False, message=f"there is no flow {flow}; the network has {_some(self._network.flows)}")
        if not known.alternates and not back:
            return Answer(done=False, message=f"the network file gives flow {flow} no alternate route")
        moved = await self._journal.store.read(lambda transaction: moved_to(transaction, flow))
        if back and moved is None:
            there = f"flow {flow} is on its home route already ({', '.join(known.route)}), by all that Bellhop did"
            return Answer(done=False, message=f"{there}; what was moved past Bellhop is moved back there")
        way = way_of(self._network, moved.action, moved.inputs) if moved is not None and not back else None
        if way is not None and way.links == known.alternates[0]:
            there = f"flow {flow} was moved to its alternate route before ({', '.join(way.links)})"
            return Answer(done=False, message=f"{there}; bring it back: bellhop reroute {flow} --back")
        subject = Subject(kind="flow", id=flow)
        return await self._ask("restore-flow" if back else "reroute-flow", subject, by, key)

    async def _ask(self, runbook: str, subject: Subject, by: Person, key: str) -> Answer:
        if not may_act(by):
            return needs_role(by, f"run {runbook}")
        title = f"{_ASKED[runbook]} {subject.id}, asked for by {by.name}"

        def place(transaction: Transaction) -> str:
            # An incident whose recovery is watched may close any moment; it takes no more runs.
            views = self._journal.open_views(transaction)
            open_ = [view for view in views if view.is_open and view.state != "monitoring"]
            here = [view.id for view in open_ if related(subject, view.subject, self._network)]
            if here:
                return here[0]
            if not transaction.use_nonce(f"request:{key}", self._journal.clock.now()):
                return ""
            body = IncidentOpened(title=one_line(title), severity="sev4", subject=subject, asked=True)
            return transaction.open_incident([self._journal.entry(body, key="opened", by=by.id, why="a person asked")])

        incident = await self._journal.store.transact(place)
        if not incident:
            return Answer(done=False, message="this was asked for before")
        try:
            found = await self._proposer.propose(
                incident,
                cause=f"asked:{key}",
                runbook=runbook,
                by=by.id,
                start=True,
                inputs={subject.kind: subject.id},
                unless=in_the_way,
            )
        except RemediationError as error:
            return Answer(done=False, message=f"{incident}: {error}")
        if found.over:
            return Answer(done=False, message=f"this was asked for before: {found.over}")
        return Answer(
            done=True, message=f"{found.run} ({runbook}) {'waits: ' + found.waits if found.waits else 'starts'}"
        )

    def _place(self, name: str) -> Subject | None:
        if name in self._network.links:
            return Subject(kind="link", id=name)
        return Subject(kind="node", id=name) if name in self._network.nodes else None

    def _unknown(self, name: str) -> Answer:
        some = _some([*self._network.links, *self._network.nodes])
        return Answer(done=False, message=f"there is no link or node {name}; the network has {some}")


def _some(names: Iterable[str]) -> str:
    known = sorted(names)
    return ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
