"""A controller that says "done" is believed only as far as its own settings agree."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from remediation.contract import Outcome, Ports
from remediation.controllers.simulator import SimulatorController
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, Misbehaving, NoReadings, Script, answers, job, resets, talking
from tests.remediation.simulated import START, Messages

UNCHANGED = answers({"settings": {"replicas": 2.0}})
CHANGED = answers({"settings": {"replicas": 4.0}})
SAYS_NOTHING = answers({"settings": {}})


@pytest.fixture
async def far_side() -> AsyncIterator[Misbehaving]:
    """A controller whose jobs all succeed, by its own account."""
    return Misbehaving(status=[answers(job(result={}))])


async def do(server: Misbehaving, states: list[Script], name: str, parameters: Mapping[str, Any]) -> Outcome:
    """Carry out one act while the settings are told as in `states`; the first is the one before the act."""
    server.scripts["state"] = states
    async with talking(server) as controller:
        chosen = ACTIONS[name]
        return await chosen.run(chosen.parameters.model_validate(parameters), ports(controller), "act-1")


def ports(controller: SimulatorController) -> Ports:
    """In time that passes at once."""
    return Ports(controller, NoReadings(), Messages(), LeapingTime(START))


async def scaled(server: Misbehaving, states: list[Script]) -> Outcome:
    """The outcome of asking for four decoders."""
    return await do(server, states, "decoder.scale", {"link": "ams-utr", "replicas": 4})


async def test_act_is_confirmed_by_the_settings_that_it_leaves(far_side: Misbehaving) -> None:
    """The outcome names them."""
    outcome = await scaled(far_side, [UNCHANGED, CHANGED])
    assert (outcome.ok, outcome.confirmed, outcome.error) == (True, ["replicas"], "")
    assert outcome.before["settings"] == {"replicas": 2.0}


async def test_act_called_done_fails_when_the_settings_never_change(far_side: Misbehaving) -> None:
    """It counts as having happened, so that it is taken back: nobody knows what else the controller did."""
    outcome = await scaled(far_side, [UNCHANGED])
    assert (outcome.ok, outcome.happened) == (False, True)
    assert outcome.error == "the controller says that it is done, but replicas is 2.0, not 4"
    assert far_side.count("submit") == 1


async def test_settings_may_follow_a_little_later(far_side: Misbehaving) -> None:
    """They are looked at again before the controller's word is doubted."""
    outcome = await scaled(far_side, [UNCHANGED, UNCHANGED, resets, CHANGED])
    assert (outcome.ok, outcome.confirmed) == (True, ["replicas"])


@pytest.mark.parametrize("state", [SAYS_NOTHING, resets], ids=["says nothing", "does not answer"])
async def test_controller_that_does_not_tell_its_settings_confirms_nothing(
    far_side: Misbehaving, state: Script
) -> None:
    """Its job succeeded and nothing speaks against it: the steps that look at the metrics judge."""
    outcome = await scaled(far_side, [UNCHANGED, state])
    assert (outcome.ok, outcome.confirmed) == (True, [])


async def test_what_the_controller_says_it_set_goes_before_what_was_asked(far_side: Misbehaving) -> None:
    """A rollback may be a new revision with the old content."""
    far_side.scripts["status"] = [answers(job(result={"replicas": 3}))]
    outcome = await scaled(far_side, [UNCHANGED, answers({"settings": {"replicas": 3}})])
    assert (outcome.ok, outcome.confirmed) == (True, ["replicas"])


@pytest.mark.parametrize(
    ("held", "worked"), [({"best-effort": 2.0}, True), ({"best-effort": 2.0, "standard": 9.0}, True), ({}, False)]
)
async def test_throttle_of_one_priority_says_nothing_of_the_others(
    far_side: Misbehaving, held: dict[str, float], worked: bool
) -> None:
    """Others may be held for another reason."""
    asked = {"link": "ams-utr", "priority": "best-effort", "rate": 2}
    outcome = await do(far_side, [answers({"settings": {"throttle": held}})], "flow.throttle", asked)
    assert outcome.ok is worked


async def test_letting_go_leaves_nothing_held(far_side: Misbehaving) -> None:
    """Any rate that is left shows that it was not done."""
    left = answers({"settings": {"throttle": {"standard": 1.0}}})
    outcome = await do(far_side, [left], "flow.unthrottle", {"link": "ams-utr"})
    assert outcome.error == "the controller says that it is done, but throttle is {'standard': 1.0}, not {}"
