"""Whatever a controller does, an act ends with a typed outcome that says what is known; nothing is done twice."""

from typing import Any

import httpx
import pytest

from bot.clock import FastClock
from remediation.contract import Ports, Target, Timer
from remediation.controllers.simulator import SimulatorController
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import (
    LeapingTime,
    Misbehaving,
    NoReadings,
    Script,
    answers,
    answers_twice,
    garbles,
    job,
    listening,
    resets,
    resets_within_body,
    silent,
    talking,
)
from tests.remediation.simulated import START, Messages

LINK = Target("link", "ams-utr")
KEY = "INC-1-R1:fill:run"
NEST = b"[" * 100_000
HTML = answers(b"<html>gateway</html>", media_type="text/html")
UNAVAILABLE = answers({"error": "down for maintenance"}, status=503)
REFUSED = answers({"error": "no such link"}, status=422)


async def filled(server: Misbehaving) -> dict[str, Any]:
    """The envelope of an act that asks this server for a refill."""
    async with talking(server) as controller:
        return await perform(fill(), ports(controller), ACTIONS)


def fill(timeout_s: float = LONGEST_ACT_S) -> Act:
    """Refill a link's pool."""
    return Act("fill", "Fill", "run", 1, "entanglement.replenish", {"link": LINK.id, "level": 0.8}, KEY, timeout_s)


def ports(controller: SimulatorController, timer: Timer | None = None) -> Ports:
    """The controller, in time that passes at once."""
    return Ports(controller, NoReadings(), Messages(), timer or LeapingTime(START))


def known(envelope: dict[str, Any]) -> tuple[bool, bool, bool | None]:
    """What an envelope says: whether it worked, may be tried again, has happened."""
    return envelope["ok"], envelope["retryable"], envelope["happened"]


async def test_controller_that_behaves_does_the_act_once() -> None:
    """The yardstick: the settings before, one submission with its key, polled until it is done."""
    server = Misbehaving(status=[answers(job("running")), answers(job("running")), answers(job())])
    envelope = await filled(server)
    assert known(envelope) == (True, False, True)
    assert envelope["output"] == {"level": 0.8}
    assert [request.what for request in server.requests] == ["state", "submit", "status", "status", "status"]
    assert server.accepted_keys == {KEY}


@pytest.mark.parametrize(
    ("script", "retryable"),
    [
        (silent, True),
        (resets, True),
        (resets_within_body, True),
        (garbles, True),
        (UNAVAILABLE, True),
        (answers({}, status=429), True),
        (answers({}, status=408), True),
        (answers({}, status=404), False),
        (answers({}, status=301), False),
        (HTML, True),
        (answers(b"\xff\xfe{}"), True),
        (answers([1, 2]), True),
        (answers(NEST), True),
        (answers(b""), True),
    ],
)
async def test_act_did_not_happen_when_the_settings_before_it_cannot_be_read(script: Script, retryable: bool) -> None:
    """Nothing was asked for yet, so it may safely be tried again where that can help."""
    server = Misbehaving(state=script)
    envelope = await filled(server)
    assert known(envelope) == (False, retryable, False)
    assert envelope["error"]
    assert server.count("submit") == 0


@pytest.mark.parametrize("script", [silent, resets, resets_within_body, garbles, UNAVAILABLE, answers(b"", status=500)])
async def test_nobody_knows_whether_an_act_happened_when_the_request_for_it_broke_off(script: Script) -> None:
    """It may have arrived; it is asked for once, and people are asked."""
    server = Misbehaving(submit=script)
    envelope = await filled(server)
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert envelope["error"]
    assert server.count("submit") == 1


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (401, False), (404, False), (409, False), (422, False), (429, True)]
)
async def test_act_that_was_refused_did_not_happen(status: int, retryable: bool) -> None:
    """The controller's own words are told; only a busy one is worth another try."""
    server = Misbehaving(submit=answers({"error": "not this one"}, status=status))
    envelope = await filled(server)
    assert known(envelope) == (False, retryable, False)
    told = f"entanglement.replenish on link:ams-utr: the controller answers {status}: not this one"
    advice = "; check its credentials in the configuration" if status == 401 else ""
    assert envelope["error"] == told + advice


@pytest.mark.parametrize(
    "content", [b"", b"not json", [1], "text", {"error": 3}, {"error": ["a"]}, {"why": "x"}, NEST, b"\xff"]
)
async def test_refusal_without_a_reason_is_a_refusal_still(content: object) -> None:
    """Whatever its body is."""
    envelope = await filled(Misbehaving(submit=answers(content, status=422)))
    assert known(envelope) == (False, False, False)
    assert envelope["error"].endswith("the controller answers 422")


async def test_controller_that_is_not_there_did_nothing() -> None:
    """No connection, no act."""
    async with listening(Misbehaving()) as address:
        pass
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        envelope = await perform(fill(), ports(SimulatorController(client)), ACTIONS)
    assert known(envelope) == (False, True, False)
    assert envelope["error"].startswith("the controller cannot be reached")


async def test_act_that_was_accepted_and_then_failed_may_be_half_done() -> None:
    """Accepting is not succeeding: it is not tried again, and it is taken back."""
    server = Misbehaving(status=[answers(job("running")), answers(job("failed", error="the pump stalled"))])
    envelope = await filled(server)
    assert known(envelope) == (False, False, True)
    assert envelope["error"] == "the pump stalled"
    assert server.count("submit") == 1


async def test_failure_without_a_reason_is_told_as_one() -> None:
    """Never an empty line."""
    envelope = await filled(Misbehaving(status=answers(job("failed", error=None, result=None))))
    assert (envelope["ok"], envelope["error"]) == (False, "the controller says that it failed")


@pytest.mark.parametrize("silence", [silent, resets, resets_within_body, garbles, UNAVAILABLE, HTML])
async def test_poll_that_fails_once_is_asked_again(silence: Script) -> None:
    """The act goes on meanwhile; it is not asked for again."""
    server = Misbehaving(status=[answers(job("running")), silence, silence, answers(job())])
    envelope = await filled(server)
    assert known(envelope) == (True, False, True)
    assert server.count("submit") == 1


@pytest.mark.parametrize("silence", [resets, resets_within_body, UNAVAILABLE, HTML])
async def test_question_after_a_crash_that_fails_once_is_asked_again(silence: Script) -> None:
    """Nobody is woken for a controller that is busy for a moment."""
    server = Misbehaving(status=[silence, silence, answers(job())])
    async with talking(server) as controller:
        envelope = await probe(fill(), ports(controller), ACTIONS)
    assert envelope is not None
    assert known(envelope) == (True, False, True)
    assert server.count("submit") == 0


@pytest.mark.parametrize(
    "script",
    [
        resets,
        resets_within_body,
        garbles,
        UNAVAILABLE,
        REFUSED,
        HTML,
        answers(b"\xff"),
        answers(NEST),
        answers([]),
        answers({}),
        answers(job("finished")),
        answers(job(["succeeded"])),
        answers(job(None)),
        answers(job(result=[1, 2])),
        answers(job(result="done")),
        answers(job(result=7)),
    ],
)
async def test_nobody_knows_what_became_of_an_accepted_act_of_which_nothing_sensible_is_heard(script: Script) -> None:
    """After some patience people are asked; the act is never asked for twice."""
    server = Misbehaving(status=script)
    envelope = await filled(server)
    assert known(envelope) == (False, False, None)
    assert envelope["error"]
    assert server.count("submit") == 1


async def test_controller_that_forgot_the_key_leaves_the_outcome_unknown() -> None:
    """It accepted and then never heard of it."""
    server = Misbehaving(status=[answers(job("running")), answers({"error": "no such key"}, status=404)])
    envelope = await filled(server)
    assert known(envelope) == (False, False, None)
    assert envelope["error"] == "the controller forgot what it was asked for"


async def test_act_that_never_ends_is_left_after_its_timeout() -> None:
    """The job may still end; people are asked."""
    server = Misbehaving(status=answers(job("running")))
    async with talking(server) as controller:
        envelope = await perform(fill(30.0), ports(controller, FastClock(start=START, speed=200)), ACTIONS)
    assert known(envelope) == (False, False, None)
    assert envelope["error"] == "entanglement.replenish took longer than 30 s"


async def test_second_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    """The first answer to each question counts."""
    server = Misbehaving(submit=answers_twice, status=answers_twice)
    assert known(await filled(server)) == (True, False, True)
    assert server.count("submit") == 1


async def test_wrong_content_type_does_not_matter_when_the_content_is_right() -> None:
    """Gateways rewrite headers."""
    server = Misbehaving(status=answers(job(), media_type="text/plain"))
    assert known(await filled(server)) == (True, False, True)


@pytest.mark.parametrize(
    ("script", "known_state"),
    [
        (answers(job()), "succeeded"),
        (answers(job("failed")), "failed"),
        (answers({}, status=404), None),
    ],
)
async def test_controller_is_asked_what_became_of_an_act_after_a_crash(script: Script, known_state: str | None) -> None:
    """By its key; nothing is asked for again."""
    server = Misbehaving(status=script)
    async with talking(server) as controller:
        envelope = await probe(fill(), ports(controller), ACTIONS)
    assert (envelope is None) is (known_state is None)
    assert envelope is None or envelope["ok"] is (known_state == "succeeded")
    assert server.count("submit") == 0


@pytest.mark.parametrize("script", [resets, UNAVAILABLE, HTML, answers(job("finished"))])
async def test_outcome_stays_unknown_after_a_crash_when_the_controller_does_not_answer(script: Script) -> None:
    """People are asked; nothing is asked for again."""
    server = Misbehaving(status=script)
    async with talking(server) as controller:
        envelope = await probe(fill(), ports(controller), ACTIONS)
    assert envelope is not None
    assert known(envelope) == (False, False, None)
    assert server.count("submit") == 0
