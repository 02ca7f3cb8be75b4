"""What guards remember: locks, runs, pauses, resets, outages, modes and the ledger, on each database."""

import asyncio

from bot.model.guard import Compared, LedgerLine, ModeRow, Outage, RunRow
from bot.store import GuardRows, Store, Transaction
from tests.support.postgres import password_of

AT = 1_767_614_400.0
LINKS = ("link:a", "link:b")


def taken(transaction: Transaction, run: str) -> bool:
    """Take both links unless somebody holds one, as a guard does."""
    rows = GuardRows(transaction)
    rows.turn()
    if rows.held(LINKS):
        return False
    rows.take(LINKS, run=run, runbook="book", at=AT)
    return True


async def test_of_several_servers_one_gets_a_lock_until_it_gives_it_back(store: Store, url: str) -> None:
    """Eight runs at once through two stores; what is held names its holder."""
    second = Store(url, password_of(url))
    await second.open()
    work = [each.transact(lambda transaction, run=f"R{at}": taken(transaction, run)) for at, each in enumerate((store, second) * 4)]  # fmt: skip  # noqa: E501
    got = await asyncio.gather(*work)
    assert sorted(got) == [False] * 7 + [True]
    held = await store.read(lambda transaction: GuardRows(transaction).held())
    assert [(each.resource, each.run) for each in held] == [(link, f"R{got.index(True)}") for link in LINKS]
    await second.transact(lambda transaction: GuardRows(transaction).release(held[0].run))
    assert await store.transact(lambda transaction: taken(transaction, "R9"))
    await second.close()


async def test_a_pause_lasts_until_somebody_resumes(store: Store) -> None:
    """A second pause changes nothing, and neither does a second resume."""

    def story(transaction: Transaction) -> list[object]:
        rows = GuardRows(transaction)
        told: list[object] = [rows.paused(), rows.pause(by="a", reason="why", at=AT)]
        told += [rows.pause(by="b", reason="", at=AT), str(rows.paused())]
        return [*told, rows.resume(by="b", at=AT + 1), rows.resume(by="b", at=AT + 2), rows.paused()]

    assert await store.transact(story) == [None, True, False, "paused by a: why", True, False, None]


async def test_a_runbooks_last_runs_are_those_since_its_reset(store: Store) -> None:
    """Latest first, with their results; another runbook's are not among them."""

    def story(transaction: Transaction) -> list[list[tuple[str, str]]]:
        rows = GuardRows(transaction)
        for at, (run, book) in enumerate([("R1", "x"), ("R2", "y"), ("R3", "x"), ("R3", "x")]):
            rows.began(RunRow(run=run, runbook=book, target="link:a", started_at=AT + at))
        rows.ended("R1", "failed")
        before = rows.last_runs("x", 10)
        rows.reset("x", by="a", at=AT + 1)
        found = (before, rows.last_runs("x", 10), rows.runs_since(AT + 1))
        return [[(row.run, row.result) for row in each] for each in found]

    assert await store.transact(story) == [
        [("R3", ""), ("R1", "failed")],
        [("R3", "")],
        [("R2", ""), ("R3", "")],
    ]


async def test_outages_modes_and_the_ledger_come_back_as_they_were_written(store: Store) -> None:
    """The first line of a run stays; the last mode of a runbook on a target counts."""
    quantity = Compared(quantity="q", unit="1", before=None, predicted=0.5, measured=0.4, low=0.3, high=0.6)
    line = LedgerLine(run="R1", runbook="x", target="link:a", at=AT, verdict="match", reason="", quantities=(quantity,))
    row = ModeRow(runbook="x", target="link:a", mode="suggest", configured="auto", at=AT, by="a", why="")

    def story(transaction: Transaction) -> None:
        rows = GuardRows(transaction)
        for run in ("R1", "R2"):
            rows.take_out(Outage(place="link:a", run=run, action="link.realign"))
        rows.write(line)
        rows.write(LedgerLine(run="R1", runbook="x", target="link:a", at=AT, verdict="miss", reason="again"))
        rows.set_mode(ModeRow(runbook="x", target="link:a", mode="observe", configured="auto", at=AT, by="a", why=""))
        rows.set_mode(row)
        assert rows.outages() == (Outage(place="link:a", run="R2", action="link.realign"),)
        assert rows.ledger() == rows.ledger("x", "link:a") == (line,)
        assert rows.ledger("y") == ()
        assert (rows.mode("x", "link:a"), rows.mode("x", "link:b")) == (row, None)
        rows.put_back("link:a")
        assert rows.outages() == ()

    await store.transact(story)
