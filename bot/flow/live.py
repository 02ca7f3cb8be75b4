"""What every link carries now: the capacity model on the present telemetry of all links at once, laid on its success.

A link without fresh telemetry is unknown. It is never taken for idle, nor for as good as specified.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.capacity.codes import physical_qubits
from bot.capacity.link import LinkState, evaluate, observed, specified
from bot.capacity.ranges import Array
from bot.model.network import Code, Link, Network
from bot.model.telemetry import Quality, Window

RATE, SUCCESS, DELIVERED = "entanglement_rate", "logical_success_ratio", "delivered_logical_per_second"
_USED, _POOL, _FIDELITY = "entanglement_consumption_rate", "entanglement_pool_level", "channel_fidelity"
_OF_LINK = (RATE, _USED, _POOL, _FIDELITY, DELIVERED)
_OF_TRANSFERS = (SUCCESS, "decode_latency_p50", "decode_latency_p99")
"""Shares and times of transfers: of a link that nobody uses there are none."""
_OF_NODES = ("coherence_t1", "coherence_t2")
_OPTIONAL = "control_rtt"
SIGNALS = (*_OF_LINK, *_OF_TRANSFERS, *_OF_NODES, _OPTIONAL)
"""What `live` reads."""
_CONTENT = (
    "loss_db", "attempt_rate_hz", "herald_efficiency", "t1_s", "t2_s", "storage_s", "gate_error", "measurement_error",
    "fidelity", "decode_latency_s", "decoder_budget_s", "consumption_rate", "pool_pairs", "pool_capacity_pairs",
)  # fmt: skip
"""The numbers of a specified state, which differ from link to link."""


Flags = NDArray[np.bool_]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What links carry now, in logical qubits/s; `unknown` links and why, `idle` links that nobody uses."""

    capacities: Mapping[str, float]
    unknown: Mapping[str, str] = {}
    idle: frozenset[str] = frozenset()
    delivered: Mapping[str, float] = {}
    """What they deliver now, in logical qubits/s."""
    success: Mapping[str, float] = {}
    """Share of the transfers that succeed now; of a link that nobody uses there is none."""


def live(network: Network, window: Window) -> Live:
    """Every link of the network by a window of SIGNALS whose last instant is now."""
    capacities: dict[str, float] = {}
    unknown: dict[str, str] = {}
    idle: set[str] = set()
    delivered: dict[str, float] = {}
    success: dict[str, float] = {}
    groups: dict[Code, list[Link]] = defaultdict(list)
    for link in network.links.values():
        groups[link.code].append(link)
    for code, links in groups.items():
        seen = _present(links, window)
        unused = (seen[DELIVERED] == 0) & np.isnan(seen[SUCCESS])
        dead = (seen[RATE] == 0) | (seen[SUCCESS] == 0)
        carried = np.where(dead, 0.0, _carried(code, links, seen))
        delivered |= _told(links, seen[DELIVERED])
        success |= _told(links, seen[SUCCESS])
        for link, value, rests, why in zip(links, carried, unused, _lacking(seen, unused, dead), strict=True):
            if why:
                unknown[link.id] = why
                continue
            capacities[link.id] = float(value)
            if rests:
                idle.add(link.id)
    return Live(capacities=capacities, unknown=unknown, idle=frozenset(idle), delivered=delivered, success=success)


def nothing_known(network: Network, why: str) -> Live:
    """No link's telemetry can be had."""
    return Live(capacities={}, unknown=dict.fromkeys(network.links, why))


@cache
def promised(link: Link) -> float:
    """Logical qubits a second that a link as specified carries: each takes a pair for every qubit of its code block."""
    answers = evaluate(specified(link))
    return float(answers["capacity_qubits_per_s"]) / physical_qubits(link.code.family, link.code.distance)


def _told(links: Sequence[Link], values: Array) -> dict[str, float]:
    """Link -> its value, where there is one."""
    return {link.id: float(value) for link, value in zip(links, values, strict=True) if not np.isnan(value)}


def _present(links: Sequence[Link], window: Window) -> Mapping[str, Array]:
    """Signal -> the fresh value of each link, NaN where there is none; of two ends the worse."""
    seen = {name: _column(window, name, [link.id for link in links]) for name in (*_OF_LINK, *_OF_TRANSFERS, _OPTIONAL)}
    for name in _OF_NODES:
        ends = [_column(window, name, [link.ends[end] for link in links]) for end in (0, 1)]
        seen[name] = np.minimum(*ends)
    return seen


def _column(window: Window, signal: str, subjects: Sequence[str]) -> Array:
    series = window.signals.get(signal)
    if series is None or not series.subjects:
        return np.full(len(subjects), np.nan)
    fresh = np.array([quality is Quality.FRESH for quality in series.quality])
    last = np.append(np.where(fresh, series.values[:, -1], np.nan), np.nan)
    rows = {subject: row for row, subject in enumerate(series.subjects)}
    return np.asarray(last[[rows.get(subject, -1) for subject in subjects]], dtype=np.float64)


def _carried(code: Code, links: Sequence[Link], seen: Mapping[str, Array]) -> Array:
    """The model's capacity, less what the link's own transfers fail and use beyond what the model says of them."""
    promise = _stacked(links)
    state = observed(links[0], {name: value for name, value in seen.items() if name != _POOL}, reference=promise)
    state = replace(state, pool_pairs=np.nan_to_num(seen[_POOL]) * promise.pool_capacity_pairs)
    told = evaluate(state)
    with np.errstate(divide="ignore", invalid="ignore"):
        success = np.fmin(1.0, seen[SUCCESS] / told[SUCCESS])
        used = seen[_USED] * seen[SUCCESS] / seen[DELIVERED]
    block = physical_qubits(code.family, code.distance)
    pairs = np.fmax(block, np.where(np.isfinite(used), used, block))
    carried: Array = told["capacity_qubits_per_s"] / pairs * np.where(np.isnan(success), 1.0, success)
    return carried


def _stacked(links: Sequence[Link]) -> LinkState:
    """What the network file promises of many links with one code, as arrays."""
    states = [specified(link) for link in links]
    columns: dict[str, Any] = {name: np.array([getattr(state, name) for state in states]) for name in _CONTENT}
    return replace(states[0], **columns)


def _lacking(seen: Mapping[str, Array], unused: Flags, dead: Flags) -> Iterator[str]:
    """For each link the signals without which nobody knows what it carries; empty where all are there."""
    needed = {name: np.isnan(seen[name]) & ~dead for name in (*_OF_LINK, *_OF_NODES)}
    needed |= {name: np.isnan(seen[name]) & ~dead & ~unused for name in _OF_TRANSFERS}
    table = np.array(list(needed.values()))
    names = np.array(list(needed))
    for column in table.T:
        yield ", ".join(names[column])
