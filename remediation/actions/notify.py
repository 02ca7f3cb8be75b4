"""Acts that tell people; they touch nothing on the network."""

from typing import Annotated, Literal

from pydantic import Field

from remediation.actions.base import Id, Parameters
from remediation.contract import Action, Outcome, Ports, Risk


class Message(Parameters):
    """What to say to whom."""

    to: Id
    text: Annotated[str, Field(min_length=1, max_length=2000)]


def _teller(name: str, summary: str, channel: Literal["notify", "page", "ticket"]) -> Action:
    async def run(given: Message, ports: Ports, key: str) -> Outcome:
        await ports.messenger.tell(channel, given.to, given.text, key=key)
        return Outcome(ok=True, output={"to": given.to})

    return Action(name=name, summary=summary, parameters=Message, risk=Risk.READ, target=lambda given: None, run=run)


NOTIFY_ACTIONS: tuple[Action, ...] = (
    _teller("notify.message", "Tell people in the incident", "notify"),
    _teller("page.person", "Page a person or a rota", "page"),
    _teller("ticket.open", "Ask for work that can wait", "ticket"),
)
