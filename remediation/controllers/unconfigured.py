"""What stands in where no controller is configured: every act is refused, clearly."""

from typing import NoReturn

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.errors import ControllerError


class UnconfiguredController:
    """Refuses; runbooks can still observe and notify."""

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Refuse."""
        del parameters, key
        _refuse(f"{operation} on {target}")

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """Nothing was ever asked for."""
        del key, asked
        return JobStatus(state="unknown")

    async def state(self, target: Target, operation: str = "") -> Json:
        """Refuse."""
        del operation
        _refuse(f"the state of {target}")


def _refuse(what: str) -> NoReturn:
    raise ControllerError(f"{what}: no controller is configured", retryable=False, happened=False)
