"""The simulator's controller over real HTTP: acts happen once, wrong questions are refused by field."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from bot.clock import FastClock
from bot.simulator.operations import OPERATIONS
from bot.simulator.simulation import Simulation

URL = "/api/v1/operations"
Operate = Callable[..., Awaitable[dict[str, Any]]]


def operation(name: str = "decoder.scale", target: str = "link:ams-utr", **parameters: object) -> dict[str, Any]:
    """The body of a request; decoder.scale to four replicas unless said otherwise."""
    kind, _, identifier = target.partition(":")
    filled = parameters or ({"replicas": 4} if name == "decoder.scale" else {})
    return {"operation": name, "target": {"kind": kind, "id": identifier}, "parameters": filled}


async def submit(controller: httpx.AsyncClient, body: object, key: str = "k1", **headers: str) -> httpx.Response:
    """Ask for an operation."""
    return await controller.post(URL, content=json.dumps(body), headers={"Idempotency-Key": key, **headers})


async def replicas(controller: httpx.AsyncClient) -> float:
    """How many decoder replicas ams-utr has."""
    link = (await controller.get("/api/v1/links/ams-utr")).json()
    return float(link["settings"]["replicas"])


async def test_accepting_is_not_succeeding(controller: httpx.AsyncClient, clock: FastClock) -> None:
    """202 and a running job; the effect is there when the job's 20 s are over, not before."""
    answer = await submit(controller, operation())
    assert answer.status_code == 202
    assert answer.json()["state"] == "running"
    clock.leap(19)
    assert (await controller.get(f"{URL}/k1")).json()["state"] == "running"
    assert await replicas(controller) == 2
    clock.leap(3)
    assert (await controller.get(f"{URL}/k1")).json()["state"] == "succeeded"
    assert await replicas(controller) == 4


async def test_the_same_key_is_one_act(controller: httpx.AsyncClient, clock: FastClock) -> None:
    """Ten times at once and again after its end: one job in the ledger, one change of the link."""
    answers = await asyncio.gather(*(submit(controller, operation()) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [202]
    clock.leap(30)
    again = await submit(controller, operation())
    assert (again.status_code, again.json()["state"]) == (200, "succeeded")
    assert len((await controller.get(URL)).json()) == 1
    assert (await controller.get("/api/v1/links/ams-utr")).headers["etag"] == '"link-ams-utr-1"'


async def test_the_same_key_for_another_act_is_a_conflict(controller: httpx.AsyncClient) -> None:
    """Another target or other parameters under a used key: 409, nothing happens."""
    await submit(controller, operation())
    for other in (operation(replicas=5), operation(target="link:ams-rtm"), operation("decoder.restart")):
        answer = await submit(controller, other)
        assert (answer.status_code, answer.json()["field"]) == (409, "Idempotency-Key")
    assert len((await controller.get(URL)).json()) == 1


async def test_two_keys_are_two_acts(controller: httpx.AsyncClient, clock: FastClock) -> None:
    """In the order of arrival; the later one wins."""
    await submit(controller, operation(replicas=4), "k1")
    await submit(controller, operation(replicas=6), "k2")
    clock.leap(30)
    assert [job["key"] for job in (await controller.get(URL)).json()] == ["k1", "k2"]
    assert await replicas(controller) == 6


async def test_a_key_may_hold_any_sign(controller: httpx.AsyncClient) -> None:
    """Runs name their acts with slashes and colons."""
    key = "run-1/step:3/1?x#y"
    await submit(controller, operation(), key)
    assert (await controller.get(f"{URL}/run-1%2Fstep:3%2F1%3Fx%23y")).json()["key"] == key
    assert (await controller.get(f"{URL}/never")).status_code == 404


WRONG: dict[str, tuple[object, int, str]] = {
    "no operation": ({"target": {"kind": "link", "id": "ams-utr"}}, 422, "operation"),
    "an operation that is no text": ({"operation": 3, "target": {"kind": "link", "id": "ams-utr"}}, 422, "operation"),
    "an unknown operation": (operation("decoder.explode"), 422, "operation"),
    "no target": ({"operation": "decoder.restart"}, 422, "target"),
    "a target that is a text": ({"operation": "decoder.restart", "target": "ams-utr"}, 422, "target"),
    "no id": ({"operation": "decoder.restart", "target": {"kind": "link"}}, 422, "target.id"),
    "another kind": (operation("decoder.restart", "node:ams"), 422, "target.kind"),
    "an unknown link": (operation("decoder.restart", "link:nowhere"), 404, "target.id"),
    "a missing parameter": (operation("scheduler.set_slots"), 422, "parameters.slots"),
    "an empty parameter": (operation("scheduler.set_slots", slots=None), 422, "parameters.slots"),
    "an unknown parameter": (operation("decoder.restart", force=True), 422, "parameters.force"),
    "too many": (operation(replicas=65), 422, "parameters.replicas"),
    "half a replica": (operation(replicas=2.5), 422, "parameters.replicas"),
    "a text for a number": (operation(replicas="4"), 422, "parameters.replicas"),
    "truth for a number": (operation(replicas=True), 422, "parameters.replicas"),
    "an astronomic number": (operation(replicas=10**400), 422, "parameters.replicas"),
    "a share above one": (operation("entanglement.set_policy", attempt_share=1.1), 422, "parameters.attempt_share"),
    "a negative gain": (operation("link.set_power", gain_db=-1), 422, "parameters.gain_db"),
    "an unknown word": (operation("decoder.switch", decoder="magic"), 422, "parameters.decoder"),
    "a list for a word": (operation("decoder.switch", decoder=["fast"]), 422, "parameters.decoder"),
    "an empty version": (operation("firmware.roll_back", "node:utr", version=""), 422, "parameters.version"),
    "a route that is none": (operation("flow.reroute", "flow:research", route=["ams-utr"]), 422, "parameters.route"),
    "a route of numbers": (operation("flow.reroute", "flow:research", route=[1]), 422, "parameters.route"),
    "parameters as a list": ({**operation("decoder.restart"), "parameters": [1]}, 422, "parameters"),
    "a list": ([operation()], 400, "body"),
    "text that is no Unicode": (operation("firmware.canary", "node:utr", version="\ud800"), 400, "body"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_question_is_refused_by_field(name: str, controller: httpx.AsyncClient) -> None:
    """4xx with the field and a line; nothing enters the ledger, and the key stays free."""
    body, status, field = WRONG[name]
    answer = await submit(controller, body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert answer.json()["error"]
    assert (await controller.get(URL)).json() == []
    assert (await submit(controller, operation())).status_code == 202


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-Infinity"])
async def test_numbers_that_are_none_are_refused(number: str, controller: httpx.AsyncClient) -> None:
    """Python's JSON reads them; the network must not."""
    quota = json.dumps(operation("flow.set_quota", "flow:research", logical_per_s=-77))
    broken = '{"mode":"F1","subject":"ams-utr","severity":-77}'
    asked = (
        (URL, quota, "parameters.logical_per_s"),
        (URL, json.dumps(operation(replicas=-77)), "parameters.replicas"),
        ("/api/v1/faults", broken, "severity"),
    )
    for path, text, field in asked:
        content = text.replace("-77", number)
        answer = await controller.post(path, content=content, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_bodies_that_are_no_json(controller: httpx.AsyncClient) -> None:
    """Nothing, half a JSON, a tower of brackets, and a body that is too large."""
    for content, status in ((b"", 400), (b'{"operation":', 400), (b"[" * 60_000, 400), (b" " * 70_000, 413)):
        answer = await controller.post(URL, content=content, headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.json()["field"]) == (status, "body")


async def test_an_act_needs_a_key(controller: httpx.AsyncClient) -> None:
    """Without one, or with an endless one, nothing is accepted."""
    for headers in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 201}):
        answer = await controller.post(URL, json=operation(), headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


async def test_if_match_keeps_two_operators_apart(controller: httpx.AsyncClient, clock: FastClock) -> None:
    """Who read the link before it changed is refused; who read it after is not."""
    tag = (await controller.get("/api/v1/links/ams-utr")).headers["etag"]
    await submit(controller, operation())
    clock.leap(30)
    answer = await submit(controller, operation(replicas=8), "k2", **{"If-Match": tag})
    assert (answer.status_code, answer.json()["field"]) == (412, "If-Match")
    tag = (await controller.get("/api/v1/links/ams-utr")).headers["etag"]
    assert (await submit(controller, operation(replicas=8), "k2", **{"If-Match": tag})).status_code == 202


async def test_changes_need_the_token_and_reading_does_not(guarded: httpx.AsyncClient) -> None:
    """Operations and faults alike; a wrong token is as good as none."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
        for method, path in (("POST", URL), ("POST", "/api/v1/faults"), ("DELETE", "/api/v1/faults/fault-1")):
            assert (await guarded.request(method, path, headers=headers)).status_code == 401
    assert (await submit(guarded, operation(), Authorization="Bearer s3cret")).status_code == 202
    for path in ("/metrics", "/healthz", "/api/v1/network", URL):
        assert (await guarded.get(path)).status_code == 200


async def test_links_nodes_and_flows_show_their_settings(controller: httpx.AsyncClient, operate: Operate) -> None:
    """Each kind at its own address; what is not there is 404."""
    assert (await operate("flow.reroute", "flow:research", route=["ams-utr", "grn-ams"]))["state"] == "succeeded"
    assert (await operate("device.drain", "node:utr"))["state"] == "succeeded"
    flow = (await controller.get("/api/v1/flows/research")).json()
    assert flow["settings"]["route"] == ["ams-utr", "grn-ams"]
    assert (await controller.get("/api/v1/nodes/utr")).json()["settings"]["drained"] is True
    assert len((await controller.get("/api/v1/network")).json()["links"]) == 8
    for path in ("links/utr", "nodes/ams-utr", "flows/none"):
        assert (await controller.get(f"/api/v1/{path}")).status_code == 404


async def test_an_act_that_the_network_cannot_do_fails_with_its_reason(operate: Operate) -> None:
    """Accepted, then failed: the job says why, and nothing changed."""
    cases = (
        ("firmware.roll_back", "node:utr", {"version": "9.9"}, "never run 9.9"),
        ("firmware.pin", "node:utr", {"version": "9.9"}, "runs 2.3.1"),
        ("flow.fail_over", "flow:research", {"to": "classical"}, "its fallback is none"),
    )
    for name, target, parameters, reason in cases:
        job = await operate(name, target, **parameters)
        assert job["state"] == "failed"
        assert reason in job["error"]


async def test_replenishing_without_pairs_gives_up(controller: httpx.AsyncClient, operate: Operate) -> None:
    """A dead fiber fills no pool: after three minutes the job fails and says so."""
    content = {"mode": "F1", "subject": "ams-utr", "severity": 1.0}
    await controller.post("/api/v1/faults", json=content)
    await operate("scheduler.set_slots", "link:ams-utr", slots=200)
    job = await operate("entanglement.replenish", "link:ams-utr", level=1.0)
    assert (job["state"], "180 s" in job["error"]) == ("failed", True)


FAULTS: dict[str, tuple[dict[str, object], int, str]] = {
    "an unknown mode": ({"mode": "F9", "subject": "ams-utr"}, 422, "mode"),
    "no subject": ({"mode": "F1"}, 422, "subject"),
    "a node for a link": ({"mode": "F1", "subject": "ams"}, 404, "subject"),
    "no severity": ({"mode": "F1", "subject": "ams-utr", "severity": 0}, 422, "severity"),
    "too severe": ({"mode": "F1", "subject": "ams-utr", "severity": 1.5}, 422, "severity"),
    "endlessly severe": ({"mode": "F1", "subject": "ams-utr", "severity": 10**400}, 422, "severity"),
    "an unknown shape": ({"mode": "F1", "subject": "ams-utr", "shape": "wave"}, 422, "shape"),
    "an unknown cause": ({"mode": "F4", "subject": "ams-utr", "cause": "luck"}, 422, "cause"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_wrong_fault_is_refused_by_field(name: str, controller: httpx.AsyncClient) -> None:
    """Nothing is injected."""
    body, status, field = FAULTS[name]
    answer = await controller.post("/api/v1/faults", json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert (await controller.get("/api/v1/faults")).json() == []


async def test_a_fault_is_injected_once_and_removed_once(controller: httpx.AsyncClient) -> None:
    """The same mode on the same subject again is a conflict; a fault that is gone is 404."""
    body = {"mode": "F1", "subject": "ams-utr"}
    fault = (await controller.post("/api/v1/faults", json=body)).json()
    assert (await controller.post("/api/v1/faults", json=body)).status_code == 409
    assert (await controller.delete(f"/api/v1/faults/{fault['id']}")).json()["mode"] == "F1"
    assert (await controller.delete(f"/api/v1/faults/{fault['id']}")).status_code == 404


def test_every_operation_says_what_it_acts_on(simulation: Simulation) -> None:
    """The table is complete: a known kind, a time above zero."""
    assert {row.kind for row in OPERATIONS.values()} == {"link", "node", "flow"}
    assert all(row.duration_s > 0 for row in OPERATIONS.values())
