"""QUANT-NET over real HTTP, answering what its server 1.1 answered: OK is only accepted, and stands while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.http import free_port, running
from remediation.contract import Ports, Target
from remediation.controllers.quantnet import Calibration, Entanglement, QuantnetController, QuantnetNames
from remediation.errors import ControllerError
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

KEY = "INC-1-R1:calibrate:run"
NAMES = QuantnetNames(
    nodes={"lbl": "LBNL-Q"},
    calibrations={"lbl": Calibration("LBNL-Q", "UCB-Q")},
    entanglement={"lbl-ucb": Entanglement("LBNL-Q", "UCB-Q", 5, "phi+", 0.9)},
)
OK, FAILED, QUEUED = ({"code": code, "value": value} for code, value in ((0, "OK"), (6, "FAILED"), (7, "QUEUED")))
WHY = "Invalid path for experiment: Agent validation failed. Missing agents: [{'type': 'BSMNode', 'required': 2}]"
AGENTS = {"LBNL-BSM": {"status": OK}, "UCB-BSM": {"status": OK}}


class Quantnet:
    """Its API server; an experiment shows the given stages, one at each look, the last one for ever."""

    def __init__(self, *stages: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._stages = stages
        self.experiments: dict[str, list[Any]] = {}
        self.calibrations: list[dict[str, str]] = []
        self.agents: list[tuple[str, float]] = [("IN_SPEC", 100.0)]
        """What both agents say of themselves and when they were last heard of, one at each look."""

    def app(self) -> Starlette:
        """As its OpenAPI document lists them."""
        return Starlette(
            routes=[
                Route("/api/node", self._nodes),
                Route("/api/node/{id}", self._nodes),
                Route("/api/calibrate", self._calibrate, methods=["POST"]),
                Route("/api/egp", self._entangle, methods=["POST"]),
                Route("/api/experiments", self._listed),
                Route("/api/experiments/{id}", self._listed),
            ]
        )

    async def _nodes(self, request: Request) -> Response:
        state, seen = self.agents.pop(0) if len(self.agents) > 1 else self.agents[0]
        shown = {"state": {"value": state}, "last_seen": seen}
        names = [name for name in ("LBNL-Q", "UCB-Q") if request.path_params.get("id") in (None, name)]
        return JSONResponse([{"systemSettings": {"ID": name, "type": "QNode"}, **shown} for name in names])

    async def _calibrate(self, request: Request) -> Response:
        given = dict(request.query_params)
        name = f"{len(self.experiments):032x}"
        self.calibrations.append(given)
        self.experiments[name] = [0, given]
        accepted = {"phase": "Initializing", "src": given["src"], "id": name}
        return JSONResponse({"message": "agentcalibrationresponse", "calibrations": [accepted], "status": OK})

    async def _entangle(self, request: Request) -> Response:
        detail = "module 'quantnet_mq.schema.models' has no attribute 'egp'"
        return JSONResponse({"error": "Service unavailable", "detail": detail}, status_code=502)

    async def _listed(self, request: Request) -> Response:
        wanted = request.path_params.get("id")
        return JSONResponse([self._shown(name) for name in self.experiments if wanted in (None, name)])

    def _shown(self, name: str) -> dict[str, Any]:
        looks, given = self.experiments[name]
        self.experiments[name][0] += 1
        status, result = self._stages[min(looks, len(self._stages) - 1)]
        path = [given["src"], given["dst"]]
        return {"id": name, "status": status, "result": result, "created_at": 1.0, "parameters": {"path": path}}


@asynccontextmanager
async def serving(far: Quantnet, names: QuantnetNames = NAMES) -> AsyncIterator[QuantnetController]:
    """A client of it."""
    async with (
        running(far.app(), free_port()) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client,
    ):
        yield QuantnetController(client, names)


def ports(controller: QuantnetController) -> Ports:
    """The doors of an act, in time that passes at once."""
    return Ports(controller, NoReadings(), Messages(), LeapingTime(START))


def calibrate(node: str = "lbl") -> Act:
    """Calibrate a node."""
    return Act("calibrate", "Calibrate", "run", 1, "calibration.run", {"node": node}, KEY, LONGEST_ACT_S)


async def test_ok_is_not_believed_until_the_agents_have_sent_their_results() -> None:
    """The real server shows OK with no result from the moment at which an experiment begins."""
    far = Quantnet((QUEUED, {}), (OK, {}), (OK, {**AGENTS, "UCB-BSM": {"status": QUEUED}}), (OK, AGENTS))
    async with serving(far) as controller:
        envelope = await perform(calibrate(), ports(controller), ACTIONS)
    assert (envelope["error"], envelope["ok"], envelope["happened"]) == ("", True, True)
    assert envelope["output"] == AGENTS
    assert far.experiments["0" * 32][0] == 4
    assert envelope["before"]["settings"]["state"] == "IN_SPEC"


async def test_results_count_once_both_agents_are_in_spec_and_heard_of_after_the_last_step() -> None:
    """The real agents send theirs when the first of three steps of a second begins; it was created at 1 s."""
    far = Quantnet((OK, AGENTS))
    before, begun, worse, well = ("IN_SPEC", 0.5), ("IN_SPEC", 4.0), ("OUT_OF_SPEC", 14.0), ("IN_SPEC", 24.0)
    far.agents = [before, begun, worse, well, begun, well]
    async with serving(far) as controller:
        envelope = await perform(calibrate(), ports(controller), ACTIONS)
        assert (envelope["error"], envelope["ok"]) == ("", True)
        far.agents = [begun]
        assert (await controller.status(KEY)).state == "running"
    assert far.experiments["0" * 32][0] == 5


async def test_calibration_that_was_accepted_and_then_failed_tells_why() -> None:
    """As the captured answers do."""
    async with serving(Quantnet((OK, {}), (FAILED, {"error": WHY}))) as controller:
        envelope = await perform(calibrate(), ports(controller), ACTIONS)
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, True, False)
    assert envelope["error"] == WHY


async def test_same_key_is_one_experiment() -> None:
    """However often it is asked for."""
    far = Quantnet((OK, AGENTS))
    async with serving(far) as controller:
        envelopes = [await perform(calibrate(), ports(controller), ACTIONS) for _ in range(3)]
    assert [envelope["ok"] for envelope in envelopes] == [True] * 3
    assert far.calibrations == [{"type": "1", "src": "LBNL-Q", "dst": "UCB-Q", "power": "0.1", "light": "H"}]


async def test_after_a_crash_a_person_is_shown_the_newest_experiment_between_the_nodes() -> None:
    """QUANT-NET keeps no keys; only where there is no experiment at all it surely never arrived."""
    far = Quantnet((OK, AGENTS))
    async with serving(far) as before:
        assert await probe(calibrate(), ports(before), ACTIONS) is None
        await perform(calibrate(), ports(before), ACTIONS)
    async with serving(far) as after:
        envelope = await probe(calibrate(), ports(after), ACTIONS)
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert f"from LBNL-Q to UCB-Q is {'0' * 32} (OK)" in envelope["error"]
    assert len(far.calibrations) == 1


async def test_experiment_that_was_forgotten_leaves_the_outcome_unknown() -> None:
    """People are asked."""
    far = Quantnet((OK, {}))
    async with serving(far) as controller:
        await controller.submit("calibration.run", Target("node", "lbl"), {}, key=KEY)
        far.experiments.clear()
        assert (await controller.status(KEY)).state == "lost"


async def test_request_that_its_broker_refuses_may_have_arrived() -> None:
    """Server 1.1 without the entanglement plug-in answers 502."""
    fill = Act("f", "f", "run", 1, "entanglement.replenish", {"link": "lbl-ucb", "level": 0.5}, KEY, LONGEST_ACT_S)
    async with serving(Quantnet((OK, {}))) as controller:
        envelope = await perform(fill, ports(controller), ACTIONS)
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert "answers 502: Service unavailable: module" in envelope["error"]


async def test_node_that_is_not_configured_is_refused_before_anything_is_sent() -> None:
    """With one clear line."""
    far = Quantnet((OK, {}))
    async with serving(far) as controller:
        envelope = await perform(calibrate("elsewhere"), ports(controller), ACTIONS)
    assert (envelope["happened"], envelope["error"]) == (
        False,
        "the configuration of this controller does not know node:elsewhere",
    )
    assert far.calibrations == []


async def test_nodes_that_it_has_not_heard_of_are_told_by_the_check() -> None:
    """Before an incident needs them."""
    async with serving(Quantnet((OK, {}))) as controller:
        assert await controller.check() == "2 nodes"
    async with serving(Quantnet((OK, {})), QuantnetNames(nodes={"x": "NOPE"})) as controller:
        with pytest.raises(ControllerError, match="has not heard of NOPE; are their agents running"):
            await controller.check()
