"""Group commit: bodies that arrive together are committed together, each answered only after its commit."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from bot.errors import StoreUnavailableError

Row = tuple[str, float, str, bytes]
"""(source, received_at, digest, body)."""
_MOST_WAITING = 10_000
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
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, source: str, body: bytes, *, received_at: float) -> None:
        """Return once the body is on disk; the same body again is on disk already.

        Raises StoreUnavailableError when the store refuses or too many bodies wait.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise StoreUnavailableError("too many deliveries wait for the store", retry_after=1.0)
        digest = hashlib.sha256(source.encode() + b"\0" + body).hexdigest()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((source, received_at, digest, body), done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="inbox")
        await done

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_IN_ONE_COMMIT], self._waiting[_MOST_IN_ONE_COMMIT:]
            rows = [row for row, _ in batch]
            try:
                await self._sink.transact(lambda transaction, rows=rows: transaction.inbox_put(rows))  # type: ignore[misc]
            except StoreUnavailableError as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
