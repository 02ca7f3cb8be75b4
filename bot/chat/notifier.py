"""Tells incidents in chat. The event log is the outbox: nothing is lost while Slack is down, and all comes in order."""

import asyncio
import functools
import logging
from collections.abc import Sequence

import msgspec

from bot.chat.blocks import incident_blocks, incident_text
from bot.chat.client import SlackClient, SlackRefusedError
from bot.chat.lines import is_loud, thread_line
from bot.chat.recovery import Finder, metadata
from bot.chat.text import cut, sections
from bot.errors import ChatUnavailableError, StoreUnavailableError
from bot.incidents.replay import apply, replay
from bot.model.chat import ChatThread
from bot.model.event import Event
from bot.model.incident import Incident
from bot.store import Store, Transaction

log = logging.getLogger(__name__)
replace = msgspec.structs.replace

_LONGEST = 2900
_PAGE = 100
"""So many events are read at a time to be told, so that a try that breaks off has not read a night's events."""
_KEPT = 500
"""So many incidents are kept at hand; one beyond is read from its beginning when it goes on."""
_GONE = frozenset({"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"})


class Notifier:
    """Keeps one message per incident up to date and tells its events in the thread, once each.

    Progress is saved after each call. Before the first call an empty thread is saved: whoever finds one must
    look whether the message is there. `recheck` and `longest_wait` are real seconds.
    """

    def __init__(
        self,
        *,
        store: Store,
        client: SlackClient,
        channel: str,
        recheck: float = 5.0,
        first_wait: float = 1.0,
        longest_wait: float = 60.0,
    ) -> None:
        self._store = store
        self._client = client
        self._channel = channel
        self._recheck = recheck
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._finder = Finder(client)
        self._sure: set[str] = set()
        """Incidents of which this process knows that nothing was told beyond what is saved."""
        self._views: dict[str, Incident] = {}
        """Incidents as of the last event read, the one looked at longest ago first."""

    async def work(self) -> None:
        """Tell whatever is new, for ever; Slack or the store being away only delays it."""
        wait = self._first_wait
        while True:
            change = asyncio.create_task(self._store.wait_for_change(self._recheck))
            try:
                await asyncio.sleep(0)
                await self.catch_up()
                wait = self._first_wait
                await change
            except (ChatUnavailableError, StoreUnavailableError, SlackRefusedError) as error:
                asked = error.retry_after if isinstance(error, ChatUnavailableError) else None
                log.warning("chat falls behind, next try in %.0f s: %s", asked or wait, error)
                await asyncio.sleep(asked or wait)
                wait = min(2 * wait, self._longest_wait)
            finally:
                change.cancel()

    async def catch_up(self) -> None:
        """Tell everything that is behind now: first that an incident exists, then what happened to it.

        Raises ChatUnavailableError at once; an incident that Slack refuses does not hold up the others, its
        SlackRefusedError is raised at the end.
        """
        behind = await self._store.read(_waiting)
        refused: SlackRefusedError | None = None
        for incident in behind:
            try:
                await self._show(incident)
            except SlackRefusedError as error:
                refused = error
        for incident in behind:
            try:
                await self._tell(incident)
            except SlackRefusedError as error:
                await self._forget_if_gone(incident, error)
                refused = error
        if refused is not None:
            raise refused

    async def _show(self, incident: str) -> None:
        view, thread = await self._look(incident)
        if thread is None:
            thread = await self._save(incident, ChatThread(channel=self._channel))
            self._sure.add(incident)
        elif not thread.ts:
            thread = await self._save(incident, await self._finder.message(view, thread))
        if not thread.ts:
            await self._save(incident, await self._post(view, thread))
        elif thread.shown_seq < view.last_seq:
            await self._update(view, thread)

    async def _post(self, view: Incident, thread: ChatThread) -> ChatThread:
        channel, ts = await self._client.post(
            thread.channel, incident_text(view), incident_blocks(view), metadata=metadata(view, view.last_seq)
        )
        return replace(thread, channel=channel, ts=ts, shown_seq=view.last_seq)

    async def _update(self, view: Incident, thread: ChatThread) -> None:
        about = metadata(view, view.last_seq)
        try:
            await self._client.update(
                thread.channel, thread.ts, incident_text(view), incident_blocks(view), metadata=about
            )
        except SlackRefusedError as error:
            await self._forget_if_gone(view.id, error)
            raise
        await self._save(view.id, replace(thread, shown_seq=view.last_seq))

    async def _tell(self, incident: str) -> None:
        view, thread = await self._look(incident)
        if thread is None or not thread.ts or thread.told_seq >= view.last_seq:
            return
        if incident not in self._sure:
            thread = await self._save(incident, await self._finder.told(view, thread))
            self._sure.add(incident)
        while thread.told_seq < view.last_seq and (page := await self._behind(incident, thread.told_seq)):
            for batch in batches(page):
                thread = await self._tell_batch(view, thread, batch)

    async def _tell_batch(self, view: Incident, thread: ChatThread, batch: Sequence[Event]) -> ChatThread:
        lines = [line for event in batch if (line := thread_line(event)) is not None]
        last = batch[-1].seq
        if lines:
            self._sure.discard(view.id)
            await self._client.post(
                thread.channel,
                cut("\n".join(lines), _LONGEST),
                sections(cut(line, _LONGEST) for line in lines),
                metadata=metadata(view, last),
                thread=thread.ts,
                loud=any(map(is_loud, batch)),
            )
            self._sure.add(view.id)
        return await self._save(view.id, replace(thread, told_seq=last))

    async def _forget_if_gone(self, incident: str, error: SlackRefusedError) -> None:
        """Somebody deleted the message: the next round posts another."""
        thread = await self._store.read(lambda transaction: transaction.thread(incident))
        if error.code in _GONE and thread is not None:
            await self._save(incident, replace(thread, ts="", shown_seq=0))

    async def _look(self, incident: str) -> tuple[Incident, ChatThread | None]:
        """The incident as it stands, from the view at hand and the events behind it; and how far it has been told.

        Events have no gaps and are seen in order, so the number of the last one says what is new, whoever wrote it.
        """
        known = self._views.get(incident)

        def work(transaction: Transaction) -> tuple[Incident, ChatThread | None]:
            events = transaction.events(incident, known.last_seq if known else 0)
            return _moved_on(known, events), transaction.thread(incident)

        view, thread = await self._store.read(work)
        self._views.pop(incident, None)
        self._views[incident] = view
        if len(self._views) > _KEPT:
            del self._views[next(iter(self._views))]
        return view, thread

    async def _behind(self, incident: str, told: int) -> tuple[Event, ...]:
        return await self._store.read(lambda transaction: transaction.events(incident, told, most=_PAGE))

    async def _save(self, incident: str, thread: ChatThread) -> ChatThread:
        await self._store.transact(lambda transaction: transaction.save_thread(incident, thread))
        return thread


def batches(events: Sequence[Event], *, most: int = 20) -> list[list[Event]]:
    """Events in order, together as far as one message holds; one that the channel must hear stands alone."""
    packed: list[list[Event]] = []
    room = 0
    for event in events:
        size = len(thread_line(event) or "") + 1
        alone = is_loud(event) or bool(packed and is_loud(packed[-1][-1]))
        if not packed or alone or size > room or len(packed[-1]) >= most:
            packed.append([])
            room = _LONGEST
        packed[-1].append(event)
        room -= size
    return packed


def _moved_on(view: Incident | None, events: Sequence[Event]) -> Incident:
    return replay(events) if view is None else functools.reduce(apply, events, view)


def _waiting(transaction: Transaction) -> list[str]:
    """Incidents to tell; those without a message first: that one exists matters most."""
    threads = [(incident, transaction.thread(incident)) for incident in transaction.threads_behind()]
    return [incident for incident, thread in sorted(threads, key=lambda each: bool(each[1] and each[1].ts))]
