"""The life of an incident as one table of legal moves."""

from collections.abc import Collection, Mapping

import msgspec

from bot.model.event import State
from bot.model.incident import Incident

SECURITY = "security"
"""The role that ends an incident in which an intrusion was not excluded."""
MOVES: Mapping[State, tuple[State, ...]] = {
    "triggered": ("acknowledged", "mitigating", "monitoring", "resolved", "suppressed", "merged"),
    "acknowledged": ("mitigating", "monitoring", "resolved", "suppressed", "merged", "triggered"),
    "mitigating": ("monitoring", "acknowledged", "triggered", "resolved"),
    "monitoring": ("mitigating", "acknowledged", "triggered", "resolved"),
    "resolved": ("postmortem published", "triggered"),
    "postmortem published": (),
    "suppressed": ("triggered", "resolved"),
    "merged": (),
}
"""State -> the states that may follow."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a move is legal, and why not."""

    legal: bool
    reason: str = ""


def move(incident: Incident, to: State, roles: Collection[str] = ()) -> Move:
    """Whether somebody with these `roles` may make `incident` become `to` now; Bellhop itself has none."""
    if to in MOVES[incident.state]:
        if to == "resolved" and incident.quarantined and SECURITY not in roles:
            return Move(legal=False, reason=f"an intrusion is not excluded: only the role {SECURITY} ends it")
        return Move(legal=True)
    if to == incident.state:
        return Move(legal=False, reason=f"it is {to} already")
    allowed = ", ".join(MOVES[incident.state]) or "nothing"
    return Move(legal=False, reason=f"from {incident.state} it can only become {allowed}")
