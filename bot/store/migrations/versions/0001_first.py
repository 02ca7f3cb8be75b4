"""The first schema: incidents, events, episodes, inbox, chat threads, nonces."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_REFUSALS = {
    "sqlite": (
        "CREATE TRIGGER bellhop_events_no_{act} BEFORE {ACT} ON bellhop_events "
        "BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER bellhop_events_no_{act} BEFORE {ACT} ON bellhop_events "
        "FOR EACH ROW EXECUTE FUNCTION bellhop_refuse()"
    ),
}


def upgrade() -> None:
    """Create everything."""
    _create_incidents()
    _create_the_rest()
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION bellhop_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'events are only ever added'; END $$"
        )
    for act in ("update", "delete"):
        op.execute(_REFUSALS[dialect].format(act=act, ACT=act.upper()))


def _create_incidents() -> None:
    op.create_table(
        "bellhop_incidents",
        sa.Column("number", _ID, primary_key=True, autoincrement=True),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
    )
    op.create_index("bellhop_incidents_open", "bellhop_incidents", ["closed", "number"])
    op.create_table(
        "bellhop_events",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("incident", _ID, sa.ForeignKey("bellhop_incidents.number"), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.UniqueConstraint("incident", "seq"),
        sa.UniqueConstraint("incident", "key"),
    )


def _create_the_rest() -> None:
    incident = sa.ForeignKey("bellhop_incidents.number")
    op.create_table(
        "bellhop_episodes",
        sa.Column("episode", sa.Text, primary_key=True),
        sa.Column("incident", _ID, incident, nullable=False),
    )
    op.create_table(
        "bellhop_inbox",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
    )
    op.create_index("bellhop_inbox_open", "bellhop_inbox", ["finished_at", "id"])
    op.create_table(
        "bellhop_chat_threads",
        sa.Column("incident", _ID, sa.ForeignKey("bellhop_incidents.number"), primary_key=True),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("told_seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "bellhop_nonces",
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("used_at", sa.Float, nullable=False),
    )
