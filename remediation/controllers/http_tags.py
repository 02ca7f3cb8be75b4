"""Which version of a target an act goes by: the ETag of the state that it read, fit to be sent as If-Match."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from remediation.contract import Target
from remediation.errors import ControllerError

_WEAK = "W/"
_LOOKS = 2
_PAUSE_S = 0.6
"""File servers mark the tag of what changed within the last second as weak: two pauses outlast that."""


class SeenTags:
    """What each task read last of each target, so that an act changes what it looked at or nothing."""

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[asyncio.Task[Any], dict[Target, str]] = WeakKeyDictionary()

    def saw(self, target: Target, tag: str | None) -> None:
        """This task has read the target now."""
        seen = self._of_this_task()
        seen.pop(target, None)
        if tag is not None:
            seen[target] = tag

    def take(self, target: Target) -> str | None:
        """The tag that this task read, once: after an act another look is due."""
        return self._of_this_task().pop(target, None)

    def _of_this_task(self) -> dict[Target, str]:
        task = asyncio.current_task()
        return {} if task is None else self._seen.setdefault(task, {})


async def strong_tag(tag: str | None, read: Callable[[], Awaitable[str | None]], what: str) -> str:
    """A tag that If-Match can hold against: `tag`, or what `read` gives once it is not weak any longer.

    Raises ControllerError where there is none, where it stays weak, and where the target is another by then.
    """
    last = tag
    for _ in range(_LOOKS):
        if last is None or not last.startswith(_WEAK):
            break
        await asyncio.sleep(_PAUSE_S)
        last = await read()
        if last is not None and last.removeprefix(_WEAK) != str(tag).removeprefix(_WEAK):
            message = f"{what}: it was changed meanwhile, look at it before asking again"
            raise ControllerError(message, retryable=False, happened=False)
    if last is None:
        message = f"{what}: the state has no usable ETag; leave if_match out of the mapping"
        raise ControllerError(message, retryable=False, happened=False)
    if last.startswith(_WEAK):
        message = f"{what}: the state has only a weak ETag, which If-Match cannot use; ask again, or leave if_match out"
        raise ControllerError(message, retryable=True, happened=False)
    return last
