"""What an operation is: its row, its parameters, a request for it, and the ways its job can end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bot.simulator.simulation import Simulation


class JobFailedError(Exception):
    """The device or link was not fit for the operation; the message says why."""


class NotYet(Exception):  # noqa: N818 - not an error: the job goes on
    """The operation has not reached its aim yet."""


@dataclass(frozen=True, slots=True)
class Request:
    """One operation asked for, checked against its row."""

    operation: str
    kind: str
    id: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: a number within limits, a word out of some, or a list of link ids."""

    low: float = -np.inf
    high: float = np.inf
    words: tuple[str, ...] = ()
    text: bool = False
    links: bool = False
    whole: bool = False
    optional: bool = False
    nullable: bool = False
    """It must be there, and null is a value of it."""

    def fault(self, value: object) -> str:
        """What is wrong with the value, or nothing."""
        if self.words:
            return "" if value in self.words else f"must be one of {', '.join(self.words)}"
        if self.text:
            return "" if isinstance(value, str) and 0 < len(value) <= 100 else "must be a short text"
        if self.links:
            fits = isinstance(value, list) and all(isinstance(link, str) for link in value)
            return "" if fits and value else "must be a list of link ids"
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < np.inf:
            return "must be a number"
        if self.whole and value != int(value):
            return "must be a whole number"
        return "" if self.low <= value <= self.high else f"must be from {self.low:g} to {self.high:g}"


Apply = Callable[["Simulation", Request], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table; `patience_s`: how long a job that has not reached its aim goes on, then `too_late`."""

    kind: str
    duration_s: float
    apply: Apply
    parameters: Mapping[str, Parameter]
    patience_s: float = 0.0
    too_late: str = ""
