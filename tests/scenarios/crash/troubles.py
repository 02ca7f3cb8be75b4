"""Trouble with the store in the middle of a run, told as a row.

    python -m tests.scenarios.crash.troubles locked|full|restarted POINT

POINT is part of a point's text: what the bot is just about to commit, or has just committed.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process with threads cannot be forked safely

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bot.errors import StoreUnavailableError
from bot.model.store_event import StoreWasUnavailable
from tests.scenarios.crash.judge import account, bodies, reasons, result
from tests.scenarios.crash.life import Life
from tests.scenarios.crash.play import Trouble, play
from tests.scenarios.crash.points import Fate
from tests.scenarios.crash.stage import Stage
from tests.scenarios.crash.stores import Database, PostgresDatabase, SqliteFile
from tests.support.postgres import running_cluster
from tests.support.store_faults import Server, full, locked

RUNBOOK = "f4-entanglement-exhaustion"
PACE = {"locked": (20.0, 18.0), "full": (120.0, 2.0), "restarted": (120.0, 2.0)}
"""Simulated seconds in a real one, and for how many real seconds the trouble lasts.

Four to six simulated minutes, for the run's own patience is ten; a lock longer than the ten real seconds that the bot
waits for one and the five after which it looks where nobody writes.
"""
_ASK_AGAIN_S = 0.2


class PatientLife(Life):
    """A bot among people who ask again while the store is away."""

    async def _people(self) -> None:
        while True:
            try:
                return await super()._people()
            except StoreUnavailableError:
                await asyncio.sleep(_ASK_AGAIN_S)


class PatientStage(Stage):
    """A stage for them."""

    def live(self, tell: Callable[[str], None], fate: Fate) -> None:
        """Be a bot, until the story is over."""
        PatientLife(self._bellhop, self._clock, self.story).live(tell, fate)


def main() -> int:
    """Print one JSON object; exit status 1 when a promise was broken."""
    kind, point = sys.argv[1:]
    speed, lasts_s = PACE[kind]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-trouble-")))
        database, begun = _befalls(kind, folder, stack)
        played = play(PatientStage(RUNBOOK, database, folder, speed), trouble=Trouble(point, begun, lasts_s))
    outages = bodies(played.left.events, StoreWasUnavailable)
    told = {
        "struck": played.struck,
        "violations": [f"{each.kind}: {each.what}" for each in played.violations],
        "result": result(played.left),
        "reasons": reasons(played.left),
        "outages": [(each.reason, (each.until - each.since) / speed) for each in outages],
        "in order": [event.at for event in played.left.events] == sorted(event.at for event in played.left.events),
        "account": account(played.left),
        "seconds": played.seconds,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if played.violations or not played.struck else 0


def _befalls(
    kind: str, folder: Path, stack: ExitStack
) -> tuple[Database, Callable[[int], AbstractContextManager[None]]]:
    if kind != "restarted":
        database = SqliteFile(folder)
        return database, full if kind == "full" else lambda process: locked(folder / "bellhop.db")
    cluster = stack.enter_context(running_cluster())
    server = Server(cluster)
    stack.callback(server.end)
    return PostgresDatabase(cluster), lambda process: server.crashed()


if __name__ == "__main__":
    sys.exit(main())
