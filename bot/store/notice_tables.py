"""The tables of what people and systems announce: changes to the network, and maintenance."""

import sqlalchemy as sa

from bot.store.tables import ID, METADATA

CHANGES = sa.Table(
    "bellhop_changes",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("change", sa.Text, nullable=False),
    sa.Index("bellhop_changes_at", "at"),
)

MAINTENANCE = sa.Table(
    "bellhop_maintenance",
    METADATA,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("starts_at", sa.Float, nullable=False),
    sa.Column("ends_at", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Index("bellhop_maintenance_ends", "ends_at"),
)
