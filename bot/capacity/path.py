"""Networks of pure-loss links with ideal repeaters: what one route or all routes together can carry; bit/use.

Sources: Pirandola 2019 (end-to-end capacities). Edges are (node, node, transmissivity), undirected, multiple allowed.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.capacity.bosonic import repeaterless_bound
from bot.capacity.ranges import CapacityRangeError, not_negative, probability

Edge = tuple[str, str, float]
Widths = Mapping[str, Mapping[str, float]]


def single_path(edges: Sequence[Sequence[Any]], source: str = "a", target: str = "b") -> float:
    """Capacity of the best route: its worst link, as good as can be (widest path)."""
    route = widest_route([_edge(item) for item in edges], source, target)
    return route[1]


def multipath(edges: Sequence[Sequence[Any]], source: str = "a", target: str = "b") -> float:
    """Flooding capacity: least cut between source and target of the sum of -log2(1-eta) (max flow)."""
    left: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for a, b, eta in map(_edge, edges):
        left[a][b] += float(repeaterless_bound(eta))
        left[b][a] += float(repeaterless_bound(eta))
    total = float("inf") if source == target else 0.0
    while (parents := _reachable(left, source, target)) is not None:
        total += _push(left, parents, source, target)
    return total


def widest_route(
    edges: Sequence[Edge],
    source: str,
    target: str,
    *,
    allowed: Callable[[str], bool] = lambda _: True,
) -> tuple[tuple[str, ...], float]:
    """(nodes of the best route, its capacity) through nodes that policy allows; ((), 0.0) where there is none."""
    return best_route([(a, b, float(repeaterless_bound(eta))) for a, b, eta in edges], source, target, allowed=allowed)


def best_route(
    capacities: Sequence[Edge],
    source: str,
    target: str,
    *,
    allowed: Callable[[str], bool] = lambda _: True,
) -> tuple[tuple[str, ...], float]:
    """The route whose worst link is best, for links of any kind: edges are (node, node, capacity in one unit).

    With equal worst links the route that comes first in the alphabet of its nodes. `allowed` is asked of the nodes in
    between; a link without capacity is not used.

    >>> best_route([("a", "x", 9.0), ("x", "b", 2.0), ("a", "y", 4.0), ("y", "b", 3.0)], "a", "b")
    (('a', 'y', 'b'), 3.0)
    """
    widths: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for a, b, width in capacities:
        widths[a].append((b, float(not_negative("capacity", width))))
        widths[b].append((a, float(width)))
    best: list[tuple[float, tuple[str, ...]]] = [(-float("inf"), (source,))]
    done: set[str] = set()
    while best:
        width, route = heapq.heappop(best)
        here = route[-1]
        if here == target:
            return route, -width
        if here in done:
            continue
        done.add(here)
        for there, wide in widths[here]:
            if there not in done and wide > 0 and (there == target or allowed(there)):
                heapq.heappush(best, (max(width, -wide), (*route, there)))
    return (), 0.0


def _edge(item: Sequence[Any]) -> Edge:
    if not isinstance(item, list | tuple) or len(item) != 3 or not all(isinstance(end, str | int) for end in item[:2]):
        raise CapacityRangeError("edges", str(item), "[node, node, transmissivity]")
    return str(item[0]), str(item[1]), float(probability("transmissivity", item[2]))


def _reachable(left: Widths, source: str, target: str) -> dict[str, str] | None:
    parents: dict[str, str] = {source: ""}
    waiting = deque([source])
    while waiting:
        here = waiting.popleft()
        for there, room in left.get(here, {}).items():
            if room > 0 and there not in parents:
                parents[there] = here
                if there == target:
                    return parents
                waiting.append(there)
    return None


def _push(left: dict[str, dict[str, float]], parents: Mapping[str, str], source: str, target: str) -> float:
    steps = []
    here = target
    while here != source:
        steps.append((parents[here], here))
        here = parents[here]
    room = min(left[a][b] for a, b in steps)
    for a, b in steps:
        left[a][b] -= room
        left[b][a] += room
    return room
