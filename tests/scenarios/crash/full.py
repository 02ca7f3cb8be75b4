"""Kill the bot at every point of every shipped runbook, on SQLite and Postgres, and hold each story to its promises.

    python -m tests.scenarios.crash.full [--sample N] [--seed S] [--runbook NAME] [--store sqlite|postgres] [--json]

For each runbook and store one story is played undisturbed; it tells the points: before and after each commit that
writes anything (Bellhop's and DBOS's alike) and each request to the controller. Then the story is played again and
again until the process has been killed at each of them, some twenty deaths to a story, and every time a new process
takes over. Exit status 1 when anything was lost, done twice or left unexplained. Linux, under an hour. `--sample N`
plays one story for each runbook and store that is named, in which N bots die at random points.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process with threads cannot be forked safely

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path

from tests.scenarios.crash.forks import answer
from tests.scenarios.crash.judge import account, reasons, result
from tests.scenarios.crash.play import Played, play
from tests.scenarios.crash.points import Point
from tests.scenarios.crash.stage import Stage
from tests.scenarios.crash.stores import Database, PostgresDatabase, SqliteFile
from tests.support.postgres import Cluster, running_cluster

_NUMBERS = ("points", "passed", "stories", "kills", "lost", "doubled", "unexplained", "otherwise")
STORES = ("sqlite", "postgres")
_DEATHS = 20
"""Per story: DBOS gives a workflow up after fifty recoveries."""
_LONGEST_SAMPLED_LIFE = 24
"""Points; starting takes about eight of them."""
_ROUNDS = 3
"""A point that a story did not pass, because time went another way in it, is tried again so often."""


@dataclass
class Row:
    """What one runbook came to on one store."""

    runbook: str
    store: str
    points: int = 0
    passed: int = 0
    """Points at which it was killed."""
    stories: int = 0
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    unexplained: int = 0
    otherwise: int = 0
    """Stories that ended well but not as the undisturbed one: another path, explained."""
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)

    @property
    def violations(self) -> int:
        """All."""
        return self.lost + self.doubled + self.unexplained


def shipped() -> list[str]:
    """The names of the runbooks."""
    return sorted(path.name.removesuffix(".yaml") for path in Path(str(resources.files("runbooks"))).glob("*.yaml"))


def run(runbook: str, database: Database, folder: Path, deaths: Sequence[int]) -> Row:
    """Every story of one runbook on one store; a single one when the deaths are given."""
    began, row = time.monotonic(), Row(runbook, database.kind)
    stage = Stage(runbook, database, folder)
    if deaths:
        _count(row, play(stage, deaths=deaths), None)
        row.points = row.passed = row.kills
    else:
        _everywhere(stage, row)
    row.seconds = time.monotonic() - began
    return row


def _everywhere(stage: Stage, row: Row) -> None:
    undisturbed = play(stage)
    _count(row, undisturbed, undisturbed)
    left = list(undisturbed.seen)
    row.points = len(left)
    for _ in range(_ROUNDS):
        for targets in _spread(left):
            played = play(stage, targets)
            _count(row, played, undisturbed)
            left = [point for point in left if point not in played.killed]
    row.passed = row.points - len(left)
    row.told += [f"never passed again: {point}" for point in left]


def _spread(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """The points in as few stories as may be, neighbours in different ones."""
    stories = -(-len(points) // _DEATHS)
    yield from (points[each::stories] for each in range(stories))


def _count(row: Row, played: Played, undisturbed: Played | None) -> None:
    row.stories += 1
    row.kills += len(played.killed)
    for violation in played.violations:
        setattr(row, violation.kind, getattr(row, violation.kind) + 1)
        row.told.append(f"{violation.kind}: {violation.what}; killed {', '.join(map(str, played.killed))}")
    if played.violations:
        row.told.append(account(played.left))
    elif undisturbed is not None and result(played.left) != result(undisturbed.left):
        row.otherwise += 1
        row.told.append(f"ended otherwise: {result(played.left)}; {reasons(played.left)}")


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sample", type=int, metavar="N", default=0, help="N kills at random points, in one story each"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--runbook", action="append", choices=shipped(), help="only this one; may be repeated")
    parser.add_argument("--store", action="append", choices=STORES, help="only this one")
    parser.add_argument("--json", action="store_true", help="one JSON object per runbook and store")
    return parser.parse_args()


def main() -> int:
    """Print a table."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that Postgres does not outlive this
    wanted = _wanted()
    runbooks, stores = wanted.runbook or shipped(), wanted.store or list(STORES)
    rows: list[Row] = []
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster()) if "postgres" in stores else None
        for runbook, store in [(runbook, store) for store in stores for runbook in runbooks]:
            deaths = _deaths(f"{wanted.seed} {runbook} {store}", wanted.sample)
            rows.append(answer(partial(_run, runbook, cluster if store == "postgres" else None, deaths)))
            _tell(rows[-1], as_json=wanted.json, first=len(rows) == 1)
    if not wanted.json:
        _tell(_sum(rows), as_json=False, first=False)
    return 1 if any(row.violations for row in rows) else 0


def _deaths(seed: str, count: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randint(1, _LONGEST_SAMPLED_LIFE) for _ in range(count)]


def _run(runbook: str, cluster: Cluster | None, deaths: Sequence[int]) -> Row:
    with tempfile.TemporaryDirectory(prefix="bellhop-crash-") as place:
        database: Database = SqliteFile(Path(place)) if cluster is None else PostgresDatabase(cluster)
        return run(runbook, database, Path(place), deaths)


def _sum(rows: Sequence[Row]) -> Row:
    total = Row("all", "")
    for name in (*_NUMBERS, "seconds"):
        setattr(total, name, sum(getattr(row, name) for row in rows))
    return total


def _tell(row: Row, *, as_json: bool, first: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(row)) + "\n")
    else:
        told = [row.runbook, row.store, *(f"{getattr(row, name):g}" for name in _NUMBERS), f"{row.seconds:.0f}"]
        lines = [_line(["runbook", "store", *_NUMBERS, "s"])] if first else []
        sys.stdout.write("\n".join([*lines, _line(told)]) + "\n")
        sys.stderr.writelines(f"    {line}\n" for line in row.told)
    sys.stdout.flush()
    sys.stderr.flush()


def _line(cells: Sequence[str]) -> str:
    return f"{cells[0]:28}{cells[1]:9}" + "".join(f"{cell:>12}" for cell in cells[2:])


if __name__ == "__main__":
    sys.exit(main())
