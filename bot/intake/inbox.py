"""Group commit: bodies that arrive together are committed together, each answered only after its commit."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from bot.errors import StoreUnavailableError

Row = tuple[str, float, str, bytes]
"""(source, received_at, digest, body)."""
Waiting = tuple[Row, asyncio.Future[None]]
"""A body, and what its door waits for."""
KEEP_S = 7 * 86400.0
"""How long handled bodies are remembered: so long the same one again has no effect."""
_MOST_WAITING = 10_000
_MOST_WAITING_BYTES = 64 << 20
_MOST_IN_ONE_COMMIT = 1000


class Sink(Protocol):
    """What the inbox needs of the store."""

    async def transact(self, work: Callable[[Any], int]) -> int:
        """Commit once; raises StoreUnavailableError."""
        ...


class Inbox:
    """Takes bodies from the doors and puts them on disk."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._size = 0
        self._waiting: list[Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, source: str, body: bytes, *, received_at: float) -> None:
        """Return once the body is on disk; the same body again is on disk already.

        Raises StoreUnavailableError when the store refuses or too many bodies wait, and any fault of the commit.
        """
        if len(self._waiting) >= _MOST_WAITING or self._size + len(body) > _MOST_WAITING_BYTES:
            raise StoreUnavailableError("too many deliveries wait for the store", retry_after=1.0)
        digest = hashlib.sha256(source.encode() + b"\0" + body).hexdigest()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._size += len(body)
        self._waiting.append(((source, received_at, digest, body), done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="inbox")
        await done

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_IN_ONE_COMMIT], self._waiting[_MOST_IN_ONE_COMMIT:]
            self._size -= sum(len(row[3]) for row, _ in batch)
            try:
                await self._keep([row for row, _ in batch])
            except asyncio.CancelledError:
                _refuse(batch + self._waiting, StoreUnavailableError("the inbox has stopped"))
                raise
            except Exception as error:  # noqa: BLE001 - every request that waits for this commit raises it
                _refuse(batch, error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def _keep(self, rows: list[Row]) -> None:
        await self._sink.transact(lambda transaction: transaction.inbox_put(rows))


def _refuse(batch: list[Waiting], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
