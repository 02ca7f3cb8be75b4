"""Our tables, all prefixed: DBOS keeps its own, unprefixed, in the same SQLite file."""

import sqlalchemy as sa

METADATA = sa.MetaData()
VERSION_TABLE = "bellhop_schema"
SCHEMA_TURN, INBOX_TURN, GUARD_TURN = 0x62656C6C_00000001, 0x62656C6C_00000002, 0x62656C6C_00000003
"""Postgres advisory locks of Bellhop's: who changes the schema, who works on the inbox, who passes a guard."""
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

INCIDENTS = sa.Table(
    "bellhop_incidents",
    METADATA,
    sa.Column("number", ID, primary_key=True, autoincrement=True),
    sa.Column("closed", sa.Boolean, nullable=False, default=False),
    sa.Column("last_seq", sa.Integer, nullable=False, default=0),
    sa.Index("bellhop_incidents_open", "closed", "number"),
)
"""An index over the events: which incidents somebody may still have to act on. Events can rebuild it."""

EVENTS = sa.Table(
    "bellhop_events",
    METADATA,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("incident", ID, sa.ForeignKey("bellhop_incidents.number"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.UniqueConstraint("incident", "seq"),
    sa.UniqueConstraint("incident", "key"),
)
"""Only ever added to; `event` is the whole event as JSON."""

EPISODES = sa.Table(
    "bellhop_episodes",
    METADATA,
    sa.Column("episode", sa.Text, primary_key=True),
    sa.Column("incident", ID, sa.ForeignKey("bellhop_incidents.number"), nullable=False),
)

INBOX = sa.Table(
    "bellhop_inbox",
    METADATA,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("finished_at", sa.Float),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("refused", sa.Boolean, nullable=False, default=False),
    sa.Index("bellhop_inbox_open", "finished_at", "id"),
)

THREADS = sa.Table(
    "bellhop_chat_threads",
    METADATA,
    sa.Column("incident", ID, sa.ForeignKey("bellhop_incidents.number"), primary_key=True),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("told_seq", sa.Integer, nullable=False),
)

NONCES = sa.Table(
    "bellhop_nonces",
    METADATA,
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("used_at", sa.Float, nullable=False),
)
