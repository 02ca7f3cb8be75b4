"""Whether the ledger still stands by its proposal to let a runbook do one step more by itself on a target."""

from bot.flow.modes import Modes
from bot.flow.past import incident_of
from bot.model.guard_event import PromotionProposed
from bot.store import GuardRows, Transaction


def standing_proposal(transaction: Transaction, modes: Modes, runbook: str, target: str) -> str:
    """The proposal in words, or nothing: none from the mode in force since it last moved, or a miss since."""
    mode, moved = modes.now(transaction, runbook, target), modes.moved(transaction, runbook, target)
    for line in reversed(GuardRows(transaction).ledger(runbook, target)):
        if line.verdict == "miss" or (moved is not None and line.at <= moved.at):
            return ""
        incident = incident_of(line.run)
        for event in transaction.events_beside(incident):
            match event.body:
                case PromotionProposed(matches=matches) as body if event.at >= line.at and (
                    (body.runbook, body.target, body.before) == (runbook, target, mode)
                ):
                    return f"proposed in {incident} after {matches} runs as predicted in a row"
    return ""
