"""The few endpoints of a Kubernetes API that a rollout needs, on loopback, with its optimistic locking and patches."""

import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.http import free_port, running
from remediation.controllers.kubernetes import KubernetesController, KubernetesOperation
from remediation.controllers.kubernetes_client import Cluster, KubernetesClient

TOKEN = "service-account-token"
REVISION = "deployment.kubernetes.io/revision"
OPERATIONS = {
    "decoder.scale": KubernetesOperation(
        "scale", "decoder-{{ inputs.target }}", "quantum", replicas="{{ inputs.parameters.replicas }}"
    ),
    "decoder.restart": KubernetesOperation("restart", "decoder-{{ inputs.target }}", "quantum"),
    "firmware.roll_back": KubernetesOperation("undo", "decoder-ams-utr", "quantum"),
    "decoder.switch": KubernetesOperation(
        "patch",
        "{{ inputs.target }}",
        "quantum",
        "quantum.example/v1/decoders",
        patch={"spec": {"decoder": "{{ inputs.parameters.decoder }}"}},
    ),
}


class Kube:
    """One deployment with two revisions and one custom resource; a change is carried out after `delay` looks."""

    def __init__(self, *, delay: int = 1, stuck: str = "") -> None:
        labels = {"app": "decoder"}
        self.deployment = self._object("decoder-ams-utr", {"replicas": 2, "selector": {"matchLabels": labels}})
        self.deployment["spec"]["template"] = self._template("decoder:2", labels)
        self.deployment["metadata"]["annotations"] = {REVISION: "2"}
        self.decoder = self._object("ams-utr", {"decoder": "accurate", "budget": 3})
        self.patches: list[tuple[str, Any]] = []
        self._delay, self._stuck, self._waiting = delay, stuck, 0
        self._replica_sets = [
            {
                "metadata": {
                    "annotations": {REVISION: str(at)},
                    "ownerReferences": [{"controller": True, "uid": owner}],
                },
                "spec": {"template": self._template(f"decoder:{at}", {**labels, "pod-template-hash": f"h{at}"})},
            }
            for at, owner in ((1, "uid-decoder-ams-utr"), (2, "uid-decoder-ams-utr"), (9, "uid-of-another"))
        ]
        self.before: Callable[[Request], Awaitable[Response | None]] | None = None
        for thing in (self.deployment, self.decoder):
            self._carry_out(thing)

    def app(self) -> Starlette:
        """Its routes."""
        apps, own = "/apis/apps/v1/namespaces/quantum", "/apis/quantum.example/v1/namespaces/quantum"
        return Starlette(
            routes=[
                Route("/version", self._guarded(self._version)),
                Route(f"{apps}/deployments", self._guarded(self._list)),
                Route(f"{apps}/replicasets", self._guarded(self._list)),
                Route(f"{apps}/deployments/{{name}}", self._guarded(self._thing), methods=["GET", "PATCH"]),
                Route(f"{own}/decoders/{{name}}", self._guarded(self._thing), methods=["GET", "PATCH"]),
            ]
        )

    def _guarded(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if given != f"Bearer {TOKEN}":
                return JSONResponse({"kind": "Status", "message": f"Unauthorized: {given}"}, status_code=401)
            instead = await self.before(request) if self.before is not None else None
            return instead if instead is not None else await answer(request)

        return guarded

    async def _version(self, request: Request) -> Response:
        return JSONResponse({"gitVersion": "v1.31.0"})

    async def _list(self, request: Request) -> Response:
        if request.url.path.endswith("replicasets"):
            assert request.query_params["labelSelector"] == "app=decoder"
            return JSONResponse({"items": self._replica_sets})
        return JSONResponse({"items": [self.deployment]})

    async def _thing(self, request: Request) -> Response:
        thing = next((each for each in self._things if each["metadata"]["name"] == request.path_params["name"]), None)
        if thing is None:
            return JSONResponse({"kind": "Status", "message": "not found"}, status_code=404)
        if request.method == "GET":
            self._waiting -= 1
            if self._waiting < 0:
                self._carry_out(thing)
            return JSONResponse(thing)
        change, media_type = json.loads(await request.body()), request.headers["content-type"]
        changed = _json_patched(thing, change) if media_type.startswith("application/json-patch") else None
        if changed is None:
            wanted = change["metadata"]["resourceVersion"]
            changed = _merged(thing, change) if wanted == thing["metadata"]["resourceVersion"] else None
        if changed is None:
            return JSONResponse({"kind": "Status", "message": "the object has been modified"}, status_code=409)
        self.patches.append((media_type, change))
        changed["metadata"]["generation"] += changed["spec"] != thing["spec"]
        changed["metadata"]["resourceVersion"] = str(int(thing["metadata"]["resourceVersion"]) + 1)
        thing.clear()
        thing.update(changed)
        self._waiting = self._delay
        return JSONResponse(thing)

    @property
    def _things(self) -> tuple[dict[str, Any], ...]:
        return self.deployment, self.decoder

    def _carry_out(self, thing: dict[str, Any]) -> None:
        replicas = thing["spec"].get("replicas", 0)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
        ready: dict[str, Any] = {"type": "Ready", "status": "True"}
        if self._stuck and thing["metadata"]["generation"] > 1:
            counts["availableReplicas"] = 0
            reason = {"reason": "ProgressDeadlineExceeded", "message": self._stuck}
            ready = {"type": "Progressing" if thing is self.deployment else "Stalled", "status": "True", **reason}
        generation = thing["metadata"]["generation"]
        thing["status"] = {**counts, "observedGeneration": generation, "conditions": [ready]}

    def _object(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1", "annotations": {}}
        return {"metadata": metadata, "spec": spec, "status": {}}

    def _template(self, image: str, labels: dict[str, str]) -> dict[str, Any]:
        return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "decoder", "image": image}]}}


def _merged(thing: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return change
    merged = copy.deepcopy(thing) if isinstance(thing, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _json_patched(thing: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What of RFC 6902 a rollback needs; None when a test does not hold."""
    changed = copy.deepcopy(thing)
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        inner = changed
        for step in way:
            inner = inner[step]
        if operation["op"] == "test":
            if inner.get(last) != operation["value"]:
                return None
        else:
            inner[last] = operation["value"]
    return changed


@asynccontextmanager
async def serving(kube: Kube, *, token: str = TOKEN) -> AsyncIterator[KubernetesController]:
    """A client of it."""
    async with running(kube.app(), free_port()) as address:
        controller = KubernetesController(KubernetesClient(Cluster(url=address, token=lambda: token)), OPERATIONS)
        try:
            yield controller
        finally:
            controller.close()
