"""What operations do to a flow, when their job is due."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.simulator.operation import JobFailedError, Request

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


def reroute(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Another of the flow's routes."""
    flow = simulation.settings.flows[request.id]
    flow.route, flow.classical = tuple(request.parameters["route"]), False
    return {"route": list(flow.route)}


def restore(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """Home route, quantum, the quota that is given or none."""
    flow, quota = simulation.settings.flows[request.id], request.parameters.get("quota_logical_per_s")
    flow.route, flow.classical = simulation.network.flows[request.id].route, False
    flow.quota = np.inf if quota is None else float(quota)
    return {"route": list(flow.route)}


def fail_over(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """First alternate route, or the classical fallback, with the route to come back to where one is given."""
    flow, state = simulation.network.flows[request.id], simulation.settings.flows[request.id]
    if request.parameters["to"] == "classical":
        if flow.fallback != "classical":
            raise JobFailedError(f"flow {flow.id} may not fall back to classical: its fallback is {flow.fallback}")
        state.route, state.classical = tuple(request.parameters.get("route") or state.route), True
        return {"to": "classical"}
    if not flow.alternates:
        raise JobFailedError(f"flow {flow.id} has no alternate route")
    state.route, state.classical = flow.alternates[0], False
    return {"route": list(state.route)}


def set_quota(simulation: "Simulation", request: Request) -> Mapping[str, Any]:
    """At most this demand; null: no quota."""
    quota = request.parameters["logical_per_s"]
    simulation.settings.flows[request.id].quota = np.inf if quota is None else float(quota)
    return {}
