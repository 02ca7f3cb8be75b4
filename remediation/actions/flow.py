"""Acts on flows: where they run, and how much they may take."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from remediation.actions.base import Id, OnFlow, OnLink, controlled
from remediation.actions.settled import Unset, always, given
from remediation.contract import Action, Effect, Ports, Reading, Risk, Target

Rate = Annotated[float, Field(ge=0)]
PRIORITIES = ("critical", "standard", "best-effort")
"""Those that go first, first."""
_USABLE = 0.9
"""Share of the pairs made that may be used: the rest lets the pool fill again."""


class Throttle(OnLink):
    """Hold the flows of a priority on a link to `rate` logical qubits a second (0: none)."""

    priority: Literal["best-effort", "standard"]
    rate: Rate | None = None
    to_capacity: bool = False
    """Hold them to what the link can carry at this moment beside the flows that matter more, `rate` at most."""

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        if self.rate is None and not self.to_capacity:
            raise ValueError("say how much may pass: rate (0: nothing), to_capacity: true, or both")
        return self


class Unthrottle(OnLink):
    """Let the flows of a priority go, or all held ones where none is named."""

    priority: Literal["best-effort", "standard"] | None = None


class Reroute(OnFlow):
    """Move a flow to one of its routes."""

    route: Annotated[tuple[Id, ...], Field(min_length=1)]


class FailOver(OnFlow):
    """Move a flow to its alternate route, or to the classical fallback."""

    to: Literal["alternate", "classical"]
    route: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """With `classical`: the route that the flow is to have when it is carried by quanta again."""

    @model_validator(mode="after")
    def _routed_once(self) -> Self:
        if self.route is not None and self.to == "alternate":
            raise ValueError("say route with to: classical alone; flow.reroute moves a flow to a route")
        return self


class Restore(OnFlow):
    """Back to the home route, with this quota in logical qubits a second or without one."""

    quota_logical_per_s: Rate | None = None


class Quota(OnFlow):
    """At most this many logical qubits a second; null: as many as it asks for."""

    null_means: ClassVar[frozenset[str]] = frozenset({"logical_per_s"})
    logical_per_s: Rate | None


async def _throttle_rate(given: Throttle, ports: Ports, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rate as given; with `to_capacity` 90% of what is made, in logical qubits/s, less the demand that goes first.

    What a logical qubit costs is what the link takes from its pool for each that it delivers, now or, where nothing is
    delivered, before the incident. Where any of it is not known nothing passes.
    """
    if not given.to_capacity:
        return {"rate": given.rate}
    names = ("entanglement_rate", "entanglement_consumption_rate", "delivered_logical_per_second")
    made, used, delivered = await asyncio.gather(*(ports.readings.read(name, given.link) for name in names))
    cost = _cost(used, delivered)
    first = _demand_before(before, given.priority)
    if made.value is None or made.quality != "fresh" or cost is None or first is None:
        return {"rate": 0.0}
    rate = spare(made.value, cost, first)
    return {"rate": round(rate if given.rate is None else min(rate, given.rate), 3)}


def spare(made: float, cost: float, first: float) -> float:
    """Logical qubits/s that a link can carry beside `first` of them: 90% of the pairs made a second, at `cost` each."""
    return max(0.0, _USABLE * made / cost - first)


def _held(given: Throttle) -> Effect:
    """The most that may pass of the held priority, logical qubits/s, under the priority's name."""
    most = float("inf") if given.to_capacity and given.rate is None else given.rate or 0.0
    return Effect(
        "throttle", Target("link", given.link), {given.priority: most, "to_capacity": float(given.to_capacity)}
    )


def _rerouted(given: Reroute) -> Effect:
    """The flow leaves every link that its new route does not name."""
    return Effect("reroute", Target("flow", given.flow), {f"over:{link}": 1.0 for link in given.route})


def _failed_over(given: FailOver) -> Effect:
    return Effect("reroute", Target("flow", given.flow), {"alternate": 1.0} if given.to == "alternate" else {})


def _limited(given: Quota) -> Effect | None:
    if given.logical_per_s is None:
        return None
    return Effect("reroute", Target("flow", given.flow), {"quota": given.logical_per_s})


def _cost(used: Reading, delivered: Reading) -> float | None:
    """Pairs per delivered logical qubit; None where they are not known."""
    fresh = used.quality == delivered.quality == "fresh"
    for pairs, logical in (
        (used.value, delivered.value) if fresh else (None, None),
        (used.baseline, delivered.baseline),
    ):
        if pairs is not None and logical is not None and pairs > 0 and logical > 0:
            return pairs / logical
    return None


def _demand_before(before: Mapping[str, Any], priority: str) -> float | None:
    """Logical qubits/s that flows of higher priorities ask of the link; None where the controller does not say."""
    state = before.get("state")
    demand = state.get("demand_by_priority") if isinstance(state, Mapping) else None
    names = PRIORITIES[: PRIORITIES.index(priority)]
    if not isinstance(demand, Mapping) or not all(isinstance(demand.get(name), int | float) for name in names):
        return None
    return sum(float(demand[name]) for name in names)


FLOW_ACTIONS: tuple[Action, ...] = (
    controlled(
        "flow.throttle",
        "Hold flows of a priority to a rate, or to what the link can carry beside those that matter more",
        Throttle,
        on="link",
        effect=_held,
        compensation="flow.unthrottle",
        measured=_throttle_rate,
        leaves={"throttle": lambda asked: {asked["priority"]: asked["rate"]} if "rate" in asked else None},
    ),
    controlled(
        "flow.unthrottle",
        "Let held flows go",
        Unthrottle,
        on="link",
        unpredicted="what the held flows ask for is what they asked for before",
        leaves={"throttle": lambda asked: {asked["priority"]: Unset.UNSET} if "priority" in asked else {}},
    ),
    controlled(
        "flow.reroute",
        "Move a flow to another route",
        Reroute,
        on="flow",
        effect=_rerouted,
        risk=Risk.DISRUPTIVE,
        compensation="flow.restore",
        leaves={"route": given("route")},
    ),
    controlled(
        "flow.restore",
        "Move a flow back to its home route",
        Restore,
        on="flow",
        unpredicted="what the flow asks of its home route is what it asked for before",
        leaves={
            "classical": always(value=False),
            "quota_logical_per_s": lambda asked: asked.get("quota_logical_per_s"),
        },
    ),
    controlled(
        "flow.fail_over",
        "Move a flow off its route, to its alternate or to its classical fallback",
        FailOver,
        on="flow",
        effect=_failed_over,
        risk=Risk.DISRUPTIVE,
        compensation="flow.restore",
        leaves={
            "classical": lambda asked: asked["to"] == "classical",
            "route": lambda asked: asked.get("route") if asked["to"] == "classical" else None,
        },
    ),
    controlled(
        "flow.set_quota",
        "Limit a customer's flow, or let it have what it asks for",
        Quota,
        on="flow",
        effect=_limited,
        unpredicted="with `logical_per_s` null nothing is",
        compensation="flow.restore",
        leaves={"quota_logical_per_s": given("logical_per_s")},
    ),
)
