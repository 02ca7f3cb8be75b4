"""An ETSI GS QKD 015 node and its 014 key manager on loopback, with the deviations that real ones have."""

import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.http import free_port, running

LINK = "9f3c1f0e-1111-4222-8333-944445555666"
OTHER = "9f3c1f0e-1111-4222-8333-944445555777"
APPLICATION = "5a000000-0000-4000-8000-000000000001"
_ROOT = "/restconf/data/etsi-qkd-sdn-node:qkd_node"
Said = Callable[[dict[str, Any]], Any]


def as_it_is(document: dict[str, Any]) -> Any:
    """By the book."""
    return document


class QkdNode:
    """A valid document with a second link and an application; `says` is how it writes it.

    A change shows after `delay` further looks at the document.
    """

    def __init__(self, *, says: Said = as_it_is, delay: int = 1) -> None:
        text = (Path(__file__).parent / "payloads" / "etsi015_qkd_node_valid.json").read_text(encoding="utf-8")
        self.document = json.loads(text)
        node = self.document["etsi-qkd-sdn-node:qkd_node"]
        first = node["qkd_links"]["qkd_link"][0]
        node["qkd_links"]["qkd_link"].append({**copy.deepcopy(first), "qkdl_id": OTHER})
        quality = {"max_bandwidth": 1000}
        application = {"app_id": APPLICATION, "app_qos": quality, "app_status": "ON", "backing_qkdl_id": [LINK]}
        node["qkd_applications"] = {"qkd_app": [application]}
        self.patches: list[tuple[str, Any]] = []
        self.deleted: list[str] = []
        self.asked: list[str] = []
        self.version = 1
        self._says, self._delay, self._waiting = says, delay, 0
        self._shown = copy.deepcopy(self.document)

    def app(self) -> Starlette:
        """Its routes."""
        return Starlette(
            routes=[
                Route(_ROOT, self._whole),
                Route(f"{_ROOT}/{{rest:path}}", self._part, methods=["GET", "PATCH", "DELETE"]),
                Route("/api/v1/keys/{peer}/{what}", self._keys),
            ]
        )

    async def _whole(self, request: Request) -> Response:
        self._waiting -= 1
        if self._waiting < 0:
            self._shown = copy.deepcopy(self.document)
        return JSONResponse(self._says(copy.deepcopy(self._shown)), media_type="application/yang-data+json")

    async def _part(self, request: Request) -> Response:
        path = request.path_params["rest"]
        if "qkd_app=" in path and APPLICATION not in path:
            return refused(404, "invalid-value", "no such application")
        tag = f'"{self.version}"'
        if request.method == "GET":
            return JSONResponse(self._shown_part(path), headers={"ETag": tag})
        if request.method == "DELETE":
            return self._delete(path.rpartition("backing_qkdl_id=")[2])
        if request.headers.get("if-match") != tag:
            return refused(412, "operation-failed", "")
        assert request.headers["content-type"] == "application/yang-data+json"
        body = json.loads(await request.body())
        self.patches.append((path, body))
        self._changed()
        self._merge(body)
        return Response(status_code=204)

    def _changed(self) -> None:
        self.version += 1
        self._waiting = self._delay

    def _shown_part(self, path: str) -> Any:
        """A container, or the entry of a list as a list of one; as the node writes it, but for `flat`."""
        node = self.document["etsi-qkd-sdn-node:qkd_node"]
        if path == "qkd_links":
            part = {"etsi-qkd-sdn-node:qkd_links": copy.deepcopy(node["qkd_links"])}
        else:
            part = {"etsi-qkd-sdn-node:qkd_app": copy.deepcopy(node["qkd_applications"]["qkd_app"])}
        return part if self._says is flat else self._says(part)

    def _delete(self, link: str) -> Response:
        links = self.document["etsi-qkd-sdn-node:qkd_node"]["qkd_applications"]["qkd_app"][0]["backing_qkdl_id"]
        if link not in links:
            return refused(409, "data-missing", "Data does not exist; cannot delete resource")
        links.remove(link)
        self.deleted.append(link)
        self._changed()
        return Response(status_code=204)

    def _merge(self, body: dict[str, Any]) -> None:
        """As RFC 8040 has it: entries are merged by their key, and a list of values only grows."""
        node = self.document["etsi-qkd-sdn-node:qkd_node"]
        for change in body.get("etsi-qkd-sdn-node:qkd_links", {}).get("qkd_link", []):
            link = next(each for each in node["qkd_links"]["qkd_link"] if each["qkdl_id"] == change["qkdl_id"])
            link |= change
            link["qkdl_status"] = "etsi-qkd-node-types:" + ("ACTIVE" if change["qkdl_enable"] else "OFF")
        for change in body.get("etsi-qkd-sdn-node:qkd_app", []):
            application = node["qkd_applications"]["qkd_app"][0]
            present = application["backing_qkdl_id"]
            added = [link for link in change.get("backing_qkdl_id", []) if link not in present]
            application |= {**change, "backing_qkdl_id": [*present, *added]}

    async def _keys(self, request: Request) -> Response:
        what = request.path_params["what"]
        self.asked.append(what)
        if what != "status":
            return JSONResponse({"message": "a key was taken"}, status_code=500)
        return JSONResponse({"key_size": "256", "stored_key_count": "25000", "max_key_count": 100000})


def refused(status: int, tag: str, said: str) -> Response:
    """An error of RESTCONF, outside a list as Clixon 7.8 sends it; without a message where there is none."""
    error = {"error-type": "application", "error-tag": tag, **({"error-message": said} if said else {})}
    return JSONResponse({"ietf-restconf:errors": {"error": error}}, status_code=status)


@asynccontextmanager
async def serving(node: QkdNode) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with (
        running(node.app(), free_port()) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client,
    ):
        yield client


def bare(document: dict[str, Any]) -> Any:
    """No namespaces anywhere, and dashes for underscores."""
    return json.loads(json.dumps(document).replace("etsi-qkd-sdn-node:", "").replace("etsi-qkd-node-types:", ""))


def dashed(document: dict[str, Any]) -> Any:
    """Dashes for underscores in every name."""
    if isinstance(document, dict):
        return {str(key).replace("_", "-"): dashed(value) for key, value in document.items()}
    return [dashed(each) for each in document] if isinstance(document, list) else document


def in_texts(document: dict[str, Any]) -> Any:
    """Every number and every boolean as a text."""
    if isinstance(document, dict):
        return {key: in_texts(value) for key, value in document.items()}
    if isinstance(document, list):
        return [in_texts(each) for each in document]
    return document if isinstance(document, str) else json.dumps(document)


def flat(document: dict[str, Any]) -> Any:
    """Lists without their containers, a list of one as the one, and no outer member."""
    node = document["etsi-qkd-sdn-node:qkd_node"]
    node["qkd_link"] = node.pop("qkd_links")["qkd_link"]
    node["qkd_app"] = node.pop("qkd_applications")["qkd_app"][0]
    node["qkd_app"]["backing_qkdl_id"] = node["qkd_app"]["backing_qkdl_id"][0]
    return node
