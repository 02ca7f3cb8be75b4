"""What a network's shape says of a fault: a node's on all its links, a shared duct, a cause further up the route."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.diagnosis.examination import Examination
from bot.diagnosis.posterior import Named
from bot.diagnosis.weigh import Case
from bot.model.network import Link, Subject

TOGETHER_S = 240.0
"""Onsets within this of each other are one event: rate windows blur them."""
_REFUTED = -6.0
"""Log-odds below which a link surely does not have a fault; between this and 0 it may be too quiet to tell."""
_GREW = 0.15
"""Rise of what is delivered, natural log, from which demand has grown."""
_OF_DEMAND = frozenset({"queue", "pool_level"})
"""What a mode requires that more traffic brings about by itself."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who else has a fault: the node that all of them end at, or the risk that they share."""

    subject: Subject
    links: tuple[str, ...] = ()
    risk: str = ""


def sharing(case: Case, link: Link, seen: Examination) -> Sharing:
    """Whose fault it is: the link's, alone or with others of its shared risk, or that of a node with all its links."""
    if case.mode.subject != "link":
        return Sharing(case.subject)
    for risk, others in seen.network.links_at_risk_with(link.id).items():
        together = tuple(other for other in others if _has(case, seen.network.links[other], seen))
        if together:
            return Sharing(case.subject, together, risk)
    if _demand_grew(link, seen):
        return Sharing(case.subject)
    nodes = [node for end in link.ends if (node := _whole_node(case, end, link, seen)) is not None]
    return max(nodes, key=lambda node: len(node.links), default=Sharing(case.subject))


def upstream(link: Link, named: Iterable[Named], seen: Examination) -> tuple[Link, Case] | None:
    """A neighbour whose own fault sent this link the traffic that is all its trouble."""
    cases = [case for case, _ in named]
    if not all({rule.feature for rule in case.mode.required} <= _OF_DEMAND for case in cases):
        return None
    if not _demand_grew(link, seen):
        return None
    began = min((case.onset for case in cases if case.onset is not None), default=None)
    neighbours = {other.id: other for end in link.ends for other in seen.network.links_of(end) if other.id != link.id}
    for other in neighbours.values():
        delivered = seen.scene.look("delivered", other.id)
        if delivered is None or delivered.size > -_GREW:
            continue
        for case, _ in seen.named(other)[:1]:
            if began is None or case.onset is None or case.onset <= began + TOGETHER_S:
                return other, case
    return None


def _whole_node(case: Case, end: str, link: Link, seen: Examination) -> Sharing | None:
    others = [other for other in seen.network.links_of(end) if other.id != link.id]
    telling = [other for other in others if not seen.case(case.mode, _subject(other), other).missing]
    having = tuple(other.id for other in telling if _has(case, other, seen))
    scores = [seen.case(case.mode, _subject(other), other).score() for other in telling]
    # Given that one link has it, the others' prior is none: their evidence speaks for itself.
    together = sum(score - case.mode.prior for score in scores)
    if not having or min(scores) < _REFUTED or together <= 0:
        return None
    return Sharing(Subject(kind="node", id=end), having)


def _has(case: Case, other: Link, seen: Examination) -> bool:
    """Whether another link has the same fault since the same time."""
    same = seen.case(case.mode, _subject(other), other)
    if same.missing or same.score() <= 0:
        return False
    return case.onset is None or same.onset is None or abs(case.onset - same.onset) <= TOGETHER_S


def _subject(link: Link) -> Subject:
    return Subject(kind="link", id=link.id)


def _demand_grew(link: Link, seen: Examination) -> bool:
    delivered = seen.scene.look("delivered", link.id)
    consumed = seen.scene.look("consumption", link.id)
    return any(look is not None and look.size > _GREW and look.significance > 4.0 for look in (delivered, consumed))
