"""What was announced, read and written within one transaction."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.model.alert import Change
from bot.model.maintenance import Maintenance
from bot.model.network import Subject
from bot.store.notice_tables import CHANGES, MAINTENANCE
from bot.store.transaction import Transaction

_encode = msgspec.json.Encoder().encode


class NoticeRows:
    """Changes and maintenance in a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._connection = transaction.connection

    def announce(self, change: Change) -> bool:
        """Keep a change; False when one of this id is known already."""
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        values = {"id": change.id, "at": change.at, "change": _encode(change).decode()}
        statement = insert(CHANGES).values(**values).on_conflict_do_nothing()
        return self._connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1

    def changes(self, since: float, until: float) -> tuple[Change, ...]:
        """The changes between two instants, oldest first."""
        query = sa.select(CHANGES.c.change).where(CHANGES.c.at.between(since, until)).order_by(CHANGES.c.at)
        return tuple(msgspec.json.decode(text, type=Change) for text in self._connection.execute(query).scalars())

    def maintain(self, work: Maintenance) -> None:
        """Keep a maintenance; on the same subject the new one takes the place of what is not over."""
        self.end_maintenance(work.subject, at=work.starts_at)
        values = {"kind": work.subject.kind, "name": work.subject.id, "starts_at": work.starts_at}
        more = {"ends_at": work.ends_at, "reason": work.reason, "by": work.by}
        self._connection.execute(MAINTENANCE.insert().values(**values, **more))

    def end_maintenance(self, subject: Subject, *, at: float) -> bool:
        """End what goes on at a subject; whether anything did."""
        here = (MAINTENANCE.c.kind == subject.kind) & (MAINTENANCE.c.name == subject.id)
        statement = MAINTENANCE.update().where(here, MAINTENANCE.c.ends_at > at).values(ends_at=at)
        return self._connection.execute(statement).rowcount > 0

    def maintenance(self, at: float) -> tuple[Maintenance, ...]:
        """What goes on at an instant, oldest first."""
        query = sa.select(MAINTENANCE).where(MAINTENANCE.c.starts_at <= at, MAINTENANCE.c.ends_at > at)
        return tuple(
            Maintenance(
                subject=Subject(kind=row.kind, id=row.name),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                reason=row.reason,
                by=row.by,
            )
            for row in self._connection.execute(query.order_by(MAINTENANCE.c.starts_at))
        )
