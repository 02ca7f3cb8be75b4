"""A watch over a recovery ends as it began, whatever the configuration says after a restart."""

from pathlib import Path

import sqlalchemy as sa

from bot.model.event import Escalated, PostmortemPublished, RecoveryVerified
from tests.flow.stage import Stage, release, runbook, staged

LONG = {"recovery_timeout": "30m", "recovery_hold": "2m"}
"""Eight looks in a row, a quarter of a simulated minute apart, must be good."""
SHORT = {"recovery_timeout": "30m", "recovery_hold": "15s"}
"""One good look is enough."""


def looks(stage: Stage) -> int:
    """How many looks are on record as steps of workflows."""
    recorded = "select count(*) from operation_outputs where function_name like 'check recovery%'"
    with stage.bellhop.store.engine.connect() as connection:
        return int(connection.execute(sa.text(recorded)).scalar_one())


async def test_a_watch_goes_on_with_the_hold_that_it_began_with(tmp_path: Path) -> None:
    """Six good looks, then a restart with a shorter hold: nobody hears of a defect, and all eight looks are taken."""
    book = runbook("book", release())
    async with staged(tmp_path, book, incidents=LONG) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book")
        await stage.until(lambda: looks(stage) >= 6, "six looks")
    async with staged(tmp_path, book, incidents=SHORT) as stage:
        assert (await stage.happened(incident, RecoveryVerified)).recovered
        await stage.happened(incident, PostmortemPublished)
        assert not await stage.bodies(incident, Escalated)
        assert looks(stage) == 8
