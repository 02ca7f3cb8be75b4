"""Several controllers as one: the first whose patterns fit, also after a crash."""

import pytest

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.routed import Route, RoutedController
from remediation.errors import ControllerError

UTR, AMS = Target("node", "utr"), Target("node", "ams")


class Ledger:
    """A controller that writes down what it is asked for and does it at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: list[str] = []

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Do it."""
        self.keys.append(key)

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """Done, where it was asked for."""
        return JobStatus("succeeded", {"by": self.name}) if key in self.keys else JobStatus("unknown")

    async def state(self, target: Target, operation: str = "") -> Json:
        """Its name."""
        return {"by": self.name}


@pytest.fixture
def ledgers() -> dict[str, Ledger]:
    """Three controllers."""
    return {name: Ledger(name) for name in ("calibration", "west", "rest")}


def routed(ledgers: dict[str, Ledger]) -> RoutedController:
    """A new process with the same configuration."""
    return RoutedController(
        [
            Route(ledgers["calibration"], ("calibration.*", "firmware.pin")),
            Route(ledgers["west"], targets=("node:ams", "link:ams-*")),
            Route(ledgers["rest"], ("device.*",)),
        ]
    )


@pytest.mark.parametrize(
    ("operation", "target", "by"),
    [
        ("calibration.run", AMS, "calibration"),
        ("firmware.pin", UTR, "calibration"),
        ("firmware.roll_back", AMS, "west"),
        ("decoder.scale", Target("link", "ams-utr"), "west"),
        ("device.drain", UTR, "rest"),
    ],
)
async def test_first_that_fits_does_it_and_is_asked_about_it(
    ledgers: dict[str, Ledger], operation: str, target: Target, by: str
) -> None:
    """Here, and in the process that comes after a crash."""
    controller = routed(ledgers)
    assert (await controller.state(target, operation))["by"] == by
    assert await controller.status("k", Asked(operation, target)) == JobStatus("unknown")
    for _ in range(2):
        await controller.submit(operation, target, {}, key="k")
    assert ledgers[by].keys == ["k"]
    assert (await controller.status("k")).result == {"by": by}
    assert (await routed(ledgers).status("k", Asked(operation, target))).result == {"by": by}


async def test_act_that_fits_none_is_refused_with_what_to_do(ledgers: dict[str, Ledger]) -> None:
    """Nothing is asked for."""
    with pytest.raises(ControllerError, match=r"firmware\.roll_back on node:utr; add one under controllers") as caught:
        await routed(ledgers).submit("firmware.roll_back", UTR, {}, key="k")
    assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert await routed(ledgers).status("k") == JobStatus("unknown")
    assert all(ledger.keys == [] for ledger in ledgers.values())
