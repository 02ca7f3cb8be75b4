"""Answers that real programs gave (QUANT-NET 1.1, Clixon 7.8, a key manager of ETSI GS QKD 014), cut and replayed."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from remediation.contract import Asked, Target
from remediation.controllers.key_store import KeyStore, KeyStoreStatus
from remediation.controllers.quantnet import Calibration, QuantnetController, QuantnetNames
from remediation.controllers.restconf import FlowApplication, NodeNames, RestconfController
from remediation.errors import ControllerError
from tests.remediation.misbehaving import Misbehaving, Script, answers, listening

PAYLOADS = Path(__file__).parent / "payloads"
NAMES = QuantnetNames({"utr": "LBNL-BSM"}, {"utr": Calibration("LBNL-BSM", "UCB-BSM")})
NODE = Target("node", "utr")
FLOW = Target("flow", "keys")
REFUSALS = json.loads((PAYLOADS / "restconf_refusals.json").read_text(encoding="utf-8"))


def captured(name: str) -> Any:
    """One of QUANT-NET's answers."""
    return json.loads((PAYLOADS / "quantnet_calibrations.json").read_text(encoding="utf-8"))[name]


async def status(*, look: Script, seen_after_s: float) -> tuple[str, str, str]:
    """State, error and agents of a calibration whose ends were heard of so long after its creation."""
    node = captured("node")
    node[0]["last_seen"] = captured("answered")[0]["created_at"] + seen_after_s
    server = Misbehaving(submit=answers(captured("accepted")), status=look, state=answers(node))
    async with listening(server) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        controller = QuantnetController(client, NAMES)
        await controller.submit("calibration.run", NODE, {}, key="k")
        found = await controller.status("k", Asked("calibration.run", NODE))
    return found.state, found.error, " ".join(found.result)


@pytest.mark.parametrize(
    ("name", "seen_after_s", "expected"),
    [
        ("begun", 60.0, ("running", "", "")),
        ("answered", -6.5, ("running", "", "")),
        ("answered", 2.9, ("running", "", "")),
        ("answered", 3.5, ("succeeded", "", "LBNL-BSM UCB-BSM")),
        ("node unknown", 60.0, ("failed", "Node not found: NOPE", "")),
        ("agent silent", 60.0, ("failed", "Failed to get timeslot from agents", "")),
    ],
)
async def test_calibration_is_what_quantnet_and_its_agents_say_together(
    name: str, seen_after_s: float, expected: tuple[str, str, str]
) -> None:
    """The real server showed both results a quarter of a second after it had accepted three steps of a second each."""
    assert await status(look=answers(captured(name)), seen_after_s=seen_after_s) == expected


async def test_calibration_that_a_restarted_quantnet_forgot_is_lost() -> None:
    """A stopped server answers through its API with 504, which says nothing; a new one with an empty list."""
    assert (await status(look=answers(captured("forgotten")), seen_after_s=60.0))[0] == "lost"
    with pytest.raises(ControllerError, match="answers 504: Request timed out") as caught:
        await status(look=answers(captured("server gone"), status=504), seen_after_s=60.0)
    assert (caught.value.retryable, caught.value.happened) == (True, False)


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusal_of_a_restconf_server_is_told_in_its_words(name: str) -> None:
    """Clixon sends its only error outside a list."""
    refusal = REFUSALS[name]
    present = answers({"etsi-qkd-sdn-node:qkd_app": [{"app_id": "a1"}]})
    server = Misbehaving(state=present, submit=answers(refusal["body"], status=refusal["status"]))
    async with listening(server) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        controller = RestconfController(client, NodeNames("n", {}, {"keys": FlowApplication("a1")}))
        with pytest.raises(ControllerError) as caught:
            await controller.submit("flow.set_quota", FLOW, {"logical_per_s": 7}, key="k")
    assert f"answers {refusal['status']}: {refusal['said']}" in str(caught.value)
    assert caught.value.happened is False


async def test_key_manager_is_counted_and_nothing_else() -> None:
    """Its whole answer of an empty store; the only request is for the status."""
    content = json.loads((PAYLOADS / "etsi014_status.json").read_text(encoding="utf-8"))
    server = Misbehaving(state=answers(content))
    async with listening(server) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        found = await KeyStore(client).status("sae-b")
    assert found == KeyStoreStatus(stored_key_count=0.0, max_key_count=1000.0, key_size=256.0)
    assert [(each.method, each.path) for each in server.requests] == [("GET", "/api/v1/keys/sae-b/status")]
