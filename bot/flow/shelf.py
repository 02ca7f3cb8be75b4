"""Runbooks as people look at them on the shelf, before anything runs."""

from bot.model.plan_wording import asked_words
from bot.model.runbook import RunbookInfo, RunbookStep
from remediation.registry import ACTIONS
from remediation.schema import Branch, Runbook, Step


def runbook_info(runbook: Runbook) -> RunbookInfo:
    """A runbook's title, what it is for, and its steps with their risks."""
    return RunbookInfo(
        name=runbook.metadata.name,
        title=runbook.metadata.title,
        handles=tuple(runbook.spec.handles),
        description=runbook.metadata.description,
        steps=tuple(map(_step, runbook.spec.acts)),
    )


def _step(step: Step | Branch) -> RunbookStep:
    action = ACTIONS.get(step.action)
    asks = "" if step.approval is None else asked_words({"approval": step.approval.model_dump(mode="json")})
    asked_if = asks and isinstance(step.approval and step.approval.required, str)
    return RunbookStep(
        id=step.id,
        title=step.title,
        action=step.action,
        risk="unknown risk" if action is None else str(action.risk),
        asks=f"{asks} where its condition holds" if asked_if else asks,
    )
