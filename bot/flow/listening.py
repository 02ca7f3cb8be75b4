"""An act that only looks, broken off as soon as a person wants its run to end or its step passed over."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from bot.errors import StoreUnavailableError
from bot.flow.durable import Json
from bot.flow.journal import Journal
from bot.flow.past import skip_of
from bot.model.incident import Incident
from remediation.machine import Act

LOOK_EVERY_S = 1.0
"""So often, in real seconds, somebody's wish is looked for; what this very process writes is seen at once."""


async def listened(journal: Journal, incident: str, run: str, act: Act, doing: Coroutine[Any, Any, Json]) -> Json:
    """What `doing` comes to, or {"aborted": who and why} or {"skipped": who and why} when that comes first."""
    work = asyncio.ensure_future(doing)
    word = asyncio.ensure_future(_word(journal, incident, run, act))
    try:
        await asyncio.wait([work, word], return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else word.result()
    finally:
        for task in (work, word):
            task.cancel()
        await asyncio.gather(work, word, return_exceptions=True)


def wish_about(view: Incident, run: str, act: Act) -> Json | None:
    """What a person wants of an act that has not begun or only looks: nothing, or that it ends."""
    if act.phase == "run" and view.runs[run].abort:
        return {"aborted": view.runs[run].abort}
    skip = skip_of(view, run, act)
    return None if skip is None else {"skipped": skip}


async def _word(journal: Journal, incident: str, run: str, act: Act) -> Json:
    """A person's wish as soon as it is written; in an outage of the store nobody can have one."""
    while True:
        try:
            if (wish := wish_about(await journal.incident(incident), run, act)) is not None:
                return wish
        except StoreUnavailableError:
            await asyncio.sleep(LOOK_EVERY_S)
        await journal.store.wait_for_change(LOOK_EVERY_S)
