"""The errors of files, runbooks and controllers, drawn as one family.

RemediationError             anything said no to here; one clear line
├── FileFaultsError          a file does not say what it must: every fault at once, with line and column
├── UnknownNameError         an action, input, signal or runbook that does not exist
├── TemplateError            an expression that cannot be resolved inside the sandbox
└── ControllerError          a controller said no or nothing; `retryable` says whether trying again can help,
                             `happened` whether the act may have been done (None: nobody knows)
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a fault in a file is: an error stops, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a file; lines and columns count from 1, 0 where there is none."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message}"


class RemediationError(Exception):
    """One clear line about what went wrong."""


class FileFaultsError(RemediationError):
    """All faults of one or several files at once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in sorted(faults)))
        self.faults = faults


class UnknownNameError(RemediationError):
    """Something was named that does not exist."""


class TemplateError(RemediationError):
    """A template cannot be resolved, or asks for more than the sandbox allows."""


class ControllerError(RemediationError):
    """A controller refused, failed or did not answer."""

    def __init__(self, message: str, *, retryable: bool, happened: bool | None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.happened = happened
