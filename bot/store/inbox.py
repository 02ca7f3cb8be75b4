"""Bodies that were accepted and wait to be worked on."""

from typing import NamedTuple


class InboxRow(NamedTuple):
    """One accepted body; `received_at` in Unix seconds."""

    id: int
    source: str
    received_at: float
    body: bytes
