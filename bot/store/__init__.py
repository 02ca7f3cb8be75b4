"""The one door to the database: events, inbox, chat progress. SQLite by default, Postgres by URL."""

from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["Store", "Transaction"]
