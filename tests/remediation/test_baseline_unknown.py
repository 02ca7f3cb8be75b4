"""A check against a baseline that nobody knows says so, and does not call the metric bad."""

from typing import Any

import pytest

from remediation.contract import Ports, Reading
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.execute import perform
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime
from tests.remediation.simulated import START, Messages
from tests.remediation.test_named_acts import act


class Lately:
    """A source that knows the present only."""

    async def read(self, signal: str, subject: str) -> Reading:
        """Fresh, without a band."""
        return Reading(signal, subject, 0.0213, "fresh", 5.0)


WAIT: dict[str, Any] = {
    "signal": "physical_loss_ratio", "link": "grn-ams", "within_baseline": True, "for": "1m", "within": "2m"
}  # fmt: skip
CHECK: dict[str, Any] = {"all": [{"signal": "physical_loss_ratio", "link": "grn-ams", "within_baseline": True}]}


@pytest.mark.parametrize(("action", "given"), [("telemetry.wait_until", WAIT), ("telemetry.check", CHECK)])
async def test_without_a_baseline_the_answer_is_unknown(action: str, given: dict[str, Any]) -> None:
    """The step fails, its reason names what is not known and the value that is."""
    ports = Ports(UnconfiguredController(), Lately(), Messages(), LeapingTime(START))
    envelope = await perform(act(action, given), ports, ACTIONS)
    assert envelope["ok"] is False
    assert envelope["error"] == (
        "unknown: no baseline of physical_loss_ratio of grn-ams is known from before the incident; "
        "it is 0.0213 now, and whether that is as usual cannot be told"
    )
