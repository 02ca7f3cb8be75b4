"""Thousands of diagnoses with one set of range queries per stretch of time, not one per question."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from bot.diagnosis.engine import diagnose_many
from bot.flow.observe import Observer
from bot.flow.spans import Question, Sight, Span, plan
from bot.model.diagnosis import Diagnosis
from bot.settings import TelemetrySettings
from bot.telemetry.recording import Recording

__all__ = ["Batch", "Question"]


class RecordingSource(Protocol):
    """Prometheus or the embedded store."""

    async def recording(
        self,
        signals: Sequence[str],
        *,
        start: float,
        end: float,
        step: float,
        subjects: Sequence[str] | None = None,
    ) -> Recording:
        """Signals over a long time; raises TelemetryUnavailableError."""
        ...


class Batch:
    """Many questions to one observer; it would answer each of them alone in the same way, and with curves to draw."""

    def __init__(self, observer: Observer, telemetry: RecordingSource, settings: TelemetrySettings) -> None:
        self._telemetry = telemetry
        self._network, self._rules = observer.network, observer.rules
        self._history, self._step = settings.history, settings.step

    async def answers(self, questions: Sequence[Question]) -> AsyncGenerator[tuple[int, Diagnosis]]:
        """(number of the question, its diagnosis), each as soon as it is known.

        One span is read while the one before is diagnosed. Every link must be in the network. Raises
        TelemetryUnavailableError when telemetry does not answer.
        """
        spans = plan(questions, self._network, history=self._history, step=self._step)
        async with aclosing(self._recorded(spans)) as recorded:
            async for span, recording in recorded:
                for sight in span.sights:
                    found = await asyncio.to_thread(self._diagnose, sight, questions, recording)
                    for answer in found:
                        yield answer

    def _diagnose(
        self, sight: Sight, questions: Sequence[Question], recording: Recording
    ) -> Sequence[tuple[int, Diagnosis]]:
        window = recording.window(start=sight.start, end=sight.end, subjects=sight.subjects)
        asked = [questions[place] for place in sight.places]
        links = list(dict.fromkeys(each.link for each in asked))
        found = diagnose_many(links, network=self._network, window=window, at=asked[0].at, rules=self._rules)
        by_link = dict(zip(links, found, strict=True))
        return [
            (place, msgspec.structs.replace(by_link[each.link], at=each.at))
            for place, each in zip(sight.places, asked, strict=True)
        ]

    async def _recorded(self, spans: Sequence[Span]) -> AsyncGenerator[tuple[Span, Recording]]:
        ahead: asyncio.Task[Recording] | None = None
        try:
            for number, span in enumerate(spans):
                recording = await (ahead or self._read(span))
                following = spans[number + 1 : number + 2]
                ahead = asyncio.create_task(self._read(following[0])) if following else None
                yield span, recording
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _read(self, span: Span) -> Recording:
        return await self._telemetry.recording(
            self._rules.signals,
            start=span.start,
            end=span.end,
            step=self._step,
            subjects=sorted(span.subjects),
        )
