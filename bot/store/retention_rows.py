"""What the store may forget after a while, and what forbids it."""

from collections.abc import Collection

import sqlalchemy as sa

from bot.store.guard_tables import LOCKS
from bot.store.notice_tables import CHANGES, MAINTENANCE
from bot.store.tables import NONCES
from bot.store.transaction import Transaction


class RetentionRows:
    """Bookkeeping in a transaction. Events are not in here: nothing forgets them."""

    def __init__(self, transaction: Transaction) -> None:
        self._connection = transaction.connection

    def holding(self, runs: Collection[str]) -> frozenset[str]:
        """Those of `runs` that still hold a lock."""
        query = sa.select(LOCKS.c.run).where(LOCKS.c.run.in_(list(runs))).distinct()
        return frozenset(self._connection.execute(query).scalars())

    def forget(self, before: float) -> int:
        """Delete used nonces, announced changes and ended maintenance from before an instant, Unix s; how many."""
        old = (
            NONCES.delete().where(NONCES.c.used_at < before),
            CHANGES.delete().where(CHANGES.c.at < before),
            MAINTENANCE.delete().where(MAINTENANCE.c.ends_at < before),
        )
        return sum(self._connection.execute(statement).rowcount for statement in old)
