"""What people see of runbooks and playbooks before anything runs."""

import msgspec


class RunbookStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step as it is written: what it does, what that risks and whom it asks."""

    id: str
    title: str
    action: str
    risk: str
    asks: str = ""
    """Such as `2 × approver`; empty where nobody is asked."""


class RunbookInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook's name, title, the failure modes it handles and its steps."""

    name: str
    title: str
    handles: tuple[str, ...] = ()
    description: str = ""
    steps: tuple[RunbookStep, ...] = ()


class PlaybookInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A guide for people: its name and title."""

    name: str
    title: str
