"""An incident's pages in embedded telemetry, as production would have scraped them, to be asked at any instant."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.clock import FastClock
from bot.diagnosis.engine import diagnose_many
from bot.diagnosis.rules import Rules
from bot.laboratory.drivers import STEP_S
from bot.laboratory.incidents import Incident
from bot.laboratory.page import pages
from bot.model.diagnosis import Diagnosis
from bot.model.telemetry import Window
from bot.telemetry.embedded import EmbeddedTelemetry

HISTORY_S = 3600.0
"""How far back a diagnosis looks."""
RATE_WINDOW_S = 300.0
EXPORTER = "http://laboratory"


class Replay:
    """The telemetry of one incident."""

    def __init__(self, case: Incident, telemetry: EmbeddedTelemetry) -> None:
        self.case, self._telemetry = case, telemetry

    async def window(self, signals: Sequence[str], *, at: float) -> Window:
        """The hour of these signals before `at` (Unix s, at most the incident's)."""
        return await self._telemetry.window(signals, start=at - HISTORY_S, end=at, step=STEP_S)

    async def diagnose(self, links: Sequence[str], rules: Rules, *, at: float) -> tuple[Diagnosis, ...]:
        """What Bellhop says of these links at `at`, by the code that production runs."""
        window = await self.window(rules.signals, at=at)
        return diagnose_many(links, network=self.case.network, window=window, at=at, rules=rules)


@asynccontextmanager
async def replayed(case: Incident, *, since: float) -> AsyncIterator[Replay]:
    """An incident whose pages have been scraped, from an hour before `since` (Unix s) on."""
    telemetry = EmbeddedTelemetry([EXPORTER], clock=FastClock(start=case.at, speed=1.0), rate_window_s=RATE_WINDOW_S)
    try:
        for at, text in zip(case.times, pages(case.series), strict=True):
            if at >= since - HISTORY_S - 1.5 * RATE_WINDOW_S:
                telemetry.feed(EXPORTER, float(at), text)
        yield Replay(case, telemetry)
    finally:
        await telemetry.aclose()


def window_of(case: Incident, rules: Rules) -> Window:
    """The hour before the question with the signals of the rules."""
    return asyncio.run(_window(case, rules))


async def _window(case: Incident, rules: Rules) -> Window:
    async with replayed(case, since=case.at) as replay:
        return await replay.window(rules.signals, at=case.at)
