"""Announced work on a link or node, during which its alerts call nobody. Instants are Unix seconds."""

from collections.abc import Iterable

import msgspec

from bot.model.network import Network, Subject


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on what, from when until when, and why."""

    subject: Subject
    starts_at: float
    ends_at: float
    reason: str
    by: str


def covering(subject: Subject, works: Iterable[Maintenance], network: Network) -> Maintenance | None:
    """The maintenance that a subject is under: its own, or that of a node at whose links it hangs.

    A flow is under maintenance when a link of its present route is; the whole network never is.
    """
    places = {subject}
    if subject.kind == "flow" and subject.id in network.flows:
        places |= {Subject(kind="link", id=link) for link in network.flows[subject.id].route}
    ends = {Subject(kind="node", id=end) for place in places for end in _ends(place, network)}
    return next((work for work in works if work.subject in places | ends), None)


def _ends(place: Subject, network: Network) -> tuple[str, ...]:
    link = network.links.get(place.id) if place.kind == "link" else None
    return link.ends if link else ()
