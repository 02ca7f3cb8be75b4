"""Counts how many events a store hands out, at the database's driver: whatever asks for them, and whyever."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from bot.store import Store


class EventsRead:
    """How many rows with a whole event in them came out of a SQLite file."""

    def __init__(self) -> None:
        self.count = 0

    def row(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row as it is, counted."""
        self.count += cursor.description[0][0] == "event"
        return row


@contextmanager
def counted_events(store: Store) -> Iterator[EventsRead]:
    """Count those that are read meanwhile, by any connection of an open store."""
    read = EventsRead()

    def taken(connection: Any, *_: object) -> None:
        connection.row_factory = read.row

    def given_back(connection: Any, *_: object) -> None:
        connection.row_factory = None

    sa.event.listen(store.engine, "checkout", taken)
    sa.event.listen(store.engine, "checkin", given_back)
    try:
        yield read
    finally:
        sa.event.remove(store.engine, "checkout", taken)
        sa.event.remove(store.engine, "checkin", given_back)
