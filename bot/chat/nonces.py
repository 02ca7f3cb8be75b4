"""Nonces kept in the store, so that a press counts once across restarts."""

from bot.clock import Clock
from bot.store import Store, Transaction


class _FreshError(Exception):
    """Takes the look back: the nonce stays unused."""


class StoredNonces:
    """Implements `bot.chat.ports.Nonces`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def is_used(self, nonce: str) -> bool:
        """Whether it has counted; looking writes nothing."""

        def look(transaction: Transaction) -> None:
            if transaction.use_nonce(nonce):
                raise _FreshError

        try:
            await self._store.transact(look)
        except _FreshError:
            return False
        return True

    async def use(self, nonce: str) -> bool:
        """Let it count; True the first time, False ever after."""
        at = self._clock.now()
        return await self._store.transact(lambda transaction: transaction.use_nonce(nonce, at))
