"""Who asked for what in a slash command: the words behind it, and the person who typed them."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bot.chat.ports import Desk
from bot.chat.reply import Reply
from bot.errors import UsageError
from bot.model.person import Person
from bot.model.run_inputs import inputs_of


class Words(tuple[str, ...]):
    """What was typed behind the subcommand."""

    __slots__ = ()

    def need(self, place: int) -> str:
        """The word there; raises UsageError when nothing was typed."""
        if place >= len(self):
            raise UsageError("something is missing")
        return self[place]

    def id(self, place: int) -> str:
        """The id of an incident or run there, in whichever case it was typed."""
        return self.need(place).upper()

    def run(self, place: int) -> tuple[str | None, dict[str, str]]:
        """The runbook named from there on, if any, and the inputs that follow as NAME=VALUE; raises UsageError."""
        name = self[place] if len(self) > place and "=" not in self[place] else None
        return name, inputs_of(self[place + (name is not None) :])

    def rest(self, place: int) -> str:
        """Everything from there on, as one text."""
        return " ".join(self[place:])


class Asked(NamedTuple):
    """Who asked, and the id by which Slack knows this one command (it may be delivered twice)."""

    by: Person
    key: str


Work = Callable[[Desk, Asked, Words], Awaitable[Reply]]
"""What a subcommand does."""
