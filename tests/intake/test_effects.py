"""From the door through the inbox to incidents: one effect, however often and however delivered."""

import asyncio
import json
from typing import Any

from bot.clock import FastClock
from bot.errors import StoreUnavailableError
from bot.flow.intake import IntakeWorker
from bot.flow.journal import Journal
from bot.intake.counters import IntakeCounters
from bot.intake.inbox import Inbox, Row
from bot.model.event import SeverityChanged, StateChanged
from bot.store import Store, Transaction
from tests.intake.door import CAPTURED_AT, Door, captured
from tests.support.incident_story import network


class Bot:
    """The intake worker over a store, and the incidents that it asked for a response to."""

    def __init__(self, store: Store) -> None:
        clock = FastClock(start=CAPTURED_AT, speed=1.0)
        self.journal = Journal(store, clock)
        self.responded: list[str] = []
        self.published: list[tuple[str, str]] = []
        """(incident, cause) of each publication."""
        self.worker = IntakeWorker(
            journal=self.journal,
            network=network(),
            join_window_s=600.0,
            respond=self._respond,
            publish=self._publish,
            reconcile=None,
            counters=IntakeCounters(),
        )

    async def _respond(self, incident: str) -> None:
        self.responded.append(incident)

    def _publish(self, transaction: Transaction, *, incident: str, cause: str) -> None:
        self.published.append((incident, cause))

    async def told(self) -> list[tuple[str, str, int, int]]:
        """(id, state, alerts, alerts still firing) of every incident, once the inbox is empty."""
        while await self.worker.work_once():
            pass
        views = await self.journal.incidents(open_only=False)
        return [(view.id, view.state, len(view.alerts), len(view.firing)) for view in views]


def body(name: str) -> bytes:
    """A captured body as bytes."""
    return json.dumps(captured(name)).encode()


async def test_the_same_delivery_twice_has_one_effect(door: Door) -> None:
    """Twice at once, again before and again after it was worked on: one incident, one response."""
    bot = Bot(door.store)
    answers = await asyncio.gather(*(door.post(body("firing_bearer")) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert await bot.told() == [("INC-1", "triggered", 2, 2)]
    assert (await door.post(body("firing_bearer"))).status_code == 200
    assert await bot.told() == [("INC-1", "triggered", 2, 2)]
    assert bot.responded == ["INC-1"]


async def test_a_pair_of_alertmanagers_that_both_deliver_has_one_effect(door: Door) -> None:
    """The same alerts in other bytes, from a second sender: the episodes are known."""
    bot = Bot(door.store)
    twin: dict[str, Any] = captured("firing_bearer") | {"externalURL": "http://alertmanager-2.example:9093"}
    await door.post(body("firing_bearer"))
    await door.post(json.dumps(twin).encode())
    assert len(await door.stored()) == 2
    assert await bot.told() == [("INC-1", "triggered", 2, 2)]


async def test_alerts_end_one_by_one_and_with_the_last_the_incident(door: Door) -> None:
    """As captured: firing, one of two resolved while the group fires on, then the other; repeats change nothing."""
    bot = Bot(door.store)
    seen = []
    for name in ("firing_bearer", "partial_resolve", "partial_resolve", "resolved", "firing_bearer"):
        assert (await door.post(body(name))).status_code == 200
        seen += await bot.told()
    firing, one_over, over = (("INC-1", "triggered", 2, left) for left in (2, 1, 0))
    assert seen == [firing, one_over, one_over, (*over[:1], "resolved", *over[2:]), (*over[:1], "resolved", *over[2:])]
    (resolved,) = [each.seq for each in await bot.journal.events("INC-1") if isinstance(each.body, StateChanged)]
    assert bot.published == [("INC-1", f"INC-1:{resolved - 1}")]


async def test_an_alert_that_joins_makes_its_incident_worse_and_none_makes_it_better(door: Door) -> None:
    """Labels rise from info to critical, on a link of a critical flow, and back: each rise is told with its reason."""
    bot = Bot(door.store)
    for number, word in enumerate(("info", "warning", "critical", "info")):
        message = captured("firing_bearer")
        message["alerts"] = message["alerts"][:1]
        message["alerts"][0]["labels"]["severity"] = word
        message["alerts"][0]["fingerprint"] = f"{number:016x}"
        assert (await door.post(json.dumps(message).encode())).status_code == 200
        await bot.told()
    (view,) = await bot.journal.incidents(open_only=True)
    bodies = [event.body for event in await bot.journal.events(view.id)]
    rises = [(body.before, body.after) for body in bodies if isinstance(body, SeverityChanged)]
    assert (rises, view.severity, len(view.alerts)) == ([("sev4", "sev3"), ("sev3", "sev1")], "sev1", 4)


async def test_bodies_that_arrive_together_are_committed_together(store: Store) -> None:
    """While one commit is under way the others gather: 200 bodies in far fewer commits, in order, each on disk."""
    commits: list[int] = []

    class Counting:
        async def transact(self, work: Any) -> int:
            def counted(transaction: Transaction) -> int:
                new: int = work(transaction)
                commits.append(new)
                return new

            return await store.transact(counted)

    inbox = Inbox(Counting())
    await asyncio.gather(*(inbox.put("alertmanager", b"%d" % number, received_at=1.0) for number in range(200)))
    rows = await store.read(lambda transaction: transaction.inbox_take(1000))
    assert [row.body for row in rows] == [b"%d" % number for number in range(200)]
    assert sum(commits) == 200
    assert len(commits) <= 2


class Stuck:
    """A sink whose commits wait, then fail in the way it is told."""

    def __init__(self, fails: Exception) -> None:
        self.fails = fails
        self.go_on = asyncio.Event()

    async def transact(self, work: Any) -> int:
        """Wait, and fail."""
        work(self)
        await self.go_on.wait()
        raise self.fails

    def inbox_put(self, rows: list[Row]) -> int:
        """Take the rows nowhere."""
        return len(rows)


async def test_too_many_waiting_bodies_are_refused_with_a_time_to_come_back() -> None:
    """Back-pressure instead of memory: 64 MiB wait for the store, the next body is turned away; then all end."""
    sink = Stuck(StoreUnavailableError("the disk is full"))
    inbox = Inbox(sink)
    puts = [asyncio.create_task(inbox.put("a", bytes([n]) * (1 << 20), received_at=1.0)) for n in range(66)]
    done, _ = await asyncio.wait(puts, return_when=asyncio.FIRST_COMPLETED)
    refused = [task.exception() for task in done]
    assert [type(error) for error in refused] == [StoreUnavailableError] * len(refused)
    assert [error.retry_after for error in refused if isinstance(error, StoreUnavailableError)] == [1.0] * len(refused)
    assert len(refused) == 2
    sink.go_on.set()
    ends = await asyncio.gather(*puts, return_exceptions=True)
    assert {str(end) for end in ends} == {"too many deliveries wait for the store", "the disk is full"}


async def test_no_request_hangs_when_the_inbox_breaks() -> None:
    """A fault that nobody foresaw reaches every request that waits; the next body starts the inbox again."""
    sink = Stuck(ZeroDivisionError("a fault"))
    inbox = Inbox(sink)
    sink.go_on.set()
    for _ in range(2):
        async with asyncio.timeout(10):
            ends = await asyncio.gather(
                *(inbox.put("a", b"%d" % n, received_at=1.0) for n in range(3)), return_exceptions=True
            )
        assert [str(end) for end in ends] == ["a fault"] * 3
