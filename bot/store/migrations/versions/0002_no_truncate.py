"""On Postgres events cannot be truncated away either: TRUNCATE passes the triggers for rows."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the trigger; SQLite has no TRUNCATE."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER bellhop_events_no_truncate BEFORE TRUNCATE ON bellhop_events "
            "FOR EACH STATEMENT EXECUTE FUNCTION bellhop_refuse()"
        )
