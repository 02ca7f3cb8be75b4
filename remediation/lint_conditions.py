"""Conditions on signals that no reading can meet: bounds that exclude each other, too little time, the wrong place."""

from collections.abc import Iterator, Mapping
from typing import Any

from remediation.actions.telemetry import WaitUntil
from remediation.duration import format_duration, parse_duration
from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import Case, Place, Where, is_template
from remediation.lint_parameters import acts
from remediation.machine import LONGEST_ACT_S

Condition = tuple[Where, Mapping[str, Any]]
"""Where a condition stands, and what it says."""

_WAITS = "telemetry.wait_until"
_DEFAULTS = {word: WaitUntil.model_fields[name].default for word, name in (("for", "hold"), ("within", "within"))}


def conditions(case: Case) -> Iterator[Fault]:
    """Bounds that no value keeps, and waits that are over before they can have come to anything."""
    for place in case.places:
        for path, action, given in acts(place):
            for group, severity in _groups((*path, "with"), action, given):
                yield from _impossible(case, group, severity)
            if action == _WAITS:
                yield from _too_short(case, place, (*path, "with"), given)


def kinds(case: Case) -> Iterator[Fault]:
    """Signals of nodes that are asked of links, and the other way round."""
    known = case.signals if isinstance(case.signals, Mapping) else {}
    for place in case.places:
        for path, _, given in acts(place):
            for where, signal, asked in _asked((*path, "with"), given):
                kind = known.get(signal, asked)
                if kind != asked:
                    yield case.fault(where, f"{signal} is measured of a {kind}, not of a {asked}: give a {kind}")


def _asked(path: Where, given: Mapping[str, Any]) -> Iterator[tuple[Where, str, str]]:
    """Each signal that is written out, where, and of which kind of place it is asked."""
    for where, each in [(path, given), *_listed(path, given)]:
        asked = next((kind for kind in ("link", "node") if each.get(kind) is not None), "")
        names = each.get("signals")
        found = [((*where, "signal"), each.get("signal"))]
        found += [((*where, "signals", at), name) for at, name in enumerate(names if isinstance(names, list) else [])]
        yield from ((there, name, asked) for there, name in found if asked and isinstance(name, str))


def _listed(path: Where, given: Mapping[str, Any]) -> list[Condition]:
    found = [((*path, word, at), each) for word in ("all", "any") for at, each in enumerate(_list(given.get(word)))]
    return [(where, each) for where, each in found if isinstance(each, Mapping)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _groups(path: Where, action: str, given: Mapping[str, Any]) -> Iterator[tuple[list[Condition], Severity]]:
    """Conditions that one reading has to meet together, and how bad it is when none can."""
    if action == _WAITS:
        yield [(path, given)], Severity.ERROR
    if action != "telemetry.check":
        return
    together: dict[tuple[str, ...], list[Condition]] = {}
    for where, each in _listed(path, given):
        if where[-2] == "all":
            about = tuple(str(each.get(word)) for word in ("signal", "link", "node"))
            together.setdefault(about, []).append((where, each))
        else:
            yield [(where, each)], Severity.ERROR if len(_list(given["any"])) == 1 else Severity.WARNING
    yield from ((group, Severity.ERROR) for group in together.values())


def _impossible(case: Case, group: list[Condition], severity: Severity) -> Iterator[Fault]:
    bounds = {word: _bounds(case, group, word) for word in ("above", "below")}
    if not all(bounds.values()):
        return
    above, at = max(bounds["above"])
    below, also_at = min(bounds["below"])
    if above >= below:
        path, given = group[max(at, also_at)]
        sure = not any(is_template(str(each.get(word))) for _, each in group for word in bounds)
        told = f"{given.get('signal')} cannot be above {above:g} and below {below:g}, so the condition never holds"
        yield case.fault((*path, "above"), told, severity if sure else _by_default(case, severity))


def _bounds(case: Case, group: list[Condition], word: str) -> list[tuple[float, int]]:
    found = [(_number(case, given.get(word)), at) for at, (_, given) in enumerate(group)]
    return [(value, at) for value, at in found if value is not None]


def _number(case: Case, value: object) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(case.early(value))
    except (TemplateError, TypeError, ValueError, OverflowError):
        return None  # only the run will know, or told where parameters are looked at


def _by_default(case: Case, severity: Severity) -> Severity:
    """Who starts a run by hand may give other inputs; a diagnosis gives none."""
    return severity if case.runbook.spec.trigger.auto else Severity.WARNING


def _too_short(case: Case, place: Place, path: Where, given: Mapping[str, Any]) -> Iterator[Fault]:
    """A wait that surely ends before the condition can have held for so long, or that the step's timeout cuts off."""
    given = {**given, "for": given["hold"]} if "hold" in given else given
    hold, within = _time(case, given, "for"), _time(case, given, "within")
    timeout = place.step.timeout or LONGEST_ACT_S
    limit = f"the step's timeout of {_said(timeout)}" if place.step.timeout else f"the {_said(timeout)} of any step"
    sure = not any(is_template(str(given.get(word))) for word in ("for", "within"))
    surely = Severity.ERROR if sure else _by_default(case, Severity.ERROR)
    here = (*path, "for") if "for" in given else (*path, "within")
    if hold is not None and within is not None and hold >= within:
        unsaid = "" if "for" in given else " (as it is when left out)"
        told = (
            f"for {_said(hold)}{unsaid} is no less than within {_said(within)}: there is no time for it to hold so long"
        )
        yield case.fault(here, told, surely if hold > within else Severity.WARNING)
    elif hold is not None and hold >= timeout:
        yield case.fault(here, f"for {_said(hold)} is no less than {limit}: the wait never succeeds", surely)
    elif within is not None and within > timeout:
        told = f"within {_said(within)} is more than {limit}, which cuts the wait off"
        where = (*path, "within") if "within" in given else (*place.path, "timeout")
        yield case.fault(where, told, Severity.WARNING)


def _time(case: Case, given: Mapping[str, Any], name: str) -> float | None:
    try:
        return float(_DEFAULTS[name]) if given.get(name) is None else parse_duration(case.early(given[name]))
    except (TemplateError, ValueError):
        return None


def _said(seconds: float) -> str:
    return format_duration(seconds)
