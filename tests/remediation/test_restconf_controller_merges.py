"""A node merges what it is sent, as RFC 8040 has it and Clixon does: nothing is made by mistake, nothing left over."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from remediation.contract import Ports
from remediation.controllers.restconf import FlowApplication, NodeNames, RestconfController
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.qkd_node import APPLICATION, LINK, OTHER, QkdNode, refused
from tests.remediation.qkd_node import serving as node_serving
from tests.remediation.simulated import START, Messages

FLOWS = {"keys": FlowApplication(APPLICATION, ("ams-utr",), ("ams-rpt1",))}
NAMES = NodeNames("ams", {"ams-utr": LINK, "ams-rpt1": OTHER}, FLOWS)
MOVE = ("flow.reroute", {"flow": "keys", "route": ["ams-rpt1"]})


class Stubborn(QkdNode):
    """Answers a DELETE, or a PATCH, in its own way."""

    def __init__(self, method: str, answer: Response | None) -> None:
        super().__init__()
        self._method, self._answer = method, answer

    async def _part(self, request: Request) -> Response:
        if request.method != self._method:
            return await super()._part(request)
        if self._answer is None:
            raise ConnectionResetError
        return self._answer


async def done(node: QkdNode, action: str, parameters: dict[str, Any], names: NodeNames = NAMES) -> dict[str, Any]:
    """The envelope of one act on this node."""
    async with node_serving(node) as client:
        ports = Ports(RestconfController(client, names), NoReadings(), Messages(), LeapingTime(START))
        act = Act("step", action, "run", 1, action, parameters, "INC-1-R1:step:run", LONGEST_ACT_S)
        return await perform(act, ports, ACTIONS)


def backing(node: QkdNode) -> list[str]:
    """The links of its application."""
    links: list[str] = node.document["etsi-qkd-sdn-node:qkd_node"]["qkd_applications"]["qkd_app"][0]["backing_qkdl_id"]
    return links


async def test_flow_that_moves_gets_its_new_link_before_its_old_one_is_deleted() -> None:
    """A PATCH alone would leave it on both."""
    node = QkdNode()
    envelope = await done(node, *MOVE)
    assert (envelope["error"], envelope["ok"]) == ("", True)
    assert (backing(node), node.deleted, len(node.patches)) == ([OTHER], [LINK], 1)


async def test_old_link_that_is_gone_already_is_no_fault() -> None:
    """Somebody else deleted it in between; the node is looked at in the end."""

    class Racing(QkdNode):
        def _delete(self, link: str) -> Response:
            super()._delete(link)
            return super()._delete(link)

    node = Racing()
    assert (await done(node, *MOVE))["ok"] is True
    assert backing(node) == [OTHER]


@pytest.mark.parametrize(
    ("answer", "happened"),
    [(refused(403, "access-denied", "not yours"), True), (refused(500, "operation-failed", ""), None), (None, None)],
)
async def test_move_whose_second_half_fails_is_told_as_half_done(
    answer: Response | None, happened: bool | None
) -> None:
    """It is not tried again; the flow stays on both links, which carry it."""
    node = Stubborn("DELETE", answer)
    envelope = await done(node, *MOVE)
    assert (envelope["ok"], envelope["retryable"], envelope["happened"]) == (False, False, happened)
    assert "the new links were added, old ones may be left" in envelope["error"]
    assert backing(node) == [LINK, OTHER]


async def test_link_that_the_node_does_not_have_is_not_made_by_draining_it() -> None:
    """A merge would create it: a wrong configuration is refused before anything is sent."""
    node = QkdNode()
    names = NodeNames("ams", {"ams-utr": LINK, "ams-ber": "9f3c1f0e-1111-4222-8333-944445550000"})
    envelope = await done(node, "device.drain", {"node": "ams"}, names)
    assert (envelope["ok"], envelope["happened"], node.patches) == (False, False, [])
    assert "has no link 9f3c1f0e-1111-4222-8333-944445550000; compare the configuration" in envelope["error"]


async def test_node_that_was_changed_meanwhile_is_left_alone() -> None:
    """Its 412 is told with what to do, and its tag where it has no words."""
    envelope = await done(Stubborn("PATCH", refused(412, "operation-failed", "")), *MOVE)
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    told = "answers 412: operation-failed; it was changed meanwhile, look at it before asking again"
    assert envelope["error"].endswith(told)
