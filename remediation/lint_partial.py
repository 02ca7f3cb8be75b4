"""Linting files that do not load: what cannot be read is told and left out, and the rest is looked at all the same."""

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any

from remediation.errors import Fault
from remediation.lint import lint
from remediation.load import Loaded
from remediation.schema import Runbook
from remediation.source import Document, Misfit, Path_

_ROUNDS = 5
"""So often the rest is looked at again: mending one misfit can show another."""
_INSTEAD: Mapping[tuple[str, str], str] = {
    ("spec", "action"): "",
    ("spec", "type"): "text",
    ("apiVersion", "apiVersion"): "bellhop/v1",
    ("kind", "kind"): "Runbook",
    ("metadata", "name"): "unnamed",
    ("metadata", "title"): "untitled",
}
"""What stands in for a value that must be there, by the first and last name of its path."""
_NEEDED = (("metadata",), ("spec",), ("spec", "inputs"), ("spec", "steps"))
"""Without these nothing else can be judged."""


def examine(
    document: Document,
    *,
    signals: Collection[str],
    modes: frozenset[str] = frozenset(),
    network: Mapping[str, Collection[str]] | None = None,
) -> tuple[Loaded | None, tuple[Fault, ...]]:
    """Every fault of a file, and the runbook when it can be used; what is known around it as for `lint`."""
    told, left_out = list(document.faults), [path for path, _ in _unread(document)]
    data: Any = deepcopy(document.data)
    for _ in range(_ROUNDS):
        runbook, misfits = document.fit(Runbook, data)
        if runbook is not None:
            whole = Loaded(runbook, document)
            seen = () if not told else _positions(document, left_out)
            faults = lint(whole, signals=signals, modes=modes, network=network)
            found = [each for each in faults if (each.line, each.column) not in seen]
            return None if told else whole, tuple(dict.fromkeys((*told, *found)))
        places = {(each.line, each.column) for each in told}
        told += [each.fault for each in misfits if (each.fault.line, each.fault.column) not in places]
        if not misfits or not all(_mended(data, each) for each in misfits):
            break
        left_out += [each.path[:-1] if each.path[-1] == "type" else each.path for each in misfits]
    return None, tuple(dict.fromkeys(told))


def _unread(document: Document) -> Iterable[tuple[Path_, Any]]:
    places = {(fault.line, fault.column) for fault in document.faults}
    return [(path, place) for path, place in document.positions.items() if place in places]


def _mended(data: Any, misfit: Misfit) -> bool:  # noqa: ANN401 - YAML data
    """Leave the value out, or put another in its place; False when the rest would make no sense without it."""
    path = misfit.path
    holder = _at(data, path[:-1])
    if path and holder is None:
        return True  # left out already, with what it was a part of
    if not path or not isinstance(holder, dict):
        return False
    instead = _INSTEAD.get((str(path[0]), str(path[-1])))
    if instead is not None and holder.get(path[-1]) != instead:
        holder[path[-1]] = instead
        return True
    gone = path if path[-1] in holder else path[:-1]
    above = _at(data, gone[:-1])
    if gone in _NEEDED or not gone or gone[-1] == "parallel" or not isinstance(above, dict) or gone[-1] not in above:
        return False
    del above[gone[-1]]
    return True


def _at(data: Any, path: Path_) -> Any:  # noqa: ANN401
    for key in path:
        there = key in data if isinstance(data, dict) else isinstance(data, list) and key in range(len(data))
        if not there:
            return None
        data = data[key]
    return data


def _positions(document: Document, left_out: Iterable[Path_]) -> set[tuple[int, int]]:
    """Where faults may only be there because something was left out: there, below it, and at what it is a part of."""
    paths = set(left_out)
    above = {path[:-1] for path in paths}
    return {place for path, place in document.positions.items() if path in above or _within(path, paths)}


def _within(path: Path_, paths: set[Path_]) -> bool:
    return any(path[:length] in paths for length in range(1, len(path) + 1))
