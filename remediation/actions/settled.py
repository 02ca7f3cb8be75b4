"""An act that its controller calls done is held against the settings of its target: saying so is not having done it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from math import isclose
from typing import Any

from remediation.contract import Asked, Json, Leaves, Outcome, Ports
from remediation.errors import ControllerError

SETTLE_S = 5.0
_LOOKS = 3
"""So often settings are looked at before a controller's word counts as wrong: some show a change a little later."""
_CLOSE = 1e-6


class Unset(Enum):
    """The setting is not there, or null; None would say that nobody knows how it should be."""

    UNSET = "nothing"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


def given(parameter: str) -> Callable[[Json], Any]:
    """The setting holds what this parameter asked for: nothing where it asked for null."""
    return lambda parameters: _or_unset(parameters[parameter]) if parameter in parameters else None


def always(value: Any) -> Callable[[Json], Any]:  # noqa: ANN401 - JSON
    """The setting holds this, whatever was asked for."""
    return lambda parameters: value


async def settled(found: Outcome, asked: Asked, leaves: Leaves, ports: Ports) -> Outcome:
    """The outcome, `confirmed` by the settings that were looked at; failed when they contradict it to the end.

    What the controller says of the job goes before what was asked. A controller that does not tell its settings
    confirms nothing, and the steps that look at the metrics are left to judge.
    """
    wanted = _wanted(leaves, {**asked.parameters, **found.output})
    if not found.ok or not wanted:
        return found
    told: Mapping[str, Any] = {}
    for look in range(_LOOKS):
        if look:
            await ports.timer.sleep(SETTLE_S)
        try:
            told = _told(await ports.controller.state(asked.target, asked.operation), wanted)
        except ControllerError:
            told = {}
            continue
        if not told:
            return found
        if all(_same(wanted[name], value) for name, value in told.items()):
            return replace(found, confirmed=sorted(told))
    wrong = [f"{name} is {value}, not {wanted[name]}" for name, value in told.items() if not _same(wanted[name], value)]
    if not wrong:
        return found
    return replace(found, ok=False, error=f"the controller says that it is done, but {' and '.join(wrong)}")


def _or_unset(value: Any) -> Any:  # noqa: ANN401 - JSON
    return Unset.UNSET if value is None else value


def _wanted(leaves: Leaves, parameters: Json) -> dict[str, Any]:
    values = {name: value(parameters) for name, value in leaves.items()}
    return {name: value for name, value in values.items() if value is not None}


def _told(state: Json, wanted: Mapping[str, Any]) -> dict[str, Any]:
    settings = state.get("settings")
    return {name: settings[name] for name in wanted if name in settings} if isinstance(settings, Mapping) else {}


def _same(wanted: Any, told: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a setting is as wanted: numbers nearly, lists in order, of a mapping the parts that are wanted."""
    if wanted is Unset.UNSET:
        return told is None
    if isinstance(wanted, bool) or isinstance(told, bool):
        return bool(wanted is told)
    if isinstance(wanted, int | float) and isinstance(told, int | float):
        return isclose(wanted, told, rel_tol=_CLOSE, abs_tol=_CLOSE)
    if isinstance(wanted, Mapping) and isinstance(told, Mapping) and wanted:
        return all(_same(value, told.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list | tuple) and isinstance(told, list | tuple):
        return len(wanted) == len(told) and all(_same(*pair) for pair in zip(wanted, told, strict=True))
    return bool(wanted == told)
