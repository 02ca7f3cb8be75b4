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


class CoolingAlert(Parameters):
    """The node that grows warm, and who looks after its cooling."""

    node: Id
    to: Id


async def _alert_cooling(given: CoolingAlert, ports: Ports, key: str) -> Outcome:
    """Page with the temperature as it is; also without one, for a device that does not tell is no colder."""
    reading = await ports.readings.read("device_temperature", given.node)
    seen = "is not known" if reading.value is None else f"was {reading.value:.4g} K {reading.age_s:.0f} s ago"
    usual = "" if reading.baseline is None else f", usually {reading.baseline:.4g} K"
    text = f"The device of {given.node} grows warm: its temperature {seen}{usual}. Please look at its cooling."
    await ports.messenger.tell("page", given.to, text, key=key)
    return Outcome(ok=True, output={"to": given.to, "temperature_k": reading.value})


NOTIFY_ACTIONS: tuple[Action, ...] = (
    _teller("notify.message", "Tell people in the incident", "notify"),
    _teller("page.person", "Page a person or a rota", "page"),
    _teller("ticket.open", "Ask for work that can wait", "ticket"),
    Action(
        name="device.alert_cooling",
        summary="Page those who look after a device's cooling, with its temperature",
        parameters=CoolingAlert,
        risk=Risk.READ,
        target=lambda given: None,
        run=_alert_cooling,
    ),
)
