"""How far an incident has been told in chat."""

import msgspec


class ChatThread(msgspec.Struct, frozen=True, kw_only=True):
    """Where an incident's message stands, and which of its events are already there.

    `ts` is empty until the message exists. `shown_seq` is the event up to which the message itself was
    drawn, `told_seq` the last event told in its thread.
    """

    channel: str
    ts: str = ""
    shown_seq: int = 0
    told_seq: int = 0
