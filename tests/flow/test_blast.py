"""What is left of a network when an act takes a part of it out of service."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.blast import links_at, logical_per_s, reach, resources
from bot.model.network import Network
from bot.simulator.scenarios import demo_network
from remediation.guard import GuardFacts, Limits, check
from remediation.schema import Guard

NETWORK = demo_network()
PLACES = (*(f"link:{link}" for link in NETWORK.links), *(f"node:{node}" for node in NETWORK.nodes))


def demanding(demand: float) -> Network:
    """The demo network with one critical flow of so many logical qubits a second, from ams to ein."""
    flow = msgspec.structs.replace(NETWORK.flows["key-exchange"], demand_logical_per_s=demand, alternates=())
    return msgspec.structs.replace(NETWORK, flows={flow.id: flow})


@pytest.mark.parametrize(
    ("target", "needs"),
    [
        ("link:ams-utr", {"link:ams-utr"}),
        ("node:grn", {"node:grn", "link:grn-ams", "link:ens-grn"}),
        ("flow:research", {"flow:research"}),
        ("network:all", set()),
        ("", set()),
    ],
)
def test_an_act_on_a_node_needs_all_its_links(target: str, needs: set[str]) -> None:
    """So no run on a link and no run on one of its ends get into each other's way."""
    assert resources(NETWORK, target) == needs


@given(st.lists(st.sampled_from(PLACES), max_size=8), st.floats(0.0, 1.0))
def test_however_acts_follow_each_other_every_flow_keeps_a_whole_route(places: list[str], share: float) -> None:
    """Each act that the guard lets through takes its place out for good; the flows and the share always hold."""
    out: frozenset[str] = frozenset()
    for place in places:
        facts = GuardFacts(0.0, (), 0.0, reach=reach(NETWORK, before=out, place=place))
        if check(Guard(), facts, Limits(max_share_out=share)) is None:
            out |= links_at(NETWORK, place)
    assert len(out) <= max(1.0, share * len(NETWORK.links))
    for flow in NETWORK.flows.values():
        assert any(not out & set(route) for route in (flow.route, *flow.alternates)), flow.id


def test_what_is_out_already_and_a_flow_cut_before_stand_in_no_ones_way() -> None:
    """The act adds no harm to it."""
    assert reach(NETWORK, before={"ams-utr"}, place="link:ams-utr") is None
    found = reach(NETWORK, before={"ams-utr", "ams-rtm"}, place="link:ens-grn")
    assert found is not None
    assert "key-exchange" not in found.cut_flows


def test_a_critical_flow_needs_room_on_the_links_that_are_left() -> None:
    """Between ams and ein the widest of three ways carries about 2070 a second, as the specification has it.

    That way is ams-rtm and rtm-ein; without it the other two are left, the wider of which ends in utr-ein.
    """
    wide = min(logical_per_s(NETWORK.links[name]) for name in ("ams-rtm", "rtm-ein"))
    narrow = max(
        min(logical_per_s(NETWORK.links[name]) for name in way)
        for way in (("ams-utr", "utr-ein"), ("ams-utr", "utr-ens", "ein-ens"))
    )
    assert narrow < wide
    for demand, short in ((narrow * 0.99, ()), (narrow * 1.01, ("key-exchange",)), (wide * 1.01, ())):
        found = reach(demanding(demand), before=(), place="link:rtm-ein")
        assert found is not None
        assert found.short_flows == short, demand
