"""Deployments and custom resources of a Kubernetes cluster: scaled, restarted, rolled back, merge-patched.

The key is written into the object's annotation together with the change, in one patch against the version that was
read: the change cannot be made twice, and a later process finds it. It is done when the object's own controller has
seen its generation and says so.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.kubernetes_client import KubernetesClient
from remediation.controllers.mapping import picked, rendered_body
from remediation.controllers.plain import kept, line
from remediation.controllers.sendable import checked, quoted, segment
from remediation.errors import ControllerError

ANNOTATION = "bellhop.dev/acts"
_REMEMBERED = 50
_REVISION = "deployment.kubernetes.io/revision"
_RESTARTED = "bellhop.dev/restarted-by"
_DEPLOYMENTS = "apis/apps/v1/namespaces/{namespace}/deployments/{name}"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KubernetesOperation:
    """What an operation is there: one verb on one object; `name`, `replicas` and `patch` are templates over `inputs`.

    `resource` is group/version/plural of a custom resource, empty for a deployment. `done` is a JMESPath that is true
    once a custom resource is as it should be; without it its condition Ready counts.
    """

    verb: Literal["scale", "restart", "undo", "patch"]
    name: str
    namespace: str = "default"
    resource: str = ""
    replicas: str = ""
    patch: Mapping[str, Any] | None = None
    done: str = ""


class KubernetesController:
    """Speaks to one cluster."""

    def __init__(self, client: KubernetesClient, operations: Mapping[str, KubernetesOperation]) -> None:
        self._client = client
        self._operations = operations

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Patch once; the same key again is the same act."""
        asked, what = Asked(operation, target, dict(parameters)), f"{operation} on {target}"
        how, path = self._found(asked, what)
        present = await self._client.get(path, what)
        acts = _acts(present)
        print_of_act = _print(asked)
        for act in acts:
            if act.get("key") == checked(key):
                if act.get("act") != print_of_act:
                    message = f"the key {key} was used for another operation: {line(act.get('act'))}"
                    raise ControllerError(message, retryable=False, happened=False)
                return
        acts = [*acts, {"key": checked(key), "act": print_of_act}][-_REMEMBERED:]
        change = await self._change(how, asked, present, what)
        await self._client.patch(path, _with_acts(change, present, acts), what)

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """Whether the object carries the key, and whether its controller has carried the change out."""
        if asked is None:
            return JobStatus("lost", error="a cluster is asked about an object; say which act it was")
        what = f"the status of {asked.operation} on {asked.target}"
        how, path = self._found(asked, what)
        present = await self._client.get(path, what)
        if all(act.get("key") != checked(key) for act in _acts(present)):
            return JobStatus("unknown")
        return _rolled_out(present, how.verb) if not how.resource else _reconciled(present, how.done)

    async def state(self, target: Target, operation: str = "") -> Json:
        """What of the operation's object it could change."""
        what = f"the state of {target}"
        how, path = self._found(Asked(operation, target), what)
        present = await self._client.get(path, what)
        spec = _mapping(present.get("spec"))
        if how.resource:
            named = {str(name) for name in _mapping((how.patch or {}).get("spec"))}
            settings: Document = {name: value for name, value in spec.items() if name in named}
        else:
            images = picked("template.spec.containers[].image", spec)
            settings = {"replicas": spec.get("replicas"), "images": images, "revision": str(_revision(present))}
        if how.verb == "undo":
            earlier = sorted(_revision(each) for each in await self._replica_sets(how, present, what))
            settings |= {"firmware": settings["revision"], "firmware_archive": [str(each) for each in earlier]}
        try:
            return kept({"id": target.id, "kind": target.kind, "settings": settings}, what)
        except ValueError as error:
            raise ControllerError(str(error), retryable=False, happened=False) from None

    async def check(self) -> str:
        """Whether the cluster answers and lets us in; raises ControllerError."""
        version = await self._client.get("/version", "the cluster's version")
        namespaces = sorted({how.namespace for how in self._operations.values()})
        for namespace in namespaces:
            path = f"/apis/apps/v1/namespaces/{segment(namespace)}/deployments?limit=1"
            await self._client.get(path, f"the deployments of {namespace}")
        return f"{line(version.get('gitVersion', 'unknown version'))}, {len(self._operations)} operations"

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    async def _change(
        self, how: KubernetesOperation, asked: Asked, present: Document, what: str
    ) -> Document | list[Document]:
        if how.verb == "scale":
            return {"spec": {"replicas": _replicas(how, asked, what)}}
        if how.verb == "restart":
            return {"spec": {"template": {"metadata": {"annotations": {_RESTARTED: _print(asked) + _tag(present)}}}}}
        if how.verb == "patch":
            return dict(rendered_body(how.patch or {}, _scope(asked), what))
        template = await self._earlier_template(how, asked, present, what)
        return [{"op": "replace", "path": "/spec/template", "value": template}]

    async def _earlier_template(self, how: KubernetesOperation, asked: Asked, present: Document, what: str) -> Document:
        """The pod template of the revision that `version` names, else of the one before, as `kubectl rollout undo`."""
        now = _revision(present)
        sets = {_revision(each): each for each in await self._replica_sets(how, present, what)}
        earlier = [revision for revision in sets if revision != now]
        wanted = str(asked.parameters.get("version", max(earlier, default=0)))
        chosen = next((sets[revision] for revision in earlier if str(revision) == wanted), None)
        if chosen is None:
            known = ", ".join(str(revision) for revision in sorted(earlier)) or "none"
            message = f"{what}: there is no revision {line(wanted)} to go back to; there are {known}"
            raise ControllerError(message, retryable=False, happened=False)
        template = dict(_mapping(_mapping(chosen.get("spec")).get("template")))
        metadata = dict(_mapping(template.get("metadata")))
        labels = _mapping(metadata.get("labels")).items()
        metadata["labels"] = {name: value for name, value in labels if name != "pod-template-hash"}
        return {**template, "metadata": metadata}

    async def _replica_sets(self, how: KubernetesOperation, present: Document, what: str) -> list[Document]:
        """Those of a deployment up to its present revision."""
        labels = _mapping(_mapping(_mapping(present.get("spec")).get("selector")).get("matchLabels"))
        selector = quoted(",".join(f"{name}={value}" for name, value in labels.items()))
        path = f"/apis/apps/v1/namespaces/{segment(how.namespace)}/replicasets?labelSelector={selector}"
        items = (await self._client.get(path, what)).get("items")
        uid, now = _mapping(present.get("metadata")).get("uid"), _revision(present)
        found = [each for each in (items if isinstance(items, list) else []) if isinstance(each, dict)]
        return [each for each in found if _owner(each) == uid and 0 < _revision(each) <= now]

    def _found(self, asked: Asked, what: str) -> tuple[KubernetesOperation, str]:
        how = self._operations.get(asked.operation)
        if how is None:
            message = f"{asked.operation} is not configured for this cluster; it has {', '.join(self._operations)}"
            raise ControllerError(message, retryable=False, happened=False)
        name = segment(str(rendered_body(how.name, _scope(asked), what)))
        if not how.resource:
            return how, "/" + _DEPLOYMENTS.format(namespace=segment(how.namespace), name=name)
        return how, f"/apis/{_group(how.resource, how.namespace)}/{name}"


def _group(resource: str, namespace: str) -> str:
    group, version, plural = resource.split("/")
    return f"{segment(group)}/{segment(version)}/namespaces/{segment(namespace)}/{segment(plural)}"


def _scope(asked: Asked) -> Mapping[str, Any]:
    about = {"operation": asked.operation, "target": asked.target.id, "kind": asked.target.kind}
    return {"inputs": {**about, "parameters": dict(asked.parameters)}}


def _replicas(how: KubernetesOperation, asked: Asked, what: str) -> int:
    value = rendered_body(how.replicas, _scope(asked), what)
    try:
        count = int(value)
    except (TypeError, ValueError):
        count = -1
    if not 0 <= count <= 1000:
        message = f"{what}: {line(value)} is no number of replicas from 0 to 1000"
        raise ControllerError(message, retryable=False, happened=False)
    return count


def _with_acts(change: Document | list[Document], present: Document, acts: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401
    """The change with the keys, refused by the cluster when the object has another version than the one read."""
    metadata, written = _mapping(present.get("metadata")), json.dumps(acts)
    version = metadata.get("resourceVersion")
    if isinstance(change, list):
        annotations = {**_annotations(present), ANNOTATION: written}
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        return [test, *change, {"op": "add", "path": "/metadata/annotations", "value": annotations}]
    given = _mapping(change.get("metadata"))
    annotations = {**_mapping(given.get("annotations")), ANNOTATION: written}
    return {**change, "metadata": {**given, "annotations": annotations, "resourceVersion": version}}


def _rolled_out(present: Document, verb: str) -> JobStatus:
    """As `kubectl rollout status` judges a deployment; one that went back counts as a new revision."""
    spec, status = _mapping(present.get("spec")), _mapping(present.get("status"))
    if not _is_seen(present):
        return JobStatus("running")
    for condition in _conditions(present):
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return JobStatus("failed", error=line(condition.get("message") or "the rollout exceeded its deadline"))
    wanted = spec.get("replicas", 1)
    counts = (status.get("replicas") or 0, status.get("updatedReplicas") or 0, status.get("availableReplicas") or 0)
    if counts != (wanted, wanted, wanted):
        return JobStatus("running")
    revision = str(_revision(present))
    became = {"version": revision} if verb == "undo" else {}
    return JobStatus("succeeded", {"replicas": wanted, "revision": revision, **became})


def _reconciled(present: Document, done: str) -> JobStatus:
    if not _is_seen(present):
        return JobStatus("running")
    ready = False
    for condition in _conditions(present):
        is_true = condition.get("status") == "True"
        if is_true and condition.get("type") in ("Failed", "Stalled"):
            return JobStatus("failed", error=line(condition.get("message") or condition.get("reason") or "it failed"))
        ready = ready or (is_true and condition.get("type") == "Ready")
    if picked(done, present) is True if done else ready:
        return JobStatus("succeeded", {"generation": _mapping(present.get("metadata")).get("generation")})
    return JobStatus("running")


def _is_seen(present: Document) -> bool:
    generation = _mapping(present.get("metadata")).get("generation")
    seen = _mapping(present.get("status")).get("observedGeneration")
    return isinstance(generation, int) and isinstance(seen, int) and seen >= generation


def _conditions(present: Document) -> list[Mapping[str, Any]]:
    conditions = _mapping(present.get("status")).get("conditions")
    return [each for each in (conditions if isinstance(conditions, list) else []) if isinstance(each, Mapping)]


def _acts(present: Document) -> list[Mapping[str, Any]]:
    """The newest acts that the object carries: more cannot come between an act and the question what became of it."""
    try:
        acts = json.loads(str(_annotations(present).get(ANNOTATION, "[]")))
    except (ValueError, RecursionError):
        acts = []
    return [each for each in (acts if isinstance(acts, list) else []) if isinstance(each, Mapping)]


def _print(asked: Asked) -> str:
    """What an act is, short: its operation and a fingerprint of its parameters."""
    text = json.dumps([asked.operation, str(asked.target), dict(asked.parameters)], sort_keys=True, default=str)
    return f"{asked.operation} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _tag(present: Document) -> str:
    return f" at {_mapping(present.get('metadata')).get('resourceVersion')}"


def _annotations(thing: Document) -> Mapping[str, Any]:
    return _mapping(_mapping(thing.get("metadata")).get("annotations"))


def _revision(thing: Any) -> int:  # noqa: ANN401
    text = str(_annotations(thing).get(_REVISION, "")) if isinstance(thing, dict) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _owner(thing: Any) -> object:  # noqa: ANN401
    return picked("metadata.ownerReferences[?controller].uid | [0]", thing)


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401
    return value if isinstance(value, Mapping) else {}
