"""ETSI QKD nodes over real HTTP: states are set once and seen, however the node writes them; keys are only counted."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from remediation.contract import Ports, Target
from remediation.controllers.key_store import KeyStore
from remediation.controllers.lenient import QkdNode as Read
from remediation.controllers.restconf import FlowApplication, NodeNames, RestconfController
from remediation.errors import ControllerError
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.qkd_node import APPLICATION, LINK, OTHER, QkdNode, Said, as_it_is, bare, dashed, flat, in_texts
from tests.remediation.qkd_node import serving as node_serving
from tests.remediation.simulated import START, Messages

KEY = "INC-1-R1:step:run"
NAMES = NodeNames(
    node="ams",
    links={"ams-utr": LINK, "ams-rpt1": OTHER},
    flows={"keys": FlowApplication(APPLICATION, ("ams-utr", "utr-ber"), ("ams-rpt1", "rpt1-ber"))},
    peers={"ams-utr": "SAE-B"},
    bits_per_logical=256.0,
)
WRITTEN = [as_it_is, bare, dashed, in_texts, flat, lambda document: in_texts(dashed(bare(document)))]


def act(action: str, parameters: dict[str, Any], key: str = KEY) -> Act:
    """An instruction."""
    return Act("step", action, "run", 1, action, parameters, key, LONGEST_ACT_S)


async def done(node: QkdNode, *acts: Act) -> list[dict[str, Any]]:
    """The envelopes of acts on this node, one after the other."""
    async with node_serving(node) as client:
        controller = RestconfController(client, NAMES, KeyStore(client))
        ports = Ports(controller, NoReadings(), Messages(), LeapingTime(START))
        return [await perform(each, ports, ACTIONS) for each in acts]


@pytest.mark.parametrize("says", WRITTEN)
@pytest.mark.parametrize(
    ("action", "parameters", "path", "content"),
    [
        (
            "device.drain",
            {"node": "ams"},
            "qkd_links",
            {"qkd_links": {"qkd_link": [{"qkdl_id": name, "qkdl_enable": False} for name in (LINK, OTHER)]}},
        ),
        (
            "flow.set_quota",
            {"flow": "keys", "logical_per_s": 2},
            f"qkd_applications/qkd_app={APPLICATION}",
            {"qkd_app": [{"app_id": APPLICATION, "app_qos": {"max_bandwidth": 512}}]},
        ),
        (
            "flow.reroute",
            {"flow": "keys", "route": ["ams-rpt1", "rpt1-ber"]},
            f"qkd_applications/qkd_app={APPLICATION}",
            {"qkd_app": [{"app_id": APPLICATION, "backing_qkdl_id": [OTHER]}]},
        ),
        (
            "flow.fail_over",
            {"flow": "keys", "to": "alternate"},
            f"qkd_applications/qkd_app={APPLICATION}",
            {"qkd_app": [{"app_id": APPLICATION, "backing_qkdl_id": [OTHER]}]},
        ),
    ],
)
async def test_state_is_set_once_and_seen_however_the_node_writes_it(
    says: Said, action: str, parameters: dict[str, Any], path: str, content: dict[str, Any]
) -> None:
    """With and without namespaces, dashes, numbers as texts, lists without containers."""
    node = QkdNode(says=says, delay=2)
    envelopes = await done(node, act(action, parameters), act(action, parameters))
    assert [(each["error"], each["ok"]) for each in envelopes] == [("", True)] * 2
    assert node.patches == [(path, {f"etsi-qkd-sdn-node:{name}": value for name, value in content.items()})]


async def test_drained_node_comes_back() -> None:
    """Its links carry again, and the flow goes home."""
    node = QkdNode()
    back = {"flow": "keys"}
    moved = {"flow": "keys", "route": ["ams-rpt1"]}
    acts = (("device.drain", {"node": "ams"}), ("device.undrain", {"node": "ams"}))
    acts += (("flow.reroute", moved), ("flow.restore", back))
    envelopes = await done(node, *(act(name, given, f"k{at}") for at, (name, given) in enumerate(acts)))
    assert [each["ok"] for each in envelopes] == [True] * 4
    shown = Read.of(node.document)
    assert [link.enabled for link in shown.links.values()] == [True, True]
    assert shown.applications[APPLICATION].links == (LINK,)


async def test_state_that_is_there_after_a_crash_needs_no_second_request() -> None:
    """And one that is not there may be asked for again: it only sets a state."""
    node = QkdNode(delay=0)
    drain = act("device.drain", {"node": "ams"})
    async with node_serving(node) as client:
        for expected in (None, True):
            fresh = RestconfController(client, NAMES)
            ports = Ports(fresh, NoReadings(), Messages(), LeapingTime(START))
            envelope = await probe(drain, ports, ACTIONS)
            assert (envelope and envelope["ok"]) is expected
            if envelope is None:
                await perform(drain, ports, ACTIONS)
    assert len(node.patches) == 1


async def test_link_is_shown_with_its_keys_in_store_and_no_key_is_taken() -> None:
    """Only `status` is asked of the key manager."""
    node = QkdNode(says=in_texts)
    async with node_serving(node) as client:
        state = await RestconfController(client, NAMES, KeyStore(client)).state(Target("link", "ams-utr"))
    assert state["settings"]["secret_key_rate"] == 1850
    assert state["state"] == {"stored_key_count": 25000.0, "max_key_count": 100000.0, "key_size": 256.0}
    assert node.asked == ["status"]


@pytest.mark.parametrize("peer", ["../enc_keys?x=", "SAE/../../enc_keys", "a#b"])
async def test_name_of_a_peer_does_not_lead_to_where_keys_are_taken(peer: str) -> None:
    """It is one part of the path; the status of nobody is asked."""
    node = QkdNode()
    async with node_serving(node) as client:
        with contextlib.suppress(ControllerError):
            await KeyStore(client).status(peer)
    assert set(node.asked) <= {"status"}


async def test_application_that_is_not_there_is_refused_in_the_nodes_words() -> None:
    """Errors of RESTCONF are read."""
    node = QkdNode()
    names = NodeNames("ams", NAMES.links, {"keys": FlowApplication("nobody", ("ams-utr",))})
    async with node_serving(node) as client:
        controller = RestconfController(client, names)
        with pytest.raises(ControllerError, match="answers 404: no such application") as caught:
            await controller.submit("flow.set_quota", Target("flow", "keys"), {"logical_per_s": 1}, key=KEY)
        with pytest.raises(ControllerError, match="has no application nobody; compare the configuration"):
            await controller.check()
        assert await RestconfController(client, NAMES, KeyStore(client)).check() == "2 links, 1 applications"
    assert (caught.value.happened, node.patches) == (False, [])


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        ("link.realign", {"link": "ams-utr"}, "cannot do link.realign"),
        ("device.drain", {"node": "utr"}, "node:utr is not ams"),
        ("flow.reroute", {"flow": "keys", "route": ["utr-ber"]}, "no link of that route ends at ams"),
        ("flow.fail_over", {"flow": "keys", "to": "classical"}, "only an alternate"),
        ("flow.set_quota", {"flow": "other", "logical_per_s": 1}, "does not know flow:other; add it under flows"),
    ],
)
async def test_what_a_node_cannot_do_is_refused_before_anything_is_sent(
    action: str, parameters: dict[str, Any], said: str
) -> None:
    """With what it can do, or what to add."""
    node = QkdNode()
    (envelope,) = await done(node, act(action, parameters))
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert said in envelope["error"]
    assert node.patches == []


@pytest.mark.parametrize(
    "content", ["{}", '{"qkd_node": 3}', '{"qkd_node": [{}]}', '{"qkd_node": {"qkd_links": {"qkd_link": "none"}}}']
)
def test_document_that_says_little_is_read_as_little(content: str) -> None:
    """Nothing is invented, nothing breaks."""
    node = Read.of(json.loads(content))
    assert (node.id, dict(node.links), dict(node.applications)) == ("", {}, {})


def test_published_example_is_read_whole() -> None:
    """The valid document that the design's payloads hold."""
    text = (Path(__file__).parent / "payloads" / "etsi015_qkd_node_valid.json").read_text(encoding="utf-8")
    node = Read.of(json.loads(text))
    assert (node.status, node.version, list(node.links)) == ("OPERATING", "1.2.0", [LINK])
    link = node.links[LINK]
    assert (link.enabled, link.status, link.secret_key_rate, link.effective_secret_key_rate) == (
        True,
        "ACTIVE",
        1850,
        1700,
    )
    assert (link.qber, link.snr) == (None, None)
