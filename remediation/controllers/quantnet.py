"""QUANT-NET's control plane over its REST API: calibrations and entanglement between two of its nodes.

It keeps no keys and answers OK to whatever it puts in its queue; only the experiment tells how it went. Its status OK
stands from the moment at which an experiment begins, so it counts only once every agent has sent its result. Agents
send that when their first step begins, so both ends must also be in spec and heard of after the last one was due.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import httpx

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.lenient import member, number
from remediation.controllers.once import Once
from remediation.controllers.plain import kept, line
from remediation.controllers.sendable import checked, segment
from remediation.controllers.wire import Answer, Wire
from remediation.errors import ControllerError

_OK, _UNKNOWN, _QUEUED = 0, 2, 7
_IN_SPEC = "IN_SPEC"
_LASTS_S = 3.0
"""A calibration is three steps of one second each."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration between two of QUANT-NET's nodes: 1 stabilises the link, 2 the polarisation; power in W."""

    src: str
    dst: str
    type: Literal[1, 2] = 1
    power: float = 0.1
    light: Literal["H", "D"] = "H"


@dataclass(frozen=True, slots=True)
class Entanglement:
    """Pairs to ask for between two of QUANT-NET's nodes."""

    src: str
    dst: str
    pairs: int
    bell_state: str
    fidelity: float


@dataclass(frozen=True, slots=True)
class QuantnetNames:
    """What Bellhop's nodes and links are there: agent id by node, calibration by node, entanglement by link."""

    nodes: Mapping[str, str] = field(default_factory=dict)
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    entanglement: Mapping[str, Entanglement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Request:
    path: str
    ends: tuple[str, str]


class QuantnetController:
    """Speaks to one QUANT-NET API server."""

    def __init__(self, client: httpx.AsyncClient, names: QuantnetNames) -> None:
        self._wire = Wire(client, "QUANT-NET")
        self._names = names
        self._begun: Once[str] = Once()

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Put it in the queue once; the same key again in this process is the same act."""
        asked = Asked(operation, target, dict(parameters))
        await self._begun.ask(checked(key), asked, lambda: self._queue(asked))

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """What the experiment came to."""
        begun = self._begun.get(checked(key))
        if begun is not None:
            return await self._experiment(begun[1], self._request(begun[0]).ends)
        return JobStatus("unknown") if asked is None else await self._recovered(asked)

    async def state(self, target: Target, operation: str = "") -> Json:
        """A node as its agent describes it, or the two ends of a link."""
        del operation
        names = self._ends(target)
        nodes = [_agent(node) for name in names for node in await self._list(f"/api/node/{segment(name)}")]
        if len(nodes) != len(names):
            message = f"QUANT-NET has not heard of {' and '.join(names)}; are their agents running?"
            raise ControllerError(message, retryable=True, happened=False)
        settings = nodes[0] if target.kind == "node" else {"ends": nodes}
        return {"id": target.id, "kind": target.kind, "settings": settings}

    async def check(self) -> str:
        """Whether it answers and knows the nodes that the configuration names; raises ControllerError."""
        known = {_agent(node)["id"] for node in await self._list("/api/node")}
        named = {*self._names.nodes.values()}
        named |= {end for run in self._names.calibrations.values() for end in (run.src, run.dst)}
        named |= {end for ask in self._names.entanglement.values() for end in (ask.src, ask.dst)}
        if missing := sorted(named - known):
            message = f"QUANT-NET has not heard of {', '.join(missing)}; are their agents running?"
            raise ControllerError(message, retryable=True, happened=False)
        return f"{len(known)} nodes"

    async def _queue(self, asked: Asked) -> str:
        what = f"{asked.operation} on {asked.target}"
        answer = await self._wire.ask("POST", self._request(asked).path, acts=True)
        if not 200 <= answer.status < 300:
            raise self._wire.refusal(answer, what, acts=True)
        content = _accepted(answer, what)
        code, value = _status(content)
        if code not in (_OK, _QUEUED):
            happened = None if code is None else False
            raise ControllerError(f"{what}: QUANT-NET says {value}", retryable=False, happened=happened)
        jobs = member(content, "calibrations", "experiments")
        first = jobs[0] if isinstance(jobs, list) and jobs else content
        job = member(first, "id", "expid")
        if not isinstance(job, str) or not 0 < len(job) <= 200:
            message = f"{what}: QUANT-NET accepted it and named no experiment; look at its experiments"
            raise ControllerError(message, retryable=False, happened=None)
        return job

    async def _experiment(self, job: str, ends: tuple[str, str]) -> JobStatus:
        found = await self._list(f"/api/experiments/{segment(job)}")
        if not found:
            return JobStatus("lost", error=f"QUANT-NET forgot the experiment {line(job)}")
        outcome = _outcome(found[0], job)
        if outcome.state != "succeeded":
            return outcome
        over = (number(member(found[0], "created_at")) or 0.0) + _LASTS_S
        for end in ends:
            if not any(_is_well(node, over) for node in await self._list(f"/api/node/{segment(end)}")):
                return JobStatus("running")
        return outcome

    async def _recovered(self, asked: Asked) -> JobStatus:
        """Nothing of it was done when there is no experiment between its nodes; else a person must look."""
        ends = list(self._request(asked).ends)
        found = [each for each in await self._list("/api/experiments") if _path(each) == ends]
        if not found:
            return JobStatus("unknown")
        newest = max(found, key=lambda each: number(member(each, "created_at")) or 0.0)
        told = (
            f"the newest experiment from {ends[0]} to {ends[1]} is {line(member(newest, 'id'))} ({_status(newest)[1]})"
        )
        return JobStatus("lost", error=f"QUANT-NET keeps no keys; {told}: look whether it is this act's")

    async def _list(self, path: str) -> list[Mapping[str, Any]]:
        answer = await self._wire.ask("GET", path, acts=False)
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, path, acts=False)
        content = answer.json("QUANT-NET")
        if not isinstance(content, list):
            raise ControllerError("QUANT-NET's answer is not a list", retryable=True, happened=False)
        return [each for each in content if isinstance(each, Mapping)]

    def _request(self, asked: Asked) -> _Request:
        name = asked.target.id
        if asked.operation == "calibration.run" and (run := self._names.calibrations.get(name)) is not None:
            query = {"type": run.type, "src": run.src, "dst": run.dst, "power": run.power, "light": run.light}
            return _Request(f"/api/calibrate?{urlencode(query)}", (run.src, run.dst))
        if asked.operation == "entanglement.replenish" and (ask := self._names.entanglement.get(name)) is not None:
            bell = {"pairs": ask.pairs, "bellState": ask.bell_state, "fidelity": ask.fidelity}
            return _Request(f"/api/egp?{urlencode({'src': ask.src, 'dst': ask.dst, **bell})}", (ask.src, ask.dst))
        able = [f"calibration.run on {name}" for name in self._names.calibrations]
        able += [f"entanglement.replenish on {name}" for name in self._names.entanglement]
        message = f"{asked.operation} on {asked.target} is not configured for QUANT-NET; it can do {', '.join(able)}"
        raise ControllerError(message, retryable=False, happened=False)

    def _ends(self, target: Target) -> tuple[str, ...]:
        if target.kind == "node" and target.id in self._names.nodes:
            return (self._names.nodes[target.id],)
        if target.kind == "link" and target.id in self._names.entanglement:
            return self._names.entanglement[target.id].src, self._names.entanglement[target.id].dst
        message = f"the configuration of this controller does not know {target}"
        raise ControllerError(message, retryable=False, happened=False)


def _accepted(answer: Answer, what: str) -> dict[str, Any]:
    try:
        return answer.json_object("QUANT-NET")
    except ControllerError as error:
        raise ControllerError(f"{what}: {error}", retryable=False, happened=None) from None


def _status(content: Mapping[str, Any]) -> tuple[float | None, str]:
    status = member(content, "status")
    return number(member(status, "code")), line(member(status, "value") or "nothing")


def _path(experiment: Mapping[str, Any]) -> object:
    return member(member(experiment, "parameters"), "path")


def _agent(node: Mapping[str, Any]) -> dict[str, Any]:
    """What of a node matters here."""
    system, qubits = member(node, "systemSettings"), member(member(node, "qubitSettings"), "qubits")
    return {
        "id": member(system, "ID"),
        "type": member(system, "type"),
        "state": member(member(node, "state"), "value"),
        "last_seen": number(member(node, "last_seen")),
        "qubits": [
            {"id": member(each, "ID"), "t1": member(each, "T1"), "t2": member(each, "T2")}
            for each in (qubits if isinstance(qubits, list) else [])
        ],
    }


def _is_well(node: Mapping[str, Any], over: float) -> bool:
    """Whether an agent is in spec and was heard of after `over` (s), as far as the node tells that."""
    state, seen = member(member(node, "state"), "value"), number(member(node, "last_seen"))
    return state in (None, _IN_SPEC) and (seen is None or seen > over)


def _outcome(experiment: Mapping[str, Any], job: str) -> JobStatus:
    code, value = _status(experiment)
    result = member(experiment, "result")
    if code is None or code == _UNKNOWN:
        return JobStatus("lost", error=f"QUANT-NET says {value} of the experiment {line(job)}")
    if code == _QUEUED:
        return JobStatus("running")
    if code != _OK:
        said = member(result, "error") or member(experiment, "error") or f"it says {value}"
        return JobStatus("failed", error=line(said))
    agents = {str(name): _status(each)[0] for name, each in result.items()} if isinstance(result, Mapping) else {}
    if not agents or any(code != _OK for code in agents.values()):
        return JobStatus("running")
    try:
        return JobStatus("succeeded", kept(result, "the result"))
    except ValueError as error:
        return JobStatus("succeeded", {"left_out": str(error)})
