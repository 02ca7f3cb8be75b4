"""Acts on flows: where they run, and how much they may take."""

from typing import Annotated, Literal

from pydantic import Field

from remediation.actions.base import Id, OnFlow, OnLink, controlled, on_link
from remediation.contract import Action, Risk

Rate = Annotated[float, Field(ge=0)]


class Throttle(OnLink):
    """Hold the flows of a priority on a link to `rate` logical qubits a second (0: none)."""

    priority: Literal["best-effort", "standard"]
    rate: Rate = 0.0
    to_capacity: bool = False
    """Ask for what the link can carry; the planner's model gives the rate, 0 where it gives none."""


class Reroute(OnFlow):
    """Move a flow to one of its routes."""

    route: Annotated[tuple[Id, ...], Field(min_length=1)]


class FailOver(OnFlow):
    """Move a flow to its alternate route, or to the classical fallback."""

    to: Literal["alternate", "classical"]


class Quota(OnFlow):
    """At most this many logical qubits a second."""

    logical_per_s: Rate


FLOW_ACTIONS: tuple[Action, ...] = (
    controlled(
        "flow.throttle",
        "Hold flows of a priority back",
        Throttle,
        on="link",
        effect=on_link("throttle"),
        compensation="flow.unthrottle",
    ),
    controlled("flow.unthrottle", "Let held flows go", OnLink, on="link"),
    controlled(
        "flow.reroute",
        "Move a flow to another route",
        Reroute,
        on="flow",
        risk=Risk.DISRUPTIVE,
        compensation="flow.restore",
    ),
    controlled("flow.restore", "Move a flow back to its home route", OnFlow, on="flow"),
    controlled(
        "flow.fail_over",
        "Move a flow off its route",
        FailOver,
        on="flow",
        risk=Risk.DISRUPTIVE,
        compensation="flow.restore",
    ),
    controlled("flow.set_quota", "Limit a flow", Quota, on="flow"),
)
