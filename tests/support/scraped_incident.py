"""Incidents of the laboratory as a real Prometheus would have scraped them, and the network file beside them."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from bot.laboratory.incidents import Incident
from bot.laboratory.series import Key
from bot.model.network import Link, Network

REACH_S = 3600.0 + 1.5 * 300.0
"""What a diagnosis sees: an hour, and before it the window of its first rate."""


def renamed(case: Incident, prefix: str) -> Incident:
    """The same incident with `prefix` before the name of each link and node, so that many share one Prometheus."""
    return dataclasses.replace(
        case,
        network=_network(case.network, prefix),
        series={_key(key, prefix): values for key, values in case.series.items()},
        link=f"{prefix}{case.link}",
        expected=tuple((mode, f"{prefix}{subject}") for mode, subject in case.expected),
        touched=frozenset(f"{prefix}{link}" for link in case.touched),
    )


def openmetrics(case: Incident, labels: Mapping[str, str], *, every: int = 1) -> str:
    """The samples that a diagnosis at the incident's instant can see, with `labels` as a scrape adds them.

    Of the scrapes, 15 s apart, one in `every` is told, the last among them.
    """
    return "".join(_samples(case, labels, every)) + "# EOF\n"


def write_network(networks: Iterable[Network], file: Path) -> Path:
    """The networks side by side as one network.yaml."""
    every = list(networks)
    content = {
        "network": "laboratory",
        "nodes": [msgspec.to_builtins(node) for network in every for node in network.nodes.values()],
        "links": [_link_block(link) for network in every for link in network.links.values()],
    }
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def _samples(case: Incident, labels: Mapping[str, str], every: int) -> Iterator[str]:
    times = case.times
    seen = (times >= case.at - REACH_S) & (np.arange(times.size)[::-1] % every == 0)
    for (name, own), values in case.series.items():
        pairs = ",".join(f"{label}={json.dumps(value)}" for label, value in {**dict(own), **labels}.items())
        for column in np.flatnonzero(seen & np.isfinite(values)):
            yield f"{name}{{{pairs}}} {float(values[column])!r} {times[column]:.3f}\n"


def _network(network: Network, prefix: str) -> Network:
    nodes = [msgspec.structs.replace(node, id=f"{prefix}{node.id}") for node in network.nodes.values()]
    links = [_link(link, prefix) for link in network.links.values()]
    return Network(
        name=network.name,
        nodes={node.id: node for node in nodes},
        links={link.id: link for link in links},
        flows={},
    )


def _link(link: Link, prefix: str) -> Link:
    one, other = link.ends
    return msgspec.structs.replace(link, id=f"{prefix}{link.id}", ends=(f"{prefix}{one}", f"{prefix}{other}"))


def _key(key: Key, prefix: str) -> Key:
    name, labels = key
    return name, tuple((label, f"{prefix}{value}" if label in {"link", "node"} else value) for label, value in labels)


def _link_block(link: Link) -> dict[str, Any]:
    block: dict[str, Any] = msgspec.to_builtins(link)
    block["slo"] = {"logical_success": link.slo.logical_success, "window": f"{link.slo.window_s:.0f}s"}
    return block
