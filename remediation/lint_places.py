"""Where acts go: places that the network does not have, and items of a foreach that are not taken back."""

from collections.abc import Iterator, Mapping
from typing import Any

from remediation.contract import Risk
from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import PLACES, Case, Where, is_template
from remediation.lint_parameters import acts, meant
from remediation.registry import ACTIONS
from remediation.schema import Step
from remediation.template import names_of, texts

_OF_ITEM = frozenset({"item", "loop"})


def places(case: Case) -> Iterator[Fault]:
    """Links, nodes and flows that are written out and that the network does not have, where the network is known."""
    acting = any(_acts(place.step.action) for place in case.places)
    for where, kind, name, surely in _named(case, acting=acting):
        known = case.network.get(kind)
        if known is None or name in known or is_template(name):
            continue
        others = [each for each in PLACES if name in case.network.get(each, ())]
        hint = f"; it is a {' and a '.join(others)}" if others else meant(name, known)
        severity = Severity.ERROR if surely else Severity.WARNING
        yield case.fault(where, f"the network has no {kind} {name}{hint}", severity)


def items_taken_back(case: Case) -> Iterator[Fault]:
    """Ways back of a foreach that are the same for every item, though the act is not."""
    for place in case.places:
        step, rollback = place.step, place.step.rollback
        if not isinstance(step, Step) or not step.foreach or rollback is None or not _acts(rollback.action):
            continue
        own = f"steps.{step.id}."
        if not _uses(step.parameters, own) or _uses(_as_far_as(step.parameters, rollback.parameters, own), own):
            continue
        told = f"{rollback.action} takes the same back for every item, and the act is done for each: use item here"
        yield case.fault((*place.path, "rollback", "with"), told, Severity.WARNING)


def _acts(action: str) -> bool:
    return action not in ACTIONS or ACTIONS[action].risk is not Risk.READ


def _named(case: Case, *, acting: bool) -> Iterator[tuple[Where, str, str, bool]]:
    """Each name of a place: where it is written, its kind, itself, and whether a run that uses it surely fails."""
    spec = case.runbook.spec
    for name, each in spec.inputs.items():
        if each.type in PLACES and isinstance(each.default, str):
            yield ("spec", "inputs", name, "default"), each.type, each.default, acting
    kind, colon, held = spec.guard.exclusive.partition(":")
    if colon:
        yield ("spec", "guard", "exclusive"), kind, held, False
    for place in case.places:
        for path, action, given in acts(place):
            yield from (((*path, "with", *at), of, name, _acts(action)) for at, of, name in _places_of(given))


def _places_of(given: Mapping[str, Any]) -> Iterator[tuple[Where, str, str]]:
    """The places among the parameters of an act; what http.call hands on is its mapping's own."""
    for at, text in texts({name: each for name, each in given.items() if name != "parameters"}):
        kind = "link" if at[0] == "route" else str(at[-1])
        if kind in PLACES:
            yield at, kind, text


def _as_far_as(given: Mapping[str, Any], back: Mapping[str, Any], own: str) -> Mapping[str, Any]:
    """What of a way back has to name the item: its place, where that is what differs from item to item."""
    there = {name: each for name, each in back.items() if name in PLACES}
    differs = _uses({name: each for name, each in given.items() if name in PLACES}, own)
    return there if differs and there else back


def _uses(value: object, own: str) -> bool:
    """Whether a value depends on the item, or on what its own act was for it."""
    return any(_depends(text, own) for _, text in texts(value) if is_template(text))


def _depends(text: str, own: str) -> bool:
    try:
        names = names_of(text)
    except TemplateError:
        return True  # told where all templates are looked at
    return any(name.split(".")[0] in _OF_ITEM or name.startswith(own) for name in names)
