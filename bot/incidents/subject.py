"""What an alert is about, judged by its labels against the network."""

import re
from collections.abc import Container

import msgspec

from bot.model.alert import Alert
from bot.model.network import Network, Subject


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A subject and how it was found."""

    subject: Subject
    reason: str


def subject_of(alert: Alert, network: Network) -> Found:
    """The link, node or flow that the labels name, in this order; the whole network when they name none known."""
    known = (("link", network.links), ("node", network.nodes), ("flow", network.flows))
    for kind, parts in known:
        name = alert.labels.get(kind, "")
        if name in parts:
            return Found(subject=Subject(kind=kind, id=name), reason=f"the alert's label {kind} names it")  # type: ignore[arg-type]
    if mentioned := _mentioned(alert, known):
        return mentioned
    named = [f"{kind} {alert.labels[kind]}" for kind, _ in known if alert.labels.get(kind)]
    reason = f"the network file has no {' and no '.join(named)}" if named else "the alert names no link, node or flow"
    return Found(subject=Subject(kind="network", id=network.name), reason=reason)


def _mentioned(alert: Alert, known: tuple[tuple[str, Container[str]], ...]) -> Found | None:
    """What the words of a page name, where a source has no labels and one name of a kind is among them."""
    words = set(re.split(r"[^\w.-]+", alert.annotations.get("mentions", "")))
    for kind, parts in known:
        names = [word for word in words if word in parts]
        if len(names) == 1:
            return Found(subject=Subject(kind=kind, id=names[0]), reason=f"the page's words name {kind} {names[0]}")  # type: ignore[arg-type]
    return None
