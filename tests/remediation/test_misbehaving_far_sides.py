"""Whatever a far side does, every kind of controller ends an act with what is known; nothing is done twice."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from remediation.contract import Controller, Ports
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import HttpMapping
from remediation.controllers.plain import LARGEST_ANSWER
from remediation.controllers.quantnet import Calibration, QuantnetController, QuantnetNames
from remediation.controllers.restconf import FlowApplication, NodeNames, RestconfController
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import (
    LeapingTime,
    Misbehaving,
    NoReadings,
    Script,
    answers,
    drips,
    floods,
    garbles,
    job,
    listening,
    resets,
    resets_within_body,
    silent,
    twice,
)
from tests.remediation.simulated import START, Messages

KEY = "INC-1-R1:step:run"
SECRET = "t0ken-that-nobody-may-see"
HTML = answers(b"<html>gateway</html>", media_type="text/html")
UNAVAILABLE = answers({"error": "down for maintenance"}, status=503)
LONG = answers(b" " * (LARGEST_ANSWER + 1))
PACKED = answers(b"\x1f\x8b", more="Content-Encoding: gzip")
ELSEWHERE = answers({}, status=307, more="Location: http://127.0.0.1:9/")
DEEP = answers(b'{"a":' * 200 + b"1" + b"}" * 200)
NAN = answers(b'{"state": NaN}')
HUGE = answers(b'{"state": 1e999}')
APPLICATION = {"qkd_app": [{"app_id": "a1"}]}
DONE_THERE = answers({}, status=303, more="Location: http://127.0.0.1:9/")
BROKEN = [silent, drips, floods, resets, resets_within_body, garbles, UNAVAILABLE, LONG, PACKED, DONE_THERE]
SENSELESS = [resets, resets_within_body, floods, garbles, UNAVAILABLE, HTML, LONG, PACKED, ELSEWHERE, DEEP, NAN, HUGE]


@dataclass(frozen=True)
class Kind:
    """A kind of controller, an act for it, and what its far side answers when all is well."""

    build: Callable[[httpx.AsyncClient, Callable[[], float]], Controller]
    action: str
    parameters: dict[str, Any]
    state: Script
    accepted: Script
    running: Script
    done: Script
    failed: Script | None
    looks_before: int = 0
    """A state that the far side tells by its status counts as one look."""


MAPPING = HttpMapping.model_validate(
    {
        "apiVersion": "bellhop/v1",
        "kind": "HttpMapping",
        "state": {"node": {"path": "/nodes/{{ inputs.target }}"}},
        "operations": {
            "calibration.run": {
                "path": "/do",
                "body": {"node": "{{ inputs.target }}"},
                "job": {
                    "id": "key",
                    "poll": "/operations/{{ inputs.job }}",
                    "done": {"path": "state", "equals": "succeeded"},
                    "failed": {"path": "state", "equals": "failed"},
                    "error": "error",
                },
            }
        },
    }
)


def experiment(code: int, result: dict[str, Any]) -> Script:
    """QUANT-NET's answer about an experiment."""
    return answers([{"id": "e1", "status": {"code": code, "value": "X"}, "result": result}])


def node(bandwidth: int) -> Script:
    """A QKD node whose application has this bandwidth."""
    application = {"app_id": "a1", "app_qos": {"max_bandwidth": bandwidth}}
    return answers({"qkd_node": {"qkdn_id": "n1", "qkd_applications": {"qkd_app": [application]}}})


KINDS = {
    "http": Kind(
        lambda client, now: HttpController(client, MAPPING, now=now),
        "calibration.run",
        {"node": "utr"},
        answers({}),
        answers(job("running"), status=202),
        answers(job("running")),
        answers(job()),
        answers(job("failed", error="the pump stalled")),
    ),
    "quantnet": Kind(
        lambda client, now: QuantnetController(client, QuantnetNames({"utr": "U"}, {"utr": Calibration("U", "V")})),
        "calibration.run",
        {"node": "utr"},
        answers([{"systemSettings": {"ID": "U"}}]),
        answers({"status": {"code": 0, "value": "OK"}, "calibrations": [{"id": "e1"}]}),
        experiment(0, {}),
        experiment(0, {"B": {"status": {"code": 0}}}),
        experiment(6, {"error": "the pump stalled"}),
    ),
    "restconf": Kind(
        lambda client, now: RestconfController(client, NodeNames("n", {"l": "L"}, {"f": FlowApplication("a1")})),
        "flow.set_quota",
        {"flow": "f", "logical_per_s": 7},
        answers(APPLICATION),
        answers(b"", status=204),
        node(1),
        node(7),
        None,
        looks_before=1,
    ),
}


@asynccontextmanager
async def talking(kind: Kind, server: Misbehaving) -> AsyncIterator[Ports]:
    """The doors of an act before a far side that misbehaves."""
    clock = LeapingTime(START)
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with (
        listening(server) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=server.patience_s, headers=headers) as client,
    ):
        yield Ports(kind.build(client, clock.now), NoReadings(), Messages(), clock)


async def done(name: str, **scripts: Script | list[Script]) -> tuple[dict[str, Any], Misbehaving]:
    """The envelope of one act, and the far side with what it was asked."""
    kind = KINDS[name]
    status = scripts.pop("status", [kind.done])
    looked = [kind.running] * kind.looks_before + (status if isinstance(status, list) else [status])
    server = Misbehaving(**{"state": kind.state, "submit": kind.accepted, "status": looked, **scripts})
    async with talking(kind, server) as ports:
        act = Act("step", "Step", "run", 1, kind.action, kind.parameters, KEY, LONGEST_ACT_S)
        envelope = await perform(act, ports, ACTIONS)
    assert SECRET not in str(envelope)
    assert "\n" not in envelope["error"]
    assert len(envelope["error"]) < 500
    return envelope, server


def known(envelope: dict[str, Any]) -> tuple[bool, bool, bool | None]:
    """What an envelope says: whether it worked, may be tried again, has happened."""
    return envelope["ok"], envelope["retryable"], envelope["happened"]


@pytest.mark.parametrize("name", KINDS)
async def test_far_side_that_behaves_does_the_act_once(name: str) -> None:
    """The yardstick."""
    kind = KINDS[name]
    envelope, server = await done(name, status=[kind.running, kind.running, kind.done])
    assert (envelope["error"], *known(envelope)) == ("", True, False, True)
    assert server.count("submit") == 1
    assert server.count("status") >= 3 + kind.looks_before


@pytest.mark.parametrize("name", KINDS)
async def test_second_answer_that_nobody_asked_for_is_not_taken_for_the_next(name: str) -> None:
    """The first answer to each question counts."""
    kind = KINDS[name]
    looks = [twice(kind.running), twice(kind.done)]
    envelope, server = await done(name, state=twice(kind.state), submit=twice(kind.accepted), status=looks)
    assert (envelope["error"], *known(envelope)) == ("", True, False, True)
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("script", BROKEN)
async def test_nobody_knows_whether_an_act_happened_when_the_request_for_it_broke_off(
    name: str, script: Script
) -> None:
    """It is asked for once, and people are asked."""
    envelope, server = await done(name, submit=script)
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert envelope["error"]
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("status", "retryable"), [(307, False), (400, False), (401, False), (404, False), (412, False), (429, True)]
)
async def test_act_that_was_refused_did_not_happen(name: str, status: int, retryable: bool) -> None:
    """A redirect is no yes either, and is not followed; what the far side echoes of our secrets is not told."""
    echo = {"error": f"not this one\n{SECRET}\x1b[31m"}
    refusal = answers(echo, status=status, more="Location: http://127.0.0.1:9/")
    envelope, server = await done(name, submit=refusal)
    assert known(envelope) == (False, retryable, False)
    assert f"answers {status}: not this one (secret) [31m" in envelope["error"]
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", ["http", "quantnet"])
@pytest.mark.parametrize(
    "script", [HTML, answers([]), answers({}), answers({"calibrations": [{"id": 7.5}]}), NAN, DEEP]
)
async def test_nobody_knows_of_an_act_that_was_accepted_without_a_sensible_word(name: str, script: Script) -> None:
    """It is never asked for twice."""
    envelope, server = await done(name, submit=script)
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("script", [*SENSELESS, silent])
async def test_act_did_not_happen_when_the_state_before_it_cannot_be_read(name: str, script: Script) -> None:
    """Nothing was asked for yet."""
    envelope, server = await done(name, state=script)
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert server.count("submit") == 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("script", SENSELESS)
async def test_nobody_knows_what_became_of_an_act_of_which_nothing_sensible_is_heard(name: str, script: Script) -> None:
    """After some patience people are asked; the act is never asked for twice."""
    envelope, server = await done(name, status=script)
    assert known(envelope) == (False, False, None)
    assert envelope["error"]
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("silence", [resets, resets_within_body, garbles, UNAVAILABLE, HTML])
async def test_poll_that_fails_is_asked_again(name: str, silence: Script) -> None:
    """The act goes on meanwhile."""
    kind = KINDS[name]
    envelope, server = await done(name, status=[kind.running, silence, silence, kind.done])
    assert known(envelope) == (True, False, True)
    assert server.count("submit") == 1


@pytest.mark.parametrize("name", ["http", "quantnet"])
async def test_act_that_was_accepted_and_then_failed_may_be_half_done(name: str) -> None:
    """It is not tried again."""
    kind = KINDS[name]
    assert kind.failed is not None
    envelope, server = await done(name, status=[kind.running, kind.failed])
    assert known(envelope) == (False, False, True)
    assert envelope["error"] == "the pump stalled"
    assert server.count("submit") == 1


@pytest.mark.parametrize(("name", "forgot"), [("http", answers({}, status=404)), ("quantnet", answers([]))])
async def test_far_side_that_forgot_the_job_leaves_the_outcome_unknown(name: str, forgot: Script) -> None:
    """It accepted and then never heard of it."""
    envelope, server = await done(name, status=[KINDS[name].running, forgot])
    assert known(envelope) == (False, False, None)
    assert "forgot" in envelope["error"]
    assert server.count("submit") == 1


@pytest.mark.parametrize("tag", ["\xe9", "x" * 500, '"1"'])
async def test_tag_that_cannot_be_sent_back_is_left_out(tag: str) -> None:
    """The act is done all the same."""
    envelope, server = await done("restconf", state=answers(APPLICATION, more=f"ETag: {tag}"))
    assert known(envelope) == (True, False, True)
    sent = [request.headers.get("if-match") for request in server.requests if request.what == "submit"]
    assert sent == [tag if tag == '"1"' else None]


@pytest.mark.parametrize("name", KINDS)
async def test_far_side_that_is_not_there_did_nothing(name: str) -> None:
    """No connection, no act."""
    kind = KINDS[name]
    async with listening(Misbehaving()) as address:
        pass
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        ports = Ports(kind.build(client, lambda: START), NoReadings(), Messages(), LeapingTime(START))
        act = Act("step", "Step", "run", 1, kind.action, kind.parameters, KEY, LONGEST_ACT_S)
        envelope = await perform(act, ports, ACTIONS)
    assert known(envelope) == (False, True, False)
    assert "cannot be reached" in envelope["error"]
