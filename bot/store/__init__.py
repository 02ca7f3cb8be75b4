"""The one door to the database: events, inbox, chat progress, guards. SQLite by default, Postgres by URL."""

from bot.store.guard_rows import GuardRows
from bot.store.notices import NoticeRows
from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["GuardRows", "NoticeRows", "Store", "Transaction"]
