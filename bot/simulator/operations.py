"""What the controller can do: one row per operation with its target, parameters, duration and effect.

Accepting is not succeeding: an effect happens when the job's simulated duration is over, and it may then fail.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.errors import BadPayloadError
from bot.simulator import flow_acts, link_acts, node_acts
from bot.simulator.operation import Operation, Parameter, Request
from bot.simulator.plant import PRIORITIES

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


def check(request: Request, simulation: "Simulation") -> None:
    """Refuse what cannot be accepted: BadPayloadError with the field, 404 for a target that is not there, else 422."""
    operation = OPERATIONS.get(request.operation)
    if operation is None:
        raise _wrong("operation", f"no operation {request.operation!r}; known are {', '.join(OPERATIONS)}")
    if request.kind != operation.kind:
        raise _wrong("target.kind", f"{request.operation} acts on a {operation.kind}, not on a {request.kind}")
    known = {"link": simulation.network.links, "node": simulation.network.nodes, "flow": simulation.network.flows}
    if request.id not in known[request.kind]:
        raise BadPayloadError(f"there is no {request.kind} {request.id}", field="target.id", status=404)
    _check_parameters(request, operation)
    if request.kind == "flow" and request.parameters.get("route") is not None:
        _check_route(request, simulation)


def _check_parameters(request: Request, operation: Operation) -> None:
    for name in request.parameters:
        if name not in operation.parameters:
            raise _wrong(f"parameters.{name}", f"{request.operation} has no parameter {name}")
    for name, parameter in operation.parameters.items():
        if request.parameters.get(name) is None:
            if parameter.nullable and name in request.parameters:
                continue
            if not parameter.optional:
                raise _wrong(f"parameters.{name}", f"{request.operation} needs {name}")
        elif fault := parameter.fault(request.parameters[name]):
            raise _wrong(f"parameters.{name}", f"{name} {fault}")


def _check_route(request: Request, simulation: "Simulation") -> None:
    flow = simulation.network.flows[request.id]
    if tuple(request.parameters["route"]) not in (flow.route, *flow.alternates):
        raise _wrong("parameters.route", f"flow {flow.id} has no such route in the network file")


def _wrong(field: str, message: str) -> BadPayloadError:
    return BadPayloadError(message, field=field, status=422)


_SHARE = Parameter(low=0, high=1)
_VERSION = Parameter(text=True)
_PRIORITY = Parameter(words=PRIORITIES)
_SOME_PRIORITY = Parameter(words=PRIORITIES, optional=True)
_RATE = Parameter(low=0, high=1e9, optional=True)

OPERATIONS: Mapping[str, Operation] = {
    "entanglement.replenish": Operation(
        "link",
        10,
        link_acts.replenish,
        {"level": _SHARE},
        patience_s=180,
        too_late="the pool did not reach its level within 180 s: pairs are not made fast enough",
    ),
    "entanglement.set_policy": Operation(
        "link",
        5,
        link_acts.set_policy,
        {"attempt_share": _SHARE, "target_level": Parameter(low=0, high=1, optional=True)},
    ),
    "entanglement.purify": Operation("link", 5, link_acts.purify, {"rounds": Parameter(low=1, high=3, whole=True)}),
    "flow.reroute": Operation("flow", 5, flow_acts.reroute, {"route": Parameter(links=True)}),
    "flow.restore": Operation("flow", 5, flow_acts.restore, {"quota_logical_per_s": _RATE}),
    "flow.throttle": Operation("link", 2, link_acts.throttle, {"priority": _PRIORITY, "rate": _RATE}),
    "flow.unthrottle": Operation("link", 2, link_acts.unthrottle, {"priority": _SOME_PRIORITY}),
    "flow.fail_over": Operation(
        "flow",
        5,
        flow_acts.fail_over,
        {"to": Parameter(words=("alternate", "classical")), "route": Parameter(links=True, optional=True)},
    ),
    "flow.set_quota": Operation(
        "flow", 2, flow_acts.set_quota, {"logical_per_s": Parameter(low=0, high=1e9, nullable=True)}
    ),
    "link.realign": Operation("link", 60, link_acts.realign, {}),
    "link.set_power": Operation("link", 5, link_acts.set_power, {"gain_db": Parameter(low=0, high=6)}),
    "control.resynchronise": Operation("link", 20, link_acts.heals("F2"), {}),
    "scheduler.rebalance": Operation("link", 30, link_acts.heals("F2"), {}),
    "decoder.restart": Operation("link", 15, link_acts.heals("F3"), {}),
    "decoder.scale": Operation(
        "link", 20, link_acts.scale_decoder, {"replicas": Parameter(low=1, high=64, whole=True)}
    ),
    "decoder.switch": Operation(
        "link", 10, link_acts.switch_decoder, {"decoder": Parameter(words=("fast", "accurate"))}
    ),
    "firmware.roll_back": Operation("node", 45, node_acts.roll_back, {"version": _VERSION}),
    "firmware.canary": Operation("node", 45, node_acts.canary, {"version": _VERSION}),
    "firmware.pin": Operation("node", 2, node_acts.pin, {"version": _VERSION}),
    "firmware.unpin": Operation("node", 2, node_acts.unpin, {}),
    "calibration.run": Operation("node", 60, node_acts.calibrate, {}),
    "calibration.schedule": Operation(
        "node", 2, node_acts.schedule_calibration, {"after": Parameter(low=0, high=86400)}
    ),
    "calibration.cancel": Operation("node", 2, node_acts.cancel_calibration, {}),
    "scheduler.set_slots": Operation(
        "link", 5, link_acts.set_slots, {"slots": Parameter(low=1, high=10000, whole=True)}
    ),
    "device.set_power_mode": Operation(
        "node", 10, node_acts.set_power_mode, {"mode": Parameter(words=("normal", "safe"))}
    ),
    "device.restart_cooling": Operation("node", 60, node_acts.restart_cooling, {}),
    "device.drain": Operation("node", 5, node_acts.drains(drained=True), {}),
    "device.undrain": Operation("node", 5, node_acts.drains(drained=False), {}),
}
"""Operation -> its row."""
