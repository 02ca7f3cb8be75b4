"""What people see of a runbook before it runs."""

import msgspec


class RunbookInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook's name, title and the failure modes it handles."""

    name: str
    title: str
    handles: tuple[str, ...] = ()
