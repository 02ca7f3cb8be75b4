"""Words that every door shares: a verdict, a pause, what a controller confirmed. Plain text; each door escapes it."""

from collections.abc import Mapping
from typing import Any

from bot.model.diagnosis import Diagnosis
from bot.model.guard import Pause
from bot.model.time import format_instant

MARKS: Mapping[str, str] = {
    "succeeded": "✓",
    "failed": "✗",
    "skipped": "–",
    "refused": "⊘",
    "unknown": "?",
    "stopped": "■",
}
"""How a step ended, as one sign."""


def verdict_words(diagnosis: Diagnosis | None) -> str:
    """What is known of the cause, shortly; that an intrusion is not excluded is never left out."""
    if diagnosis is None:
        return "no diagnosis"
    first = diagnosis.findings[0] if diagnosis.findings else None
    verdict = f"{first.mode} {first.name} {first.sureness}" if first else str(diagnosis.verdict)
    return f"{verdict}, intrusion not excluded" if diagnosis.security is not None else verdict


def pause_words(pause: Pause) -> str:
    """That no run acts now: since when as far as that is known, by whom and why."""
    since = f" since {format_instant(pause.since)}" if pause.since is not None else ""
    return f"PAUSED{since} by {pause.by}{': ' + pause.reason if pause.reason else ''}"


def confirmed_words(envelope: Mapping[str, Any]) -> str:
    """The settings that a controller confirmed after an act, such as ` (replicas confirmed)`; empty where none."""
    names = envelope.get("confirmed") or ()
    return f" ({', '.join(str(name) for name in names)} confirmed)" if names else ""


def doubt_words(step: str, *, looks: bool) -> str:
    """What a person is asked of a step: whether it happened or, where it only looks, whether what it seeks is so."""
    return f"Does what {step} looks for hold?" if looks else f"Did {step} happen?"


def settled_answers(*, looks: bool) -> tuple[str, str]:
    """The two answers to that, yes and no, as they stand on buttons."""
    return ("It holds", "It does not hold") if looks else ("It happened", "It did not happen")


def settled_words(step: str, *, happened: bool, looks: bool) -> str:
    """What a person said to that."""
    if looks:
        return f"what {step} looks for {'holds' if happened else 'does not hold'}"
    return f"{step} {'happened' if happened else 'did not happen'}"


def quarantine_words(links: tuple[str, ...], since: float) -> str:
    """What people must do about keys: Bellhop asks for it and has no way to do it."""
    return f"Keys of {', '.join(links)} made since {format_instant(since)} must not be used: quarantine them"
