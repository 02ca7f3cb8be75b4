"""Alembic's entry: runs on the connection that the store hands over."""

from alembic import context

import bot.store.guard_tables
import bot.store.notice_tables  # noqa: F401 - their tables join the metadata
from bot.store.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    include_name=lambda name, kind, _: kind != "table" or str(name).startswith("bellhop_"),
)
with context.begin_transaction():
    context.run_migrations()
