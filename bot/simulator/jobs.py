"""Jobs of the controller: accepted once per idempotency key, worked on in simulated time, kept in order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bot.errors import BadPayloadError, NotFoundError
from bot.simulator.operation import JobFailedError, NotYet, Request
from bot.simulator.operations import OPERATIONS
from bot.simulator.plant import Plant
from bot.simulator.state import Flags

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


@dataclass(slots=True)
class Job:
    """One accepted operation."""

    key: str
    request: Request
    submitted_at: float
    due_at: float
    state: Literal["running", "succeeded", "failed"] = "running"
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Ledger:
    """All jobs, oldest first: the record of every effect that was asked for."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._running: list[Job] = []
        self._versions: dict[tuple[str, str], int] = {}

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job ever accepted."""
        return tuple(self._jobs.values())

    def job(self, key: str) -> Job:
        """Raises NotFoundError: a key that was never accepted."""
        if key not in self._jobs:
            raise NotFoundError(f"no operation was accepted under the key {key}")
        return self._jobs[key]

    def version(self, kind: str, target: str) -> int:
        """How often the target's settings were changed: what an ETag is made of."""
        return self._versions.get((kind, target), 0)

    def known(self, key: str, request: Request) -> Job | None:
        """The job of this key; raises BadPayloadError (409) when the key was used for another body."""
        job = self._jobs.get(key)
        if job is not None and _canonical(job.request) != _canonical(request):
            message = f"the key {key} was used for another operation: {job.request.operation}"
            raise BadPayloadError(message, field="Idempotency-Key", status=409)
        return job

    def submit(self, key: str, request: Request, simulation: "Simulation") -> Job:
        """Accept a checked request."""
        now = simulation.time
        job = Job(key, request, now, now + OPERATIONS[request.operation].duration_s)
        self._jobs[key] = job
        self._running.append(job)
        simulation.renew()
        return job

    def replenishing(self, plant: Plant) -> Flags:
        """The links whose pool is being refilled."""
        links = {job.request.id for job in self._running if job.request.operation == "entanglement.replenish"}
        return np.array([link in links for link in plant.links], dtype=bool)

    def work(self, simulation: "Simulation") -> None:
        """Finish what is due."""
        for job in [job for job in self._running if job.due_at <= simulation.time]:
            self._finish(job, simulation)

    def _finish(self, job: Job, simulation: "Simulation") -> None:
        operation = OPERATIONS[job.request.operation]
        try:
            job.result = operation.apply(simulation, job.request)
        except NotYet:
            if simulation.time < job.submitted_at + operation.patience_s:
                return
            job.state, job.error = "failed", operation.too_late
        except JobFailedError as refused:
            job.state, job.error = "failed", str(refused)
        else:
            job.state = "succeeded"
            target = (job.request.kind, job.request.id)
            self._versions[target] = self.version(*target) + 1
        self._running.remove(job)
        simulation.renew()


def _canonical(request: Request) -> str:
    return json.dumps([request.operation, request.kind, request.id, request.parameters], sort_keys=True)
