"""A story from its alert to its end: bots that die where they are told to, one after the other, on one network."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from typing import Any

import httpx
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.flow.journal import Journal
from bot.store import GuardRows, Store, Transaction
from tests.scenarios.crash.forks import Ear, answer, ended, fork, killed, stands
from tests.scenarios.crash.judge import Left, Violation, judge
from tests.scenarios.crash.points import Fate, Point
from tests.scenarios.crash.stage import Stage
from tests.scenarios.crash.stores import Database

_LONGEST_LIFE_S = 60.0
_MOST_LIVES = 60


@dataclass(frozen=True)
class Trouble:
    """Something that befalls the store while a bot lives."""

    at: str
    """Part of a point: the bot stands still there until the trouble has begun."""
    begun: Callable[[int], AbstractContextManager[None]]
    """From the bot's process id to the trouble, which is over when this is left."""
    lasts_s: float


@dataclass
class Played:
    """What happened in a story."""

    seen: list[Point] = field(default_factory=list)
    """In the order in which they were first passed."""
    killed: list[Point] = field(default_factory=list)
    left: Left = field(default_factory=lambda: Left((), {}, 0))
    struck: bool = False
    """Whether the trouble came."""
    violations: list[Violation] = field(default_factory=list)
    seconds: float = 0.0


def play(
    stage: Stage, targets: Collection[Point] = (), deaths: Sequence[int] = (), trouble: Trouble | None = None
) -> Played:
    """One story, in a fork, so that the next one finds the stage as it was.

    Bots die at the `targets`; and the first of them at its point number `deaths[0]`, the second at `deaths[1]`, ...
    """
    return answer(lambda: _play(stage, set(targets), deaths, trouble))


def _play(stage: Stage, targets: set[Point], deaths: Sequence[int], trouble: Trouble | None) -> Played:
    began = time.monotonic()
    stage.begin()
    ear, played = Ear(), Played()
    network = fork(lambda: stage.serve(ear.tell))
    try:
        wrong = _live_on(stage, ear, played, (targets, deaths, trouble))
        jobs = httpx.get(f"{stage.network}/api/v1/operations", trust_env=False).json()
    finally:
        killed(network)
    played.left = answer(lambda: asyncio.run(_examine(stage.database, jobs)))
    played.violations = ([Violation("lost", wrong)] if wrong else []) + judge(played.left, stage.runbook)
    played.seconds = time.monotonic() - began
    return played


def _live_on(stage: Stage, ear: Ear, played: Played, plan: tuple[set[Point], Sequence[int], Trouble | None]) -> str:
    """Life after life, until one sees the end; what went wrong otherwise."""
    targets, deaths, trouble = plan
    scrapes = 0
    for _, at in zip(range(_MOST_LIVES), chain(deaths, repeat(None)), strict=False):
        scrapes = stage.look_back(scrapes)
        fate = Fate(frozenset(targets), at, trouble.at if trouble and not played.struck else "")
        code = _one_life(ear, played, partial(stage.live, ear.tell, fate), trouble)
        if code == 0:
            return ""
        if code != -signal.SIGKILL:
            return "a bot came to no end" if code is None else f"a bot ended with {code}"
        targets.difference_update(played.killed)
    return f"no end after {_MOST_LIVES} lives"


def _one_life(ear: Ear, played: Played, live: Callable[[], None], trouble: Trouble | None) -> int | None:
    """The exit code; None when it had to be ended from outside."""
    process = fork(live)
    deadline = time.monotonic() + _LONGEST_LIFE_S
    while (code := ended(process)) is None and time.monotonic() < deadline:
        _listen(ear, played, 0.01)
        if trouble is not None and not played.struck and stands(process):
            played.struck = True
            _befall(process, trouble)
    if code is None:
        killed(process)
    _listen(ear, played, 0.0)
    return code


def _befall(process: int, trouble: Trouble) -> None:
    with trouble.begun(process):
        os.kill(process, signal.SIGCONT)
        time.sleep(trouble.lasts_s)


def _listen(ear: Ear, played: Played, within_s: float) -> None:
    for line in ear.heard(within_s):
        word, _, point = line.partition(" ")
        where = Point.parse(point)
        if word == "died":
            played.killed.append(where)
        elif where not in played.seen:
            played.seen.append(where)


async def _examine(database: Database, jobs: list[dict[str, Any]]) -> Left:
    store = Store(database.url, database.password)
    await store.open()
    journal = Journal(store, SystemClock())
    incidents = [view.id for view in await journal.incidents(open_only=False)]
    events = [event for incident in incidents for event in await journal.events(incident)]
    workflows, locks = await store.read(_books)
    await store.close()
    return Left(tuple(events), workflows, locks, jobs)


def _books(transaction: Transaction) -> tuple[dict[str, str], int]:
    schema = "dbos." if transaction.connection.dialect.name == "postgresql" else ""
    rows = transaction.connection.execute(sa.text(f"SELECT workflow_uuid, status FROM {schema}workflow_status"))
    return {row[0]: row[1] for row in rows}, len(GuardRows(transaction).held())
