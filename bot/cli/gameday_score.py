"""What a game day measures: from the events of an incident to times and verdicts."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bot.cli.demo_story import Demo, Options
from bot.model.event import ApprovalAnswered, DiagnosisMade, Event, IncidentOpened, StateChanged
from bot.model.step_event import RunEnded
from bot.simulator.scenarios import SCENARIOS, Scenario
from remediation.duration import format_duration


@dataclass(frozen=True, slots=True)
class Score:
    """One scenario; times in simulated seconds from the injection, None where it never came to that."""

    scenario: str
    mode: str
    subject: str
    detected_s: float | None
    diagnosed_s: float | None
    """Until the first diagnosis that names mode and subject."""
    said: str
    """What the last diagnosis named first."""
    confidence: float | None
    mitigated_s: float | None
    resolved_s: float | None
    approvals: int
    story: str
    """The file that tells it line by line."""

    @property
    def passed(self) -> bool:
        """Detected, named, mitigated and verified."""
        return None not in (self.detected_s, self.diagnosed_s, self.mitigated_s, self.resolved_s)


async def play(name: str, *, seed: int, speed: float, output: Path) -> Score:
    """Play one scenario with a bot of its own, and score it."""
    await asyncio.to_thread(output.mkdir, parents=True, exist_ok=True)
    story = output / f"{name}.txt"
    options = Options(scenario=name, speed=speed, auto_approve=True, web=False, seed=seed, output=output)
    with story.open("w", encoding="utf-8") as file:
        demo = Demo(options, Console(file=file, width=120, highlight=False))
        with Console(stderr=True).status(f"playing {name}: {SCENARIOS[name].story}"):
            await demo.play()
    return score(name, SCENARIOS[name], demo.events, injected_at=demo.injected_at, story=str(story))


def score(name: str, scenario: Scenario, events: Sequence[Event], *, injected_at: float | None, story: str) -> Score:
    """Read the times and the names off the events."""
    diagnoses = [(event.at, event.body.diagnosis) for event in events if isinstance(event.body, DiagnosisMade)]
    named = [(at, each.findings[0]) for at, each in diagnoses if each.findings]
    right = [(at, found) for at, found in named if (found.mode, found.subject.id) == (scenario.mode, scenario.subject)]

    def since(instant: float | None) -> float | None:
        return None if instant is None or injected_at is None else round(instant - injected_at, 1)

    def first(*instants: float) -> float | None:
        return since(min(instants, default=None))

    ended = [event.at for event in events if isinstance(event.body, RunEnded) and event.body.result == "succeeded"]
    over = [event.at for event in events if isinstance(event.body, StateChanged) and event.body.after == "resolved"]
    last = named[-1][1] if named else None
    return Score(
        scenario=name,
        mode=scenario.mode,
        subject=scenario.subject,
        detected_s=first(*(event.at for event in events if isinstance(event.body, IncidentOpened))),
        diagnosed_s=first(*(at for at, _ in right)),
        said=f"{last.mode} on {last.subject.id}" if last else (diagnoses[-1][1].verdict if diagnoses else "nothing"),
        confidence=right[-1][1].confidence if right else None,
        mitigated_s=first(*ended) if right else None,
        resolved_s=first(*over),
        approvals=sum(isinstance(event.body, ApprovalAnswered) for event in events),
        story=story,
    )


def show(scores: Sequence[Score], format_: Literal["text", "json"]) -> None:
    """The scores as a table, or as a JSON line each."""
    if format_ == "json":
        for each in scores:
            click.echo(json.dumps({**asdict(each), "passed": each.passed}))
        return
    console = Console(file=sys.stdout, highlight=False)
    table = Table(box=SIMPLE, padding=(0, 1), pad_edge=False)
    for name in ("injected", "detected", "named", "as", "mitigated", "resolved", ""):
        table.add_column(name, no_wrap=True)
    for each in scores:
        times = [_after(value) for value in (each.detected_s, each.diagnosed_s, each.mitigated_s, each.resolved_s)]
        verdict = "[green]passed[/green]" if each.passed else "[red]failed[/red]"
        table.add_row(f"{each.mode} on {each.subject}", *times[:2], each.said, *times[2:], verdict)
    console.print(table)
    passed = sum(each.passed for each in scores)
    console.print(f"{passed} of {len(scores)} passed. Times are simulated, from the injection of the fault.")
    for each in scores:
        if not each.passed:
            console.print(f"{each.scenario} failed; its story: {each.story}", soft_wrap=True)


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else format_duration(round(seconds))
