"""The tables of what guards remember."""

import sqlalchemy as sa

from bot.store.tables import ID, METADATA

LOCKS = sa.Table(
    "bellhop_locks",
    METADATA,
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("runbook", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)

RUNS = sa.Table(
    "bellhop_runs",
    METADATA,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("runbook", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Index("bellhop_runs_started", "started_at"),
    sa.Index("bellhop_runs_runbook", "runbook", "started_at"),
)

OUTAGES = sa.Table(
    "bellhop_outages",
    METADATA,
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
)

PAUSES = sa.Table(
    "bellhop_pauses",
    METADATA,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("paused_at", sa.Float, nullable=False),
    sa.Column("paused_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("resumed_at", sa.Float),
    sa.Column("resumed_by", sa.Text),
)

RESETS = sa.Table(
    "bellhop_resets",
    METADATA,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("runbook", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
)

LEDGER = sa.Table(
    "bellhop_ledger",
    METADATA,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("runbook", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Index("bellhop_ledger_runbook", "runbook", "target", "at"),
)
"""`line` is the whole line as JSON."""

MODES = sa.Table(
    "bellhop_modes",
    METADATA,
    sa.Column("runbook", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("row", sa.Text, nullable=False),
)
"""Where the ledger or a person has moved a mode away from the configuration; `row` is JSON."""
