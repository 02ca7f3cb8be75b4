"""Taking back puts back what stood before the act, and no more than that."""

from typing import Any

import pytest

from remediation.errors import RemediationError
from remediation.taking_back import Back, taken_back

LINK, FLOW = {"link": "ams-utr"}, {"flow": "bulk-2"}
HOME, OTHER = ["ams-utr"], ["ams-rtm", "rtm-utr"]
HELD = {**LINK, "priority": "best-effort", "rate": 0}
LET_GO, GO_HOME = Back("flow.unthrottle", LINK), Back("flow.restore", FLOW)
LIMITED = {**FLOW, "logical_per_s": 1}


def settings(**told: object) -> dict[str, Any]:
    """A snapshot of a target with these settings."""
    return {"settings": told}


def test_quota_is_put_back_where_the_flow_is_and_not_at_home() -> None:
    """An earlier quota of 2 on another route: the route is not touched."""
    before = settings(route=OTHER, home_route=HOME, classical=False, quota_logical_per_s=2.0)
    back = taken_back("flow.set_quota", LIMITED, before, GO_HOME)
    assert back == Back("flow.set_quota", {**FLOW, "logical_per_s": 2.0})


def test_throttle_lets_its_own_priority_go_and_no_other() -> None:
    """Somebody else holds the standard flows."""
    back = taken_back("flow.throttle", HELD, settings(throttle={"standard": 1.0}), LET_GO)
    assert back == Back("flow.unthrottle", {**LINK, "priority": "best-effort"})


def test_throttle_goes_back_to_an_earlier_rate() -> None:
    """The flows were held to 3 logical qubits/s before."""
    back = taken_back("flow.throttle", HELD, settings(throttle={"best-effort": 3.0}), LET_GO)
    assert back == Back("flow.throttle", {**LINK, "priority": "best-effort", "rate": 3.0})


@pytest.mark.parametrize(
    ("before", "action", "more"),
    [
        (settings(route=HOME, home_route=HOME, classical=False, quota_logical_per_s=None), "flow.restore", {}),
        (
            settings(route=HOME, home_route=HOME, classical=False, quota_logical_per_s=2.0),
            "flow.restore",
            {"quota_logical_per_s": 2.0},
        ),
        (settings(route=OTHER, home_route=HOME, classical=False), "flow.reroute", {"route": OTHER}),
        (settings(route=OTHER, home_route=HOME, classical=True), "flow.fail_over", {"to": "classical", "route": OTHER}),
    ],
)
def test_flow_goes_back_to_where_it_was(before: dict[str, Any], action: str, more: dict[str, Any]) -> None:
    """Home only when it came from there: then no guard is asked."""
    asked = {**FLOW, "route": ["utr-ein"]}
    assert taken_back("flow.reroute", asked, before, GO_HOME) == Back(action, {**FLOW, **more})


@pytest.mark.parametrize("before", [{}, {"settings": None}, settings(max_bandwidth=5)])
def test_way_back_is_as_written_where_nobody_told_the_settings(before: dict[str, Any]) -> None:
    """Nothing is made up."""
    assert taken_back("flow.set_quota", LIMITED, before, GO_HOME) == GO_HOME


def test_way_back_that_says_more_than_the_place_is_as_written() -> None:
    """Whoever wrote it means it."""
    written = Back("flow.unthrottle", {**LINK, "priority": "standard"})
    assert taken_back("flow.throttle", HELD, settings(throttle={"best-effort": 3.0}), written) == written


def test_schedule_that_stood_before_is_for_people() -> None:
    """Cancelling would drop both."""
    before, node = settings(calibration_due_at="2026-11-25T18:00:00Z"), {"node": "utr"}
    with pytest.raises(RemediationError, match="2026-11-25T18:00:00Z"):
        taken_back("calibration.schedule", {**node, "after": 60}, before, Back("calibration.cancel", node))
