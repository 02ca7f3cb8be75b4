"""What is left of a network when an act takes a part of it out of service."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.blast import is_same_place, links_at, reach, resources
from bot.flow.live import RATE, Live, nothing_known, promised
from bot.model.network import Network
from bot.simulator.scenarios import demo_network
from remediation.guard import GuardFacts, Limits, Reach, Refusal, check
from remediation.schema import Guard

NETWORK = demo_network()
PLACES = (*(f"link:{link}" for link in NETWORK.links), *(f"node:{node}" for node in NETWORK.nodes))

NOBODY = "telemetry does not tell what these carry, so nobody counts on them:"


def demanding(demand: float) -> Network:
    """The demo network with one critical flow of so many logical qubits a second, from ams to ein."""
    flow = msgspec.structs.replace(NETWORK.flows["key-exchange"], demand_logical_per_s=demand, alternates=())
    return msgspec.structs.replace(NETWORK, flows={flow.id: flow})


def carrying(**some: float) -> Live:
    """Every link carries 100 logical qubits a second but some, whose names have _ for -."""
    return carrying_but({}, **some)


def carrying_but(unknown: dict[str, str], **some: float) -> Live:
    """The same, with links of which nobody knows what they carry, and why not."""
    known = dict.fromkeys(NETWORK.links, 100.0) | {name.replace("_", "-"): value for name, value in some.items()}
    return Live(capacities={name: value for name, value in known.items() if name not in unknown}, unknown=unknown)


def unsure(unknown: dict[str, str]) -> Live:
    """All others carry 100; the third way from ams to ein, over utr and ens, leads nowhere."""
    return carrying_but(unknown, ein_ens=0)


def reach_of(place: str, live: Live) -> Reach:
    """The reach of an act on a network that is whole."""
    found = reach(NETWORK, before=(), place=place, live=live)
    assert found is not None
    return found


def refusal(network: Network, place: str, live: Live) -> Refusal | None:
    """What the guard says of an act that takes a place of a whole network out."""
    return check(Guard(), GuardFacts(0.0, (), 0.0, reach=reach(network, before=(), place=place, live=live)))


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
        facts = GuardFacts(0.0, (), 0.0, reach=reach(NETWORK, before=out, place=place, live=carrying()))
        if check(Guard(), facts, Limits(max_share_out=share)) is None:
            out |= links_at(NETWORK, place)
    assert len(out) <= max(1.0, share * len(NETWORK.links))
    for flow in NETWORK.flows.values():
        assert any(not out & set(route) for route in (flow.route, *flow.alternates)), flow.id


def test_what_is_out_already_and_a_flow_cut_before_stand_in_no_ones_way() -> None:
    """The act adds no harm to it."""
    assert reach(NETWORK, before={"ams-utr"}, place="link:ams-utr", live=carrying()) is None
    found = reach(NETWORK, before={"ams-utr", "ams-rtm"}, place="link:ens-grn", live=carrying())
    assert found is not None
    assert "key-exchange" not in found.cut_flows


def test_a_critical_flow_needs_room_on_the_links_that_are_left() -> None:
    """Between ams and ein the widest of three ways is ams-rtm and rtm-ein; without it the wider of the others counts.

    Made-up capacities: 30 that way, 20 by utr, 10 by utr and ens. The refusal tells the demand and what is left.
    """
    known = carrying(rtm_ein=30, ams_rtm=30, ams_utr=20, utr_ein=20, utr_ens=10, ein_ens=10)
    for demand, short in ((19.9, ()), (20.1, ("key-exchange (needs 20.1 logical qubits/s, 20 are left)",)), (31.0, ())):
        found = reach(demanding(demand), before=(), place="link:rtm-ein", live=known)
        assert found is not None
        assert found.short_flows == short, demand


def test_a_link_that_is_known_to_be_dead_is_no_route_and_no_room() -> None:
    """Specified for 1685 a second, utr-ein makes no pairs; so rtm-ein is the last whole route of key-exchange."""
    found = reach(NETWORK, before=(), place="link:rtm-ein", live=carrying(utr_ein=0))
    assert found is not None
    assert (found.cut_flows, found.unknown_links) == (("key-exchange",), ())


def test_nobody_counts_on_a_link_of_which_telemetry_does_not_tell() -> None:
    """With utr-ein unknown rtm-ein may not go out; the refusal names the unknown link and what is missing."""
    unknown = unsure({"utr-ein": "channel_fidelity"})
    refused = refusal(NETWORK, "link:rtm-ein", unknown)
    assert refused is not None
    assert refused == Refusal(
        "routes", f"with it no route would be left in service for key-exchange; {NOBODY} utr-ein (channel_fidelity)"
    )
    short = refusal(demanding(2.0), "link:rtm-ein", unsure({"utr-ein": "channel_fidelity", "utr-ens": RATE}))
    assert short is not None
    starved = "the links left could not carry the critical key-exchange (needs 2 logical qubits/s, none is left)"
    assert short == Refusal("capacity", f"{starved}; {NOBODY} utr-ein (channel_fidelity), utr-ens (entanglement_rate)")


def test_an_unknown_link_may_go_out_itself_while_others_carry_its_flows() -> None:
    """It is the one to be mended; but not when it may be all that a flow has."""
    unknown = unsure({"utr-ein": "channel_fidelity"})
    assert refusal(demanding(2.0), "link:utr-ein", unknown) is None
    alone = refusal(demanding(2.0), "link:utr-ein", carrying_but({"utr-ein": RATE}, rtm_ein=0, ein_ens=0))
    assert alone is not None
    assert alone.guard == "capacity"


def test_a_flow_that_is_surely_without_room_before_stands_in_no_ones_way() -> None:
    """Demand above anything that any link was specified for: the act adds no harm, whatever is unknown."""
    wish = 2 * max(promised(link) for link in NETWORK.links.values())
    assert refusal(demanding(wish), "link:rtm-ein", unsure({"utr-ein": "channel_fidelity"})) is None


@given(
    st.dictionaries(st.sampled_from(sorted(NETWORK.links)), st.sampled_from([None, 0.0, 1.0, 3.0, 50.0])),
    st.sampled_from(PLACES),
)
def test_what_is_let_through_with_links_unknown_is_let_through_whatever_they_carry(
    told: dict[str, float | None], place: str
) -> None:
    """An unknown link that turns out dead cuts no flow that had a whole route before, nor starves its routes."""
    live = carrying_but(
        {link: RATE for link, value in told.items() if value is None},
        **{link.replace("-", "_"): value for link, value in told.items() if value is not None},
    )
    if refusal(NETWORK, place, live) is None:
        dead = Live(capacities={**live.capacities, **dict.fromkeys(live.unknown, 0.0)})
        assert refusal(NETWORK, place, dead) is None


def test_a_list_of_unknown_links_stays_short() -> None:
    """Five by name and how many more; telemetry that does not answer leaves every link unknown."""
    told = reach_of("link:rtm-ein", nothing_known(NETWORK, "telemetry does not answer")).unknown_links
    assert told[0] == "ams-rtm (telemetry does not answer)"
    assert told[5:] == ("2 more",)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("link:ams-utr", "link:ams-utr", True),
        ("link:ams-utr", "node:utr", True),
        ("node:utr", "node:ams", False),
        ("link:ams-utr", "link:utr-ein", False),
        ("flow:key-exchange", "link:ams-utr", True),
        ("flow:key-exchange", "link:grn-ams", False),
        ("network:all", "node:ams", True),
    ],
)
def test_a_part_of_a_target_is_that_target_to_those_who_count_runs(one: str, other: str, same: bool) -> None:
    """So nobody gets past a cooldown by asking for the node instead of its link."""
    assert is_same_place(NETWORK, one, other) is is_same_place(NETWORK, other, one) is same
