"""What this process asked for, by key: an act is asked for once, also when it is asked for twice at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from remediation.contract import Asked
from remediation.errors import ControllerError

RecordT = TypeVar("RecordT")
_KEPT = 10_000


class Once(Generic[RecordT]):
    """Remembers the newest keys with what is known of each; an act that could not be asked for is forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Asked, RecordT]] = OrderedDict()
        self._busy: dict[str, asyncio.Lock] = {}

    def get(self, key: str) -> tuple[Asked, RecordT] | None:
        """The act of this key and its record, where this process asked for it."""
        return self._known.get(key)

    async def ask(self, key: str, asked: Asked, asking: Callable[[], Awaitable[RecordT]]) -> None:
        """Do `asking` unless it was done under this key; raises ControllerError for another act under the same key."""
        lock = self._busy.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                self._check(key, asked)
                if key not in self._known:
                    self._remember(key, asked, await asking())
        finally:
            if not lock.locked():
                self._busy.pop(key, None)

    def found(self, key: str, asked: Asked, record: RecordT) -> None:
        """Note an act that the far side knows although this process never asked for it."""
        self._remember(key, asked, record)

    def _check(self, key: str, asked: Asked) -> None:
        known = self._known.get(key)
        if known is not None and known[0] != asked:
            message = f"the key {key} was used for another operation: {known[0].operation} on {known[0].target}"
            raise ControllerError(message, retryable=False, happened=False)

    def _remember(self, key: str, asked: Asked, record: RecordT) -> None:
        self._known[key] = (asked, record)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
