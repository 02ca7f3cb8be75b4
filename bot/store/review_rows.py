"""Where one person's word let a step go ahead, found without reading the events of all incidents."""

import msgspec
import sqlalchemy as sa

from bot.model.event import Event
from bot.store.tables import EVENTS
from bot.store.transaction import Transaction

GLASS_KEY = "glass:"
"""Keys of these events begin so; nothing else's do."""


class ReviewRows:
    """Looks into the index over the events' keys."""

    def __init__(self, transaction: Transaction) -> None:
        self._connection = transaction.connection

    def incidents(self) -> tuple[str, ...]:
        """The incidents in which somebody broke the glass, reviewed or not, oldest first."""
        broken = sa.select(EVENTS.c.id).where(EVENTS.c.key.startswith(GLASS_KEY))
        query = sa.select(EVENTS.c.event).where(EVENTS.c.id.in_(broken)).order_by(EVENTS.c.id)
        rows = self._connection.execute(query).scalars()
        return tuple(dict.fromkeys(msgspec.json.decode(text, type=Event).incident for text in rows))
