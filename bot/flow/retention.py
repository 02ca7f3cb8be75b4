"""What is forgotten, and when: workflows of incidents long closed, and bookkeeping that nobody asks for any more.

The events of incidents are kept for ever, and so is what guards count: runs, ledger and modes. SQLite gives the
space of what was deleted to what is written next, so that its file stops growing; only VACUUM makes it smaller.
"""

import asyncio
import contextlib
from functools import partial

from bot.clock import Clock
from bot.errors import StoreUnavailableError
from bot.flow.durable import DurableWorker
from bot.flow.respond import RESPOND_WORKFLOW
from bot.store import Store, Transaction
from bot.store.retention_rows import RetentionRows

LOOK_EVERY_S = 3600.0
_BATCH = 200
"""So many workflows are deleted in one commit; between two of them others write."""


class Retention:
    """Forgets once an hour."""

    def __init__(self, *, store: Store, worker: DurableWorker, keep_s: float, clock: Clock) -> None:
        self._store = store
        self._worker = worker
        self._keep_s = keep_s
        self._clock = clock

    async def work(self) -> None:
        """Go on until cancelled; a store that is down is waited for."""
        while True:
            with contextlib.suppress(StoreUnavailableError):
                await self.forget()
            await asyncio.sleep(LOOK_EVERY_S)

    async def forget(self) -> int:
        """Delete what is older than the time to keep it; how many workflows that were."""
        before = self._clock.now() - self._keep_s
        await self._store.transact(lambda transaction: RetentionRows(transaction).forget(before))
        deleted = passed = 0
        while found := await self._worker.ended(before=before, limit=_BATCH, offset=passed):
            old = await self._store.read(partial(_forgettable, workflows=found))
            await self._worker.delete(old)
            deleted, passed = deleted + len(old), passed + len(found) - len(old)
        return deleted


def _forgettable(transaction: Transaction, workflows: tuple[str, ...]) -> tuple[str, ...]:
    """Those that belong to no open incident and hold nothing."""
    open_ = frozenset(transaction.incident_ids(open_only=True))
    holding = RetentionRows(transaction).holding(workflows)
    return tuple(each for each in workflows if _incident_of(each) not in open_ and each not in holding)


def _incident_of(workflow: str) -> str:
    """INC-7 for INC-7-R2 and for respond:INC-7."""
    return workflow.removeprefix(f"{RESPOND_WORKFLOW}:").partition("-R")[0]
