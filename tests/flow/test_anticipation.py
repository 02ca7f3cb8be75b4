"""What acts on traffic are predicted to do, against what they then do in the simulated network."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

import pytest

from remediation.contract import Effect, Prediction, Target
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.simulated import Trouble

USED, SUCCESS = "entanglement_consumption_rate", "logical_success_ratio"
LINK = "ams-utr"
SETTLE_S = 400.0
"""Longer than the rate window: nothing from before a fault or an act is in the readings."""


class Scene:
    """A link with too few pairs for some minutes, and acts on it."""

    def __init__(self, cause: Literal["policy", "demand"]) -> None:
        self.trouble = Trouble("f4", cause=cause)

    async def begin(self) -> None:
        """Until every reading shows the fault alone."""
        assert await self.trouble.begin() == LINK
        await self.trouble.wait(SETTLE_S)

    async def predicted(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Prediction]:
        """What a plan would say now."""
        declared = ACTIONS[action]
        assert declared.effect is not None
        effect = declared.effect(declared.parameters.model_validate(parameters))
        assert effect is not None
        return {each.quantity: each for each in (await self.trouble.observer.predictor(LINK))(effect)}

    async def do(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Do it; what it gave."""
        act = Act("act", "Act", "run", 1, action, dict(parameters), "R1:act:run", LONGEST_ACT_S)
        envelope = await self.trouble.do(act)
        assert envelope["error"] == ""
        return dict(envelope["output"])

    async def measured(self, signal: str) -> float:
        """The signal on the link, once the rate window holds nothing else."""
        await self.trouble.wait(SETTLE_S)
        reading = await self.trouble.observer.read(signal, LINK, baseline_before=self.trouble.onset)
        assert reading.value is not None
        return reading.value


@pytest.fixture
async def starved() -> AsyncIterator[Scene]:
    """A link that makes an eighth of its pairs."""
    scene = Scene("policy")
    await scene.begin()
    yield scene
    await scene.trouble.end()


@pytest.fixture
async def crowded() -> AsyncIterator[Scene]:
    """A link of which six times as much is asked as it can serve."""
    scene = Scene("demand")
    await scene.begin()
    yield scene
    await scene.trouble.end()


def throttle(**more: Any) -> dict[str, Any]:
    """Parameters of a hold on best effort."""
    return {"link": LINK, "priority": "best-effort", **more}


async def used_after(scene: Scene, action: str, parameters: Mapping[str, Any]) -> tuple[float, float]:
    """(predicted, measured) pairs/s that are used after an act."""
    said = (await scene.predicted(action, parameters))[USED].after
    assert said is not None
    await scene.do(action, parameters)
    return said, await scene.measured(USED)


@pytest.mark.parametrize("rate", [0.0, 2.0])
async def test_a_throttle_is_predicted_to_leave_what_it_lets_through(crowded: Scene, rate: float) -> None:
    """Within a tenth: flows that matter more, pairs for keys, and the rate that was asked for."""
    said, measured = await used_after(crowded, "flow.throttle", throttle(rate=rate))
    assert said == pytest.approx(measured, rel=0.1)


async def test_a_throttle_to_capacity_is_predicted_at_the_rate_that_it_then_asks_for(crowded: Scene) -> None:
    """Not as a full hold: at a rate given by hand, that of the act, the same is predicted."""
    to_capacity = await crowded.predicted("flow.throttle", throttle(to_capacity=True))
    full = await crowded.predicted("flow.throttle", throttle(rate=0))
    asked = (await crowded.do("flow.throttle", throttle(to_capacity=True)))["rate"]
    by_hand = await crowded.predicted("flow.throttle", throttle(rate=asked))
    said, hold = to_capacity[USED].after, full[USED].after
    assert said is not None
    assert hold is not None
    assert said > 2 * hold
    # The controller tells the act of demand that swings by 8% a day, the network file tells the plan of none.
    assert said == pytest.approx(by_hand[USED].after, rel=0.05)


async def test_a_throttle_to_capacity_of_a_starved_link_is_a_full_hold(starved: Scene) -> None:
    """What is made does not suffice for the flows that go first; all of it stays in use."""
    said, measured = await used_after(starved, "flow.throttle", throttle(to_capacity=True))
    assert said == pytest.approx(measured, rel=0.1)


async def test_a_throttle_of_a_starved_link_is_predicted_to_save_as_many_transfers_as_it_does(starved: Scene) -> None:
    """A quarter succeed; with best effort held the few pairs are for fewer transfers."""
    success = (await starved.predicted("flow.throttle", throttle(rate=0)))[SUCCESS]
    await starved.do("flow.throttle", throttle(rate=0))
    measured = await starved.measured(SUCCESS)
    assert success.before is not None
    assert success.after is not None
    assert success.after > 2 * success.before
    assert success.after == pytest.approx(measured, rel=0.2)  # the tolerance of the ledger


async def test_holding_standard_flows_leaves_best_effort_alone(crowded: Scene) -> None:
    """Half of a qubit a second of two that are asked for, beside sixty of best effort: the pool stays empty."""
    said, measured = await used_after(crowded, "flow.throttle", throttle(priority="standard", rate=0.5))
    assert said == pytest.approx(measured, rel=0.05)


async def test_an_act_on_another_place_is_not_predicted_to_change_this_link(starved: Scene) -> None:
    """A node at its end is no other place."""
    elsewhere = {**throttle(rate=0), "link": "ein-ens"}
    assert await starved.predicted("flow.throttle", elsewhere) == {}
    assert await starved.predicted("calibration.run", {"node": "ein"}) == {}
    assert await starved.predicted("calibration.run", {"node": "utr"}) != {}


async def test_flows_that_leave_take_their_pairs_along(crowded: Scene) -> None:
    """By route, to the alternate or to the classical fallback, or by a quota; a flow that never came takes none."""
    network = crowded.trouble.network
    flow = next(each for each in network.flows_over(LINK) if each.alternates)
    assert LINK not in flow.alternates[0]
    asked = {"flow": flow.id}
    acts: list[tuple[str, dict[str, Any]]] = [
        ("flow.reroute", {**asked, "route": flow.alternates[0]}),
        ("flow.fail_over", {**asked, "to": "alternate"}),
        ("flow.set_quota", {**asked, "logical_per_s": 0.0}),
    ]
    told = [await crowded.predicted(*act) for act in acts]
    emptied = [each["pool_depletion_s"] for each in told]
    assert all(each.after is not None and each.before is not None and each.after > each.before for each in emptied)
    assert len({each.after for each in emptied}) == 1
    assert await crowded.predicted("flow.reroute", {**asked, "route": flow.route}) == {}
    stranger = next(each for each in network.flows.values() if LINK not in each.route)
    assert await crowded.predicted("flow.set_quota", {"flow": stranger.id, "logical_per_s": 0.0}) == {}


@pytest.mark.parametrize("link", ["ein-ens", "ams-utr"])
async def test_rounds_of_purification_are_predicted_to_cost_the_pairs_that_they_cost(link: str) -> None:
    """On links that are well: two rounds where one is done already, and back again; use tells how many there are."""
    trouble = Trouble("f1")
    assert await trouble.begin() not in {link, LINK}
    for rounds in (2, 1):
        parameters = {"link": link, "rounds": rounds}
        effect = Effect("purify", Target("link", link), {"rounds": float(rounds)})
        said = {each.quantity: each for each in (await trouble.observer.predictor(link))(effect)}[USED]
        act = Act("act", "Act", "run", 1, "entanglement.purify", parameters, f"R1:{rounds}:run", LONGEST_ACT_S)
        assert (await trouble.do(act))["error"] == ""
        await trouble.wait(SETTLE_S)
        measured = (await trouble.observer.read(USED, link, baseline_before=trouble.onset)).value
        assert said.before is not None
        assert said.after is not None
        assert (said.after > 1.5 * said.before) == (rounds == 2)
        assert said.after == pytest.approx(measured, rel=0.1)
    await trouble.end()
