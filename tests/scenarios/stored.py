"""What a store holds about an incident, read beside the bot that writes it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.clock import SystemClock
from bot.flow.journal import Journal
from bot.model.event import Event, StateChanged
from bot.model.incident import Incident
from bot.model.step_event import StepStarted
from bot.store import Store
from remediation.contract import Risk
from remediation.registry import ACTIONS
from tests.support.postgres import password_of

Body = TypeVar("Body")
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Stored:
    """One incident: its view, and the events that it is derived from."""

    view: Incident
    events: tuple[Event, ...]

    def bodies(self, kind: type[Body]) -> list[Body]:
        """The bodies of one kind, in order."""
        return [event.body for event in self.events if isinstance(event.body, kind)]

    @property
    def states(self) -> list[str]:
        """The states that it went through."""
        return [body.after for body in self.bodies(StateChanged)]

    @property
    def acts(self) -> list[str]:
        """The actions that were begun, those left out that only look or tell."""
        return [body.action for body in self.bodies(StepStarted) if ACTIONS[body.action].risk is not Risk.READ]

    def account(self) -> str:
        """Every event on a line, for a test that waited in vain."""
        return "\n".join(f"{event.seq} {event.body}"[:300] for event in self.events)


class Watch:
    """Looks at a store as often as it takes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._journal = Journal(store, SystemClock())

    async def all(self) -> list[Stored]:
        """Every incident, in the order they were opened."""
        views = await self._journal.incidents(open_only=False)
        return [Stored(view, await self._journal.events(view.id)) for view in views]

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()

    async def until(self, condition: Callable[[Stored], object], *, within_s: float = 90.0) -> Stored:
        """The only incident, once the condition holds of it; AssertionError with its story after `within_s`."""
        found: list[Stored] = []

        async def look() -> Stored | None:
            nonlocal found
            found = await self.all()
            return found[0] if found and condition(found[0]) else None

        stored = await until(look, within_s=within_s, account=lambda: _account(found))
        assert len(found) == 1, _account(found)
        return stored


async def opened(url: str) -> Watch:
    """Watch the store at a URL; its tables are made when they are not there."""
    store = Store(url, password_of(url))
    await store.open()
    return Watch(store)


async def until(
    look: Callable[[], Awaitable[Body | None]], *, within_s: float, account: Callable[[], str] = lambda: ""
) -> Body:
    """What `look` finds as soon as it finds something; AssertionError after `within_s` real seconds."""
    try:
        async with asyncio.timeout(within_s):
            while (found := await look()) is None:  # noqa: ASYNC110 - another process fires no event here
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise AssertionError(f"not so within {within_s:g} s; {account()}") from None
    return found


def _account(found: Sequence[Stored]) -> str:
    return "\n".join(f"{each.view.id} is {each.view.state}\n{each.account()}" for each in found) or "no incident"
