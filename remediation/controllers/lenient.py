"""ETSI QKD documents as real nodes send them: keys with or without a namespace, numbers as texts, one for a list."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]


def bare(name: str) -> str:
    """A name without its namespace: etsi-qkd-node-types:ACTIVE -> ACTIVE."""
    return name.rpartition(":")[2]


def member(node: Any, *names: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """The member under the first of `names` that is there, namespaced, with dashes for underscores, or in capitals."""
    if not isinstance(node, Mapping):
        return None
    found = {_folded(str(key)): value for key, value in node.items()}
    return next((found[_folded(name)] for name in names if _folded(name) in found), None)


def entries(node: Any, container: str, entry: str) -> Iterator[Node]:  # noqa: ANN401
    """The entries of a list: inside its container or not, a list or a single one; none where it is missing."""
    inside = member(node, container)
    held = inside if isinstance(inside, list) else member(inside, entry) or member(node, entry)
    for each in held if isinstance(held, list) else [held]:
        if isinstance(each, Mapping):
            yield each


def number(value: Any) -> float | None:  # noqa: ANN401
    """A finite number, also when it was sent as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: Any) -> bool | None:  # noqa: ANN401
    """True or false, also when it was sent as text or 1 and 0; None for anything else."""
    words = {"true": True, "false": False, "1": True, "0": False, "enabled": True, "disabled": False}
    return words.get(bare(str(value)).strip().lower()) if isinstance(value, bool | str | int) else None


def word(value: Any) -> str:  # noqa: ANN401
    """A text without its namespace, empty where there is none."""
    return bare(value).strip() if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class QkdLink:
    """One link of a node; None is what the node does not say. Rates in bit/s, QBER 0..1 or per cent as it was sent."""

    id: str
    enabled: bool | None
    status: str
    secret_key_rate: float | None
    effective_secret_key_rate: float | None
    expected_consumption: float | None
    qber: float | None
    snr: float | None

    @classmethod
    def of(cls, node: Node) -> "QkdLink":
        """From an entry of qkd_link."""
        performance = member(node, "qkdl_performance", "performance") or {}
        physical = {word(member(each, "perf_type")).lower(): member(each, "value") for each in _physical(performance)}
        return cls(
            id=str(member(node, "qkdl_id", "id") or ""),
            enabled=flag(member(node, "qkdl_enable", "enable")),
            status=word(member(node, "qkdl_status", "qkdl_state", "status")).upper(),
            secret_key_rate=number(member(performance, "skr", "secret_key_rate")),
            effective_secret_key_rate=number(member(performance, "eskr")),
            expected_consumption=number(member(performance, "expected_consumption")),
            qber=_either(member(performance, "qber"), physical.get("qber")),
            snr=_either(member(performance, "snr"), physical.get("snr")),
        )


@dataclass(frozen=True, slots=True)
class QkdApplication:
    """One application of a node; bandwidth in bit/s, `links` the ids of the links that back it."""

    id: str
    status: str
    priority: float | None
    max_bandwidth: float | None
    links: tuple[str, ...]

    @classmethod
    def of(cls, node: Node) -> "QkdApplication":
        """From an entry of qkd_app."""
        quality = member(node, "app_qos", "qos") or {}
        links = member(node, "backing_qkdl_id")
        return cls(
            id=str(member(node, "app_id", "id") or ""),
            status=word(member(node, "app_status")).upper(),
            priority=_either(member(node, "app_priority"), member(quality, "app_priority")),
            max_bandwidth=number(member(quality, "max_bandwidth")),
            links=tuple(str(each) for each in links) if isinstance(links, list) else (str(links),) if links else (),
        )


@dataclass(frozen=True, slots=True)
class QkdNode:
    """One node with its links and applications."""

    id: str
    status: str
    version: str
    links: Mapping[str, QkdLink]
    applications: Mapping[str, QkdApplication]

    @classmethod
    def of(cls, document: Any) -> "QkdNode":  # noqa: ANN401
        """From the whole document, with or without its outer member."""
        inner = member(document, "qkd_node")
        node = inner[0] if isinstance(inner, list) and inner else inner if isinstance(inner, Mapping) else document
        links = (QkdLink.of(each) for each in entries(node, "qkd_links", "qkd_link"))
        applications = (QkdApplication.of(each) for each in entries(node, "qkd_applications", "qkd_app"))
        return cls(
            id=str(member(node, "qkdn_id", "id") or ""),
            status=word(member(node, "qkdn_status")).upper(),
            version=str(member(node, "qkdn_version") or ""),
            links={link.id: link for link in links if link.id},
            applications={each.id: each for each in applications if each.id},
        )


def _either(first: Any, second: Any) -> float | None:  # noqa: ANN401
    found = number(first)
    return number(second) if found is None else found


def _physical(performance: Any) -> Iterator[Node]:  # noqa: ANN401
    yield from entries(performance, "phys_perf", "phys_perf")


def _folded(name: str) -> str:
    return bare(name).replace("-", "_").lower()
