"""What happened in an incident while a run went, without what came before it."""

from bot.model.event import Event
from bot.store import Transaction


def key_of_start(run: str) -> str:
    """Under which the beginning of a run stands in its incident."""
    return f"started:{run}"


def history_of(transaction: Transaction, incident: str, run: str) -> tuple[Event, ...]:
    """The incident's events from the run's beginning on, those of others among them; all if it never began.

    Every act of a run, and all that is measured of it, comes behind its beginning.
    """
    return transaction.events_from(incident, key_of_start(run))
