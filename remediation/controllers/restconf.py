"""ETSI GS QKD 015 nodes over RESTCONF: links switched on and off, applications limited and moved to other links.

Every operation sets a state and is done when the node shows that state, so asking for it again does no harm. One
controller speaks to one node. A PATCH merges: it would create what the node does not have, so that is refused first,
and it adds to a list, so an application that moves gets its new links before its old ones are deleted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import httpx

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.key_store import KeyStore
from remediation.controllers.lenient import QkdNode
from remediation.controllers.once import Once
from remediation.controllers.sendable import body, checked, segment
from remediation.controllers.wire import Answer, Wire
from remediation.errors import ControllerError

_MODULE = "etsi-qkd-sdn-node"
_ROOT = f"/restconf/data/{_MODULE}:qkd_node"
_MEDIA_TYPE = "application/yang-data+json"
_NOT_CARRYING = ("OFF", "PENDING")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class FlowApplication:
    """The application of a flow at this node, and the links of its home route and its alternate."""

    application: str
    route: tuple[str, ...] = ()
    alternate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeNames:
    """How Bellhop's names are called at this node: qkdl_id by link, application by flow, peers by link.

    `bits_per_logical` turns the demand of a flow (logical/s) into the bandwidth of its application (bit/s).
    """

    node: str
    links: Mapping[str, str]
    flows: Mapping[str, FlowApplication] = field(default_factory=dict)
    peers: Mapping[str, str] = field(default_factory=dict)
    """The SAE id by link under which the key manager counts the link's keys."""
    bits_per_logical: float = 1.0


@dataclass(frozen=True, slots=True)
class _Wish:
    """A state to set: where, what to send, and when the node shows it."""

    path: str
    content: Mapping[str, Any]
    reached: Callable[[QkdNode], bool]
    missing: Callable[[QkdNode], tuple[str, ...]]
    """What of it the node does not have."""
    stale: Callable[[QkdNode], tuple[str, ...]] = lambda _: ()
    """Paths of what a merge leaves behind, to be deleted."""


class RestconfController:
    """Speaks to one node, and to its key manager where there is one (`key_store`)."""

    def __init__(self, client: httpx.AsyncClient, names: NodeNames, key_store: KeyStore | None = None) -> None:
        self._wire = Wire(client, f"the QKD node {names.node}")
        self._names = names
        self._key_store = key_store
        self._begun: Once[None] = Once()

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask once for a state; the same key again is the same act."""
        asked = Asked(operation, target, dict(parameters))
        await self._begun.ask(checked(key), asked, lambda: self._set(asked))

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """Succeeded once the node shows the state that was asked for."""
        begun = self._begun.get(checked(key))
        if begun is None and asked is None:
            return JobStatus("unknown")
        about = begun[0] if begun is not None else asked
        assert about is not None
        if _wish(about, self._names).reached(await self._node()):
            return JobStatus("succeeded")
        return JobStatus("unknown" if begun is None else "running")

    async def state(self, target: Target, operation: str = "") -> Json:
        """A link, an application or the whole node as it is now, with the keys in store where they are known."""
        del operation
        node = await self._node()
        state: dict[str, Any] = {"id": target.id, "kind": target.kind}
        if target.kind == "link":
            name = _named(self._names.links, target)
            if name not in node.links:
                raise ControllerError(f"{self._wire.who} has no link {name}", retryable=False, happened=False)
            return {**state, "settings": asdict(node.links[name]), "state": await self._keys(target.id)}
        if target.kind == "flow":
            name = _named(self._names.flows, target).application
            if name not in node.applications:
                raise ControllerError(f"{self._wire.who} has no application {name}", retryable=False, happened=False)
            return {**state, "settings": asdict(node.applications[name])}
        links = {own: asdict(node.links[name]) for own, name in self._names.links.items() if name in node.links}
        return {**state, "settings": {"version": node.version, "status": node.status, "links": links}}

    async def check(self) -> str:
        """Whether node and key manager answer; raises ControllerError."""
        node = await self._node()
        missing = [f"link {name}" for name in self._names.links.values() if name not in node.links]
        missing += [
            f"application {flow.application}"
            for flow in self._names.flows.values()
            if flow.application not in node.applications
        ]
        if missing:
            told = f"{self._wire.who} has no {', no '.join(missing)}; compare the configuration with the node"
            raise ControllerError(told, retryable=False, happened=False)
        for link in self._names.peers:
            await self._keys(link)
        return f"{len(node.links)} links, {len(node.applications)} applications"

    async def _keys(self, link: str) -> Json:
        peer = self._names.peers.get(link)
        return {} if peer is None or self._key_store is None else (await self._key_store.status(peer)).to_json()

    async def _node(self) -> QkdNode:
        answer = await self._wire.ask("GET", _ROOT, acts=False, headers={"Accept": _MEDIA_TYPE})
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, "the state of the node", acts=False)
        node = QkdNode.of(answer.json_object(self._wire.who))
        if not (node.id or node.links):
            message = f"{self._wire.who}'s answer has neither an id nor links: it is no ETSI GS QKD 015 node"
            raise ControllerError(message, retryable=False, happened=False)
        return node

    async def _set(self, asked: Asked) -> None:
        wish, what = _wish(asked, self._names), f"{asked.operation} on {asked.target}"
        present, tag = await self._present(wish, what)
        if missing := wish.missing(present):
            told = f"{what}: {self._wire.who} has no {', no '.join(missing)}; compare the configuration with the node"
            raise ControllerError(told, retryable=False, happened=False)
        headers = {"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE}
        if tag is not None:
            headers["If-Match"] = tag
        content = body(wish.content, what)
        answer = await self._wire.ask("PATCH", wish.path, acts=True, headers=headers, content=content)
        if not 200 <= answer.status < 300:
            raise self._wire.refusal(answer, what, acts=True)
        if wish.stale(present):
            await self._clear(wish, what)

    async def _present(self, wish: _Wish, what: str) -> tuple[QkdNode, str | None]:
        """The part of the node that a wish is about, and its ETag."""
        answer = await self._wire.ask("GET", wish.path, acts=False, headers={"Accept": _MEDIA_TYPE})
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, what, acts=False)
        return QkdNode.of(answer.json_object(self._wire.who)), answer.tag

    async def _clear(self, wish: _Wish, what: str) -> None:
        """Delete what the merge left behind; what is gone already is no fault. A failure leaves the wish half done."""
        try:
            present, _ = await self._present(wish, what)
            for path in wish.stale(present):
                answer = await self._wire.ask("DELETE", path, acts=True, headers={"Accept": _MEDIA_TYPE})
                if not (200 <= answer.status < 300 or _is_gone(answer)):
                    raise self._wire.refusal(answer, what, acts=True)
        except ControllerError as error:
            told = f"{error}; the new links were added, old ones may be left"
            happened = None if error.happened is None else True
            raise ControllerError(told, retryable=False, happened=happened) from None


def _is_gone(answer: Answer) -> bool:
    return answer.status == httpx.codes.NOT_FOUND or (
        answer.status == httpx.codes.CONFLICT and b"data-missing" in answer.content
    )


def _wish(asked: Asked, names: NodeNames) -> _Wish:
    build = _WISHES.get(asked.operation)
    if build is None:
        message = f"a QKD node cannot do {asked.operation}; it can do {', '.join(_WISHES)}"
        raise ControllerError(message, retryable=False, happened=False)
    return build(asked, names)


def _switched(*, on: bool) -> Callable[[Asked, NodeNames], _Wish]:
    """All links of the node that the configuration names."""

    def reached(node: QkdNode, ids: tuple[str, ...]) -> bool:
        links = [node.links.get(name) for name in ids]
        if on:
            return all(link is not None and link.enabled and link.status not in _NOT_CARRYING for link in links)
        return all(link is not None and link.enabled is False and link.status != "ACTIVE" for link in links)

    def wish(asked: Asked, names: NodeNames) -> _Wish:
        if asked.target.id != names.node:
            raise ControllerError(f"{asked.target} is not {names.node}", retryable=False, happened=False)
        ids = tuple(names.links.values())
        listed = [{"qkdl_id": name, "qkdl_enable": on} for name in ids]
        content = {f"{_MODULE}:qkd_links": {"qkd_link": listed}}
        return _Wish(
            path=f"{_ROOT}/qkd_links",
            content=content,
            reached=lambda node: reached(node, ids),
            missing=lambda node: tuple(f"link {name}" for name in ids if name not in node.links),
        )

    return wish


def _limited(asked: Asked, names: NodeNames) -> _Wish:
    name = _named(names.flows, asked.target).application
    if asked.parameters["logical_per_s"] is None:
        message = f"{asked.operation} on {asked.target}: a QKD node cannot take a limit away here; say a number"
        raise ControllerError(message, retryable=False, happened=False)
    bandwidth = round(float(asked.parameters["logical_per_s"]) * names.bits_per_logical)

    def reached(node: QkdNode) -> bool:
        found = node.applications[name].max_bandwidth if name in node.applications else None
        return found is not None and round(found) == bandwidth

    return _application(name, {"app_qos": {"max_bandwidth": bandwidth}}, reached)


def _moved(choose: Callable[[Asked, FlowApplication], tuple[str, ...]]) -> Callable[[Asked, NodeNames], _Wish]:
    """To those links of a route that end at this node."""

    def wish(asked: Asked, names: NodeNames) -> _Wish:
        flow = _named(names.flows, asked.target)
        backing = [names.links[link] for link in choose(asked, flow) if link in names.links]
        if not backing:
            message = f"{asked.operation} on {asked.target}: no link of that route ends at {names.node}"
            raise ControllerError(message, retryable=False, happened=False)

        def reached(node: QkdNode) -> bool:
            found = node.applications.get(flow.application)
            return found is not None and set(found.links) == set(backing)

        return _application(flow.application, {"backing_qkdl_id": backing}, reached, keep=backing)

    return wish


def _application(
    name: str, change: Mapping[str, Any], reached: Callable[[QkdNode], bool], keep: Sequence[str] | None = None
) -> _Wish:
    """A change of an application, which shall be backed by no link but those to `keep` where they are given."""
    path = f"{_ROOT}/qkd_applications/qkd_app={segment(name)}"

    def stale(node: QkdNode) -> tuple[str, ...]:
        links = node.applications[name].links if keep is not None and name in node.applications else ()
        return tuple(f"{path}/backing_qkdl_id={segment(link)}" for link in links if link not in (keep or ()))

    return _Wish(
        path=path,
        content={f"{_MODULE}:qkd_app": [{"app_id": name, **change}]},
        reached=reached,
        missing=lambda node: () if name in node.applications else (f"application {name}",),
        stale=stale,
    )


def _failed_over(asked: Asked, flow: FlowApplication) -> tuple[str, ...]:
    if asked.parameters.get("to") != "alternate":
        message = f"{asked.operation} on {asked.target}: a QKD node has only an alternate to fail over to"
        raise ControllerError(message, retryable=False, happened=False)
    return flow.alternate


def _named(table: Mapping[str, ValueT], target: Target) -> ValueT:
    found = table.get(target.id)
    if found is None:
        message = f"the configuration of this controller does not know {target}; add it under {target.kind}s"
        raise ControllerError(message, retryable=False, happened=False)
    return found


_WISHES: Mapping[str, Callable[[Asked, NodeNames], _Wish]] = {
    "device.drain": _switched(on=False),
    "device.undrain": _switched(on=True),
    "flow.set_quota": _limited,
    "flow.reroute": _moved(lambda asked, flow: tuple(asked.parameters["route"])),
    "flow.restore": _moved(lambda asked, flow: flow.route),
    "flow.fail_over": _moved(_failed_over),
}
"""Operation -> the state that it sets."""
