"""The shape of the network in a diagnosis: a node's fault is one, a duct is shared, a cause upstream mutes symptoms."""

import pytest

from tests.diagnosis.story import Story, modes, network

HUB = ("a-h", "b-h", "c-h")


@pytest.mark.parametrize("asked", HUB)
def test_loss_on_all_links_of_a_node_is_the_nodes(asked: str) -> None:
    """Ask about any of its links: the same mode with the node as its subject, and evidence that names the others."""
    story = Story(seed=21)
    story.lose(HUB, 5.0, 600)
    found = story.diagnose()
    assert modes(found[asked]) == [("F1", "h")]
    assert found[asked].findings[0].subject.kind == "node"
    others = [name for name in HUB if name != asked]
    assert any(all(name in item.why for name in others) for item in found[asked].findings[0].evidence)
    assert found["c-d"].verdict == "healthy"


def test_loss_on_some_links_of_a_node_stays_theirs() -> None:
    """Two of three: what the third shows acquits the hub."""
    story = Story(seed=22)
    story.lose(["a-h", "b-h"], 5.0, 600)
    found = story.diagnose()
    assert [modes(found[link]) for link in ("a-h", "b-h")] == [[("F1", "a-h")], [("F1", "b-h")]]
    assert found["c-h"].verdict == "healthy"


def test_loss_at_different_times_is_not_one_event() -> None:
    """Ten minutes apart, on all links of the hub: three faults."""
    story = Story(seed=23)
    for number, link in enumerate(HUB):
        story.lose([link], 5.0, 600 + 600 * number)
    assert modes(story.diagnose()["a-h"]) == [("F1", "a-h")]


def test_a_hot_hub_is_one_fault_on_every_link() -> None:
    """Its loss follows from the heat: the thermal event alone is named, at the node."""
    story = Story(seed=24)
    story.scale("device_temperature", ["h"], 1.2, 900)
    story.scale("coherence_t2", ["h"], 0.6, 840)
    story.lose(HUB, 2.0, 840)
    found = story.diagnose()
    assert [modes(found[link]) for link in HUB] == [[("F8", "h")]] * 3
    assert found["c-d"].verdict == "healthy"


def test_links_of_one_duct_are_named_each_with_what_they_share() -> None:
    """A cut duct at the hub is no fault of the hub."""
    story = Story(seed=25, place=network(a_h=("duct-7",), b_h=("duct-7",), c_h=("duct-7",)))
    story.lose(HUB, 5.0, 600)
    found = story.diagnose()
    for link in HUB:
        assert modes(found[link]) == [("F1", link)]
        assert any("share duct-7" in item.why for item in found[link].findings[0].evidence)


def test_a_cohort_is_compared_with_nodes_that_were_not_updated() -> None:
    """All nodes but one get the firmware and lose coherence: each is named, none acquits another."""
    story = Story(seed=26)
    for node in ("a", "b", "c", "h"):
        story.scale("coherence_t2", [node], 0.6, 600)
        story.firmware[node] = story.since(600)
    found = story.diagnose()
    assert modes(found["c-d"]) == [("F5", "c")]
    assert {mode for mode, _ in modes(found["a-h"])} == {"F5"}


def test_traffic_that_a_neighbours_fault_sent_here_is_no_fault() -> None:
    """b-h loses its light and its traffic, which comes to a-h: queue and full slots there, the cause is b-h."""
    story = Story(seed=27)
    story.lose(["b-h"], 8.0, 700)
    story.scale("transfers", ["b-h"], 0.2, 600)
    story.scale("transfers", ["a-h"], 1.8, 600)
    story.scale("consumed", ["a-h"], 1.8, 600)
    story.add("slot_utilisation", ["a-h"], 0.6, 600)
    story.add("transfer_queue_length", ["a-h"], 40.0, 500)
    found = story.diagnose()
    assert modes(found["b-h"]) == [("F1", "b-h")]
    assert found["a-h"].verdict == "healthy"
    assert "b-h" in found["a-h"].summary
    assert "(F1)" in found["a-h"].summary


def test_a_queue_without_such_a_neighbour_is_starvation() -> None:
    """The same symptoms with nothing upstream."""
    story = Story(seed=28)
    story.scale("transfers", ["a-h"], 0.7, 600)
    story.add("slot_utilisation", ["a-h"], 0.6, 600)
    story.add("transfer_queue_length", ["a-h"], 40.0, 500)
    assert modes(story.diagnose()["a-h"]) == [("F7", "a-h")]


def test_a_surge_over_a_repeater_is_no_fault_of_the_repeater() -> None:
    """Both links of c run out of pairs because demand doubled: exhaustion of each link, not of the node."""
    story = Story(seed=29)
    for link in ("c-h", "c-d"):
        story.scale("consumed", [link], 2.5, 900)
        story.scale("transfers", [link], 2.0, 900)
        story.add("entanglement_pool_level", [link], -0.78, 700)
    found = story.diagnose()
    assert modes(found["c-d"])[0] == ("F4", "c-d")
