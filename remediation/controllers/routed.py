"""Several controllers as one: the first whose patterns fit an operation and its target carries it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from remediation.contract import Asked, Controller, JobStatus, Json, Target
from remediation.controllers.once import Once
from remediation.errors import ControllerError


@dataclass(frozen=True, slots=True)
class Route:
    """A controller for operations such as calibration.* on targets such as node:ams-*."""

    controller: Controller
    operations: tuple[str, ...] = ("*",)
    targets: tuple[str, ...] = ("*",)

    def fits(self, operation: str, target: Target) -> bool:
        """Whether it is for this act; without an operation, whether it is for this target."""
        known = not operation or any(fnmatchcase(operation, pattern) for pattern in self.operations)
        return known and any(fnmatchcase(str(target), pattern) for pattern in self.targets)


class RoutedController:
    """Passes acts on. A key alone says who has it only where this process passed its act on."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        self._passed: Once[Controller] = Once()

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask the first that fits; raises ControllerError where none does."""
        controller = self._chosen(operation, target)

        async def asking() -> Controller:
            await controller.submit(operation, target, parameters, key=key)
            return controller

        await self._passed.ask(key, Asked(operation, target, dict(parameters)), asking)

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """What its controller says of the act."""
        passed = self._passed.get(key)
        if passed is not None:
            return await passed[1].status(key, passed[0])
        if asked is None:
            return JobStatus("unknown")
        return await self._chosen(asked.operation, asked.target).status(key, asked)

    async def state(self, target: Target, operation: str = "") -> Json:
        """The settings of a target as the controller of the operation sees them."""
        return await self._chosen(operation, target).state(target, operation)

    def _chosen(self, operation: str, target: Target) -> Controller:
        for route in self._routes:
            if route.fits(operation, target):
                return route.controller
        what = f"{operation} on {target}" if operation else str(target)
        message = f"no controller is configured for {what}; add one under controllers"
        raise ControllerError(message, retryable=False, happened=False)
