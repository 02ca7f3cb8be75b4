"""The question that an approval answers, as lines for a terminal: what is done to what, and who is still needed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.cli.runbook_text import plan_lines
from bot.model.approval_wording import approvals_words
from bot.model.plan_wording import asked_steps
from bot.model.time import format_instant
from bot.model.visible import clean_line

if TYPE_CHECKING:
    from bot.model.incident import Incident, PendingApproval

_SHOWN_PARTS = 12
_SHOWN_HASH = 12


def question_lines(view: "Incident", ask: "PendingApproval") -> Iterator[str]:
    """Step, target, parameters, predicted effect, approvals so far, deadline and plan; without control characters."""
    yield clean_line(f"Approval needed: {ask.title} ({ask.run} step {ask.step})")
    yield from (f"  {line}" for line in _done(view, ask))
    yield clean_line(approvals_words(ask))
    yield clean_line(f"until {format_instant(ask.expires_at)}, plan {ask.plan_hash[:_SHOWN_HASH]}")


def _done(view: "Incident", ask: "PendingApproval") -> Iterator[str]:
    run = view.runs.get(ask.run)
    parts = asked_steps(run.plan if run is not None else {}, ask.step, ask.acts)
    yield from plan_lines({"steps": parts[:_SHOWN_PARTS]})
    left = len(parts) - _SHOWN_PARTS
    if left > 0 or not parts:
        more = f"… and {left} more" if parts else "what it does is not in the plan"
        yield clean_line(f"{more}; look first: bellhop incident show {view.id}")
