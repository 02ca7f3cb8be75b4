"""`bellhop diagnose --batch`: a line for each question, in the order of the questions, as soon as it is known."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.cli.diagnose_questions import Asked, read_questions
from bot.cli.options import opened
from bot.errors import TelemetryUnavailableError, UsageError
from bot.flow.batch import Batch
from bot.model.diagnosis import diagnosis_line
from bot.telemetry.embedded import EmbeddedTelemetry


async def diagnose_batch(config: Path, lines: IO[bytes]) -> None:
    """Answer every question on standard output; nothing is asked while the file has faults.

    Raises FileFaultsError, TelemetryUnavailableError, and UsageError where telemetry has no history to ask.
    """
    async with opened(config) as bellhop:
        if isinstance(bellhop.telemetry, EmbeddedTelemetry) and not bellhop.telemetry.remembers:
            raise UsageError(
                "no server has written a history of embedded telemetry here",
                hint="start `bellhop serve`; for more than six hours --batch needs Prometheus",
            )
        asked = read_questions(lines, bellhop.network.links, bellhop.clock.now())
        batch = Batch(bellhop.observer, bellhop.telemetry, bellhop.settings.telemetry)
        told = _Told(asked)
        try:
            with told.progress:
                async with aclosing(batch.answers([each.question for each in asked])) as answers:
                    async for place, diagnosis in answers:
                        line = diagnosis_line(str(asked[place].id), diagnosis) | {"id": asked[place].id}
                        told.take(place, json.dumps(line))
        except TelemetryUnavailableError as error:
            raise _in_part(error, told.count, len(asked)) from None


class _Told:
    """Answers on their way out: what comes early waits for what stands before it."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self.count = 0
        self.progress = _bar()
        self._task = self.progress.add_task("diagnosing", total=len(asked))
        self._waiting: dict[int, str] = {}

    def take(self, place: int, line: str) -> None:
        """Write what is now in order."""
        self._waiting[place] = line
        self.progress.advance(self._task)
        for ready in self._ready():
            if sys.stdout.isatty():
                self.progress.stop()
            click.echo(ready)
            self.count += 1

    def _ready(self) -> Iterator[str]:
        while (line := self._waiting.pop(self.count, None)) is not None:
            yield line


def _bar() -> Progress:
    """On a terminal's standard error; where the answers go to a terminal, too, they take its place."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = not sys.stderr.isatty()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=silent, redirect_stdout=False)


def _in_part(error: TelemetryUnavailableError, done: int, total: int) -> TelemetryUnavailableError:
    if not done:
        return error
    message = f"{error.message}; only the first {done} of {total} questions are answered"
    return TelemetryUnavailableError(message, hint=error.hint)
