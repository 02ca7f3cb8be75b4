"""Settings and state of links, nodes and flows as JSON."""

from typing import Any

import msgspec
import numpy as np

from bot.model.time import format_instant
from bot.simulator.faults import Fault
from bot.simulator.jobs import Job
from bot.simulator.plant import PRIORITIES
from bot.simulator.simulation import Simulation

Document = dict[str, Any]


def network(simulation: Simulation) -> Document:
    """The network file's content and the simulated time."""
    return {"time": format_instant(simulation.time), **msgspec.to_builtins(simulation.network)}


def link(simulation: Simulation, name: str) -> Document:
    """One link."""
    at = simulation.plant.links.index(name)
    settings, now, traffic = simulation.settings, simulation.environment, simulation.traffic
    throttles = zip(PRIORITIES, settings.throttle[:, at], strict=True)
    return {
        "id": name,
        "kind": "link",
        "settings": {
            "attempt_share": float(settings.attempt_share[at]),
            "target_level": float(settings.target[at]),
            "slots": float(settings.slots[at]),
            "specified_slots": float(simulation.plant.slots[at]),
            "replicas": float(settings.replicas[at]),
            "decoder": "fast" if settings.fast_decoder[at] else "accurate",
            "gain_db": float(settings.gain_db[at]),
            "purification_rounds": int(settings.purification[at]),
            "throttle": {priority: float(rate) for priority, rate in throttles if np.isfinite(rate)},
        },
        "state": {
            "up": bool(now.up[at]),
            "attempts_per_s": float(now.attempts[at]),
            "demand_logical_per_s": float(now.demand[:, at].sum()),
            "demand_by_priority": dict(zip(PRIORITIES, now.demand[:, at].tolist(), strict=True)),
            "slots_limit": float(now.slots[at]),
            "pool_pairs": float(np.floor(traffic.pool[at])),
            "queue_length": int(traffic.queue_shown[at]),
            "loss_db": float(-10 * np.log10(now.eta[at])),
        },
    }


def node(simulation: Simulation, name: str) -> Document:
    """One node."""
    at = simulation.plant.nodes.index(name)
    settings, devices = simulation.settings, simulation.devices
    due = settings.calibration_due[at]
    return {
        "id": name,
        "kind": "node",
        "settings": {
            "firmware": settings.firmware[at],
            "firmware_archive": list(settings.archive[at]),
            "pinned": bool(settings.pinned[at]),
            "power_mode": "safe" if settings.safe[at] else "normal",
            "drained": bool(settings.drained[at]),
            "calibration_due_at": format_instant(float(due)) if np.isfinite(due) else None,
        },
        "state": {
            "up": bool(devices.up[at]),
            "temperature_k": float(devices.temperature_k[at]),
            "calibrated_at": format_instant(float(devices.calibrated_at[at])),
        },
    }


def flow(simulation: Simulation, name: str) -> Document:
    """One flow."""
    state, promised = simulation.settings.flows[name], simulation.network.flows[name]
    return {
        "id": name,
        "kind": "flow",
        "settings": {
            "route": list(state.route),
            "home_route": list(promised.route),
            "alternates": [list(route) for route in promised.alternates],
            "priority": promised.priority,
            "classical": state.classical,
            "quota_logical_per_s": state.quota if np.isfinite(state.quota) else None,
        },
        "state": {"demand_logical_per_s": 0.0 if state.classical else min(state.quota, promised.demand_logical_per_s)},
    }


def job(accepted: Job) -> Document:
    """One job of the ledger."""
    request = accepted.request
    return {
        "key": accepted.key,
        "operation": request.operation,
        "target": {"kind": request.kind, "id": request.id},
        "parameters": dict(request.parameters),
        "state": accepted.state,
        "result": dict(accepted.result),
        "error": accepted.error,
        "submitted_at": format_instant(accepted.submitted_at),
    }


def fault(injected: Fault) -> Document:
    """One fault in force."""
    return {
        "id": injected.id,
        "mode": injected.mode,
        "subject": injected.subject,
        "severity": injected.severity,
        "shape": injected.shape,
        "cause": injected.cause,
        "started_at": format_instant(injected.started_at),
    }
