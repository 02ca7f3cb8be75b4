"""What guards remember: locks, runs, pauses, resets of breakers, outages, the ledger and modes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables; runs from before are not in them and count for no guard."""
    _create_runs()
    _create_switches()
    _create_ledger()


def _create_runs() -> None:
    op.create_table(
        "bellhop_locks",
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
    )
    op.create_table(
        "bellhop_runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_index("bellhop_runs_started", "bellhop_runs", ["started_at"])
    op.create_index("bellhop_runs_runbook", "bellhop_runs", ["runbook", "started_at"])
    op.create_table(
        "bellhop_outages",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
    )


def _create_switches() -> None:
    op.create_table(
        "bellhop_pauses",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("paused_at", sa.Float, nullable=False),
        sa.Column("paused_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("resumed_at", sa.Float),
        sa.Column("resumed_by", sa.Text),
    )
    op.create_table(
        "bellhop_resets",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
    )


def _create_ledger() -> None:
    op.create_table(
        "bellhop_ledger",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("runbook", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
    )
    op.create_index("bellhop_ledger_runbook", "bellhop_ledger", ["runbook", "target", "at"])
    op.create_table(
        "bellhop_modes",
        sa.Column("runbook", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("row", sa.Text, nullable=False),
    )
