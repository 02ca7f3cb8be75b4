"""The errors a person can meet, drawn as one family.

BellhopError                 anything Bellhop says no to; carries one clear line and what to do next
├── UsageError               wrong arguments or configuration (exit 2)
├── NotFoundError            the incident, link, run or runbook that was named does not exist (exit 1)
├── RefusedError             allowed in general, not now or not to this person (exit 1)
├── BadPayloadError          a message from outside that does not fit its format (HTTP 4xx)
└── UnavailableError         a far side does not answer; trying again can help (exit 1)
    ├── StoreUnavailableError
    ├── TelemetryUnavailableError
    └── ChatUnavailableError

Faults in files (configuration, network, rules, runbooks) are `remediation.errors.FileFaultsError`: all
faults of a file at once, each with line and column. Errors of controllers and runbooks are
`remediation.errors.RemediationError`.
"""


class BellhopError(Exception):
    """One clear line about what went wrong, and in `hint` what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def plain(error: Exception, longest: int = 300) -> str:
    """Any error as one bounded line, for people who read an incident."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:longest]}" if text else type(error).__name__


class UsageError(BellhopError):
    """The command line or the configuration asks for something that cannot be done."""

    exit_code = 2


class NotFoundError(BellhopError):
    """Something was named that does not exist."""


class RefusedError(BellhopError):
    """The request is understood and turned down; the message says why."""


class BadPayloadError(BellhopError):
    """A message from outside does not fit its format; `field` is the path of what is wrong."""

    def __init__(self, message: str, *, field: str, status: int = 400) -> None:
        super().__init__(message)
        self.field = field
        self.status = status


class UnavailableError(BellhopError):
    """A far side does not answer now; `retry_after` is its wish in seconds, where it said one."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class StoreUnavailableError(UnavailableError):
    """The database cannot be reached or refuses writes."""


class TelemetryUnavailableError(UnavailableError):
    """Prometheus (or the exporters) cannot be reached, is too slow or answers nonsense."""


class ChatUnavailableError(UnavailableError):
    """Slack cannot be reached or asks to wait."""
