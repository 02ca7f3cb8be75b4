"""The switches that people throw for the whole of Bellhop, whichever door they come through."""

from bot.flow.approving import against_role
from bot.flow.blast import is_place
from bot.flow.durable import DurableClient, Json
from bot.flow.journal import Journal
from bot.flow.modes import Modes
from bot.flow.pausing import Pausing
from bot.flow.promoting import standing_proposal
from bot.incidents.title import one_line
from bot.model.guard import MODES, LedgerLine, Mode, Pause
from bot.model.network import Network
from bot.model.person import Answer, Person
from bot.store import GuardRows, Transaction
from remediation.errors import RemediationError
from remediation.load import Library

_LOOKING_ROLE = "viewer"
_LONGEST_REASON = 200


class Switches:
    """Pause and resume all acts; switch a runbook on again after its failures; let one do more by itself."""

    def __init__(
        self,
        *,
        journal: Journal,
        client: DurableClient,
        pausing: Pausing,
        modes: Modes,
        library: Library,
        network: Network,
    ) -> None:
        self._journal = journal
        self._client = client
        self._pausing = pausing
        self._modes = modes
        self._library = library
        self._network = network

    async def paused(self) -> Pause | None:
        """The pause in force."""
        return await self._journal.store.read(self._pausing.now)

    async def pause(self, by: Person, reason: str) -> Answer:
        """Let no run act from now on; what is under way at a controller ends there."""
        if not may_act(by):
            return needs_role(by, "pause Bellhop")

        def throw(transaction: Transaction) -> Answer:
            rows = GuardRows(transaction)
            known = rows.paused()
            if known is not None:
                return Answer(done=False, message=f"Bellhop is paused before: {known}")
            rows.pause(by=by.id, reason=reason.strip()[:_LONGEST_REASON], at=self._journal.clock.now())
            going = self._going(transaction)
            runs = f"{', '.join(going)} stop{'s' if len(going) == 1 else ''} before the next act" if going else ""
            return Answer(done=True, message=f"Bellhop is paused: {runs or 'no run is under way'}")

        return await self._journal.store.transact(throw)

    async def resume(self, by: Person) -> Answer:
        """Let runs go on; those that stand still are woken."""
        if not may_act(by):
            return needs_role(by, "resume Bellhop")

        def throw(transaction: Transaction) -> Answer:
            was = GuardRows(transaction).resume(by=by.id, at=self._journal.clock.now())
            if (file := self._pausing.by_file()) is not None:
                return Answer(done=False, message=f"Bellhop stays {file}; remove that file")
            if not was:
                return Answer(done=False, message="Bellhop is not paused")
            for run in self._going(transaction):
                message: Json = {"kind": "resume", "by": by.id}
                self._client.send(transaction, run=run, message=message, key=f"resume:{self._journal.clock.now()}")
            return Answer(done=True, message="Bellhop goes on")

        return await self._journal.store.transact(throw)

    async def reset(self, runbook: str, by: Person) -> Answer:
        """Forget, for its breaker, that the runbook's last runs went wrong."""
        if not may_act(by):
            return needs_role(by, "reset a runbook")
        try:
            self._library.get(runbook)
        except RemediationError as error:
            return Answer(done=False, message=str(error))
        now = self._journal.clock.now()
        await self._journal.store.transact(lambda transaction: GuardRows(transaction).reset(runbook, by=by.id, at=now))
        return Answer(done=True, message=f"{runbook} may run again; its failures up to now count no more")

    async def promote(self, runbook: str, target: str, by: Person, why: str = "") -> Answer:
        """Let a runbook do one step more by itself on a target, such as link:ams-rtm.

        Only where the ledger proposes just that it goes without saying why; the reason is kept beside the new mode.
        """
        if refusal := against_role(by, (), f"promote {one_line(runbook)}"):
            return Answer(done=False, message=refusal)
        try:
            self._library.get(runbook)
        except RemediationError as error:
            return Answer(done=False, message=str(error))
        if not is_place(self._network, target):
            return Answer(done=False, message=f"there is no {target}; targets are named like link:ams-rtm or node:utr")

        reason = one_line(why, _LONGEST_REASON)

        def move(transaction: Transaction) -> Answer:
            now = self._modes.now(transaction, runbook, target)
            if now == MODES[-1]:
                return Answer(done=False, message=f"{runbook} on {target} is {now} already")
            proposed = reason or standing_proposal(transaction, self._modes, runbook, target)
            if not proposed:
                told = f"the ledger proposes no promotion of {runbook} on {target} from {now}; say why: --why REASON"
                return Answer(done=False, message=told)
            before, after = self._modes.move(
                transaction, runbook, target, steps=1, by=by.id, why=proposed, at=self._journal.clock.now()
            )
            return Answer(done=True, message=f"{runbook} on {target}: {before} → {after}; {proposed}")

        return await self._journal.store.transact(move)

    async def ledger(self, runbook: str | None = None) -> tuple[LedgerLine, ...]:
        """Predicted beside measured, of one runbook or all, oldest first."""
        return await self._journal.store.read(lambda transaction: GuardRows(transaction).ledger(runbook))

    async def mode(self, runbook: str, target: str) -> Mode:
        """How far a runbook may go on a target."""
        return await self._journal.store.read(lambda transaction: self._modes.now(transaction, runbook, target))

    def _going(self, transaction: Transaction) -> list[str]:
        """The runs that have begun and not ended."""
        views = self._journal.views_beside(transaction)
        return [run.run for view in views for run in view.runs.values() if run.is_running]


def may_act(by: Person) -> bool:
    """Whether a person has any role but that of looking."""
    return any(role != _LOOKING_ROLE for role in by.roles)


def needs_role(by: Person, wish: str) -> Answer:
    """The refusal for somebody without a role."""
    return Answer(done=False, message=f"{by.name} needs a role to {wish}: the configuration gives roles to people")
