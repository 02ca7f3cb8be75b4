"""What a step costs the store."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bot.model.step_event import RunEnded
from tests.flow.stage import Stage, runbook, staged

COMMITS_OF_A_STEP = 3
"""Its intent, its outcome, and the workflow engine's record of both."""
_BEHIND = re.compile(r"SELECT .* FROM bellhop_events .*seq > ", re.DOTALL)
_OF_STEPS = re.compile(r"INSERT INTO \S*(bellhop_events|operation_outputs)")
LOOK = {
    "action": "telemetry.snapshot",
    "with": {"signals": ["entanglement_pool_level"], "link": "{{ inputs.place }}"},
    "timeout": "1m",
}


def looks(name: str, count: int) -> dict[str, Any]:
    """A runbook that looks so many times."""
    return runbook(name, *({"id": f"look{number}", **LOOK} for number in range(count)))


@dataclass
class Count:
    """Commits that write events or steps, and reads of an incident from its beginning."""

    commits: int = 0
    whole_reads: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """What every engine of this process does meanwhile."""
    count = Count()
    writing: set[int] = set()

    def executing(
        connection: sa.Connection, cursor: object, statement: str, parameters: tuple[object, ...], *_: object
    ) -> None:
        del cursor
        if _OF_STEPS.match(statement):
            writing.add(id(connection))
        count.whole_reads += bool(_BEHIND.match(statement)) and parameters[1] == 0

    def committing(connection: sa.Connection) -> None:
        count.commits += id(connection) in writing
        writing.discard(id(connection))

    sa.event.listen(Engine, "before_cursor_execute", executing)
    sa.event.listen(Engine, "commit", committing)
    try:
        yield count
    finally:
        sa.event.remove(Engine, "before_cursor_execute", executing)
        sa.event.remove(Engine, "commit", committing)


async def count_of(stage: Stage, name: str) -> Count:
    """One run, from its proposal to its end."""
    incident = await stage.incident("link", "ams-utr")
    with counted() as count:
        run = await stage.run(incident, name)
        await stage.until(lambda: _is_over(stage, run), "the workflow is over")
    assert [body.result for body in await stage.bodies(incident, RunEnded)] == ["succeeded"]
    return count


async def _is_over(stage: Stage, run: str) -> bool:
    status = sa.text("SELECT status FROM workflow_status WHERE workflow_uuid = :run")
    found = await stage.bellhop.store.read(lambda each: each.connection.execute(status, {"run": run}).scalar())
    return bool(found == "SUCCESS")


async def test_a_step_is_three_commits_and_reads_no_history_again(tmp_path: Path) -> None:
    """Four steps more are twelve commits more, and what stands in a long incident is not read once more for them."""
    async with staged(tmp_path, looks("two", 2), looks("six", 6)) as stage:
        few, many = await count_of(stage, "two"), await count_of(stage, "six")
        assert many.commits - few.commits == 4 * COMMITS_OF_A_STEP
        assert many.whole_reads == few.whole_reads
