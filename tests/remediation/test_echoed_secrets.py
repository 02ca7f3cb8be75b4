"""What a far side echoes of our credentials is in no result and no state: those are kept and shown."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.http import free_port, running
from remediation.contract import Ports, Target
from remediation.controllers.http import HttpController
from remediation.controllers.kubernetes_client import Cluster, KubernetesClient
from remediation.controllers.mapping import load_mapping
from remediation.controllers.quantnet import QuantnetController, QuantnetNames
from remediation.controllers.simulator import SimulatorController
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.lines import MAPPING, TOKEN, Lines, serving
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

PASSWORD = "correct horse, basic staple"


class EchoingLines(Lines):
    """Tells in every answer what it was asked with, as far sides do that were left in their debug mode."""

    async def _line(self, request: Request) -> Response:
        answer = await super()._line(request)
        told = {"data": {"settings": {"power": 0.0, **dict(request.headers)}}}
        return JSONResponse(told, headers={"ETag": answer.headers["etag"]})

    async def _job(self, request: Request) -> Response:
        answer = json.loads(bytes((await super()._job(request)).body))
        words = request.headers["authorization"].split()
        told = {"seen": [dict(request.headers)], f"by {words[-1]}": f"Bearer of {words[-1]}!", "gain_db": 3}
        return JSONResponse({**answer, "effect": told} if "effect" in answer else answer)


async def test_token_is_in_no_result_and_no_state_of_a_mapped_far_side(tmp_path: Path) -> None:
    """Neither as it was sent nor inside another text nor as a key; the rest stays as it was."""
    file, clock = tmp_path / "mapping.yaml", LeapingTime(START)
    file.write_text(MAPPING, encoding="utf-8")
    act = Act("boost", "Boost", "run", 1, "link.set_power", {"link": "ams-utr", "gain_db": 3}, "K", LONGEST_ACT_S)
    async with serving(EchoingLines()) as client:
        controller = HttpController(client, load_mapping(file), now=clock.now)
        envelope = await perform(act, Ports(controller, NoReadings(), Messages(), clock), ACTIONS)
    assert (envelope["error"], envelope["ok"]) == ("", True)
    assert TOKEN not in json.dumps(envelope)
    assert envelope["before"]["settings"]["authorization"] == "(secret)"
    assert envelope["output"]["by (secret)"] == "Bearer of (secret)!"
    assert envelope["output"]["gain_db"] == 3


async def echoed(request: Request) -> Response:
    """All that was sent, wherever controllers look."""
    sent: dict[str, Any] = dict(request.headers)
    scheme, _, given = sent["authorization"].partition(" ")
    sent["decoded"] = base64.b64decode(given).decode() if scheme == "Basic" else given
    if request.url.path.startswith("/api/node"):
        return JSONResponse(
            [{"systemSettings": {"ID": "n1", "type": sent["authorization"]}, "state": {"value": given}}]
        )
    return JSONResponse(
        {"kind": "link", "state": "succeeded", "settings": sent, "result": sent, "error": sent["decoded"]}
    )


APP = Starlette(routes=[Route("/{path:path}", echoed, methods=["GET"])])


async def test_password_is_in_no_result_and_no_state_of_other_far_sides() -> None:
    """Decoded or not."""
    link, node = Target("link", "ams-utr"), Target("node", "n1")
    encoded = base64.b64encode(f"bellhop:{PASSWORD}".encode()).decode()
    async with (
        running(APP, free_port()) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=20, auth=("bellhop", PASSWORD)) as client,
    ):
        simulator = SimulatorController(client)
        quantnet = QuantnetController(client, QuantnetNames(nodes={"n1": "n1"}))
        told = [await simulator.state(link), (await simulator.status("K")).result, await quantnet.state(node)]
    assert "(secret)" in json.dumps(told)
    assert PASSWORD not in json.dumps(told)
    assert encoded not in json.dumps(told)


async def test_account_token_is_in_no_answer_of_a_cluster() -> None:
    """Whatever object holds it."""
    async with running(APP, free_port()) as address:
        client = KubernetesClient(Cluster(url=address, token=lambda: TOKEN))
        found = await client.get("/version", "the version")
        client.close()
    assert found["settings"]["authorization"] == "(secret)"
    assert TOKEN not in json.dumps(found)
