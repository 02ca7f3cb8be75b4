"""One act carried out: whatever the action does, the outcome is an envelope of plain JSON that says what is known."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bot.clock import FastClock
from remediation.contract import Action, Asked, JobStatus, Json, Outcome, Ports, Risk, Target
from remediation.errors import ControllerError, TemplateError
from remediation.execute import perform, probe
from remediation.machine import Act
from tests.remediation.misbehaving import NoReadings
from tests.remediation.simulated import START, Messages

FAST = 5000.0
"""Simulated seconds in a real one: an act's minute passes in 12 ms."""
KEYS = {"ok", "output", "before", "error", "retryable", "happened", "confirmed", "unclear"}


class Angle(BaseModel):
    """What the made-up act takes."""

    model_config = ConfigDict(extra="forbid")
    angle: Annotated[float, Field(ge=0, le=90)] = 10.0


class NoController:
    """Nobody asks it."""

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Nothing."""

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """Nothing."""
        return JobStatus(state="unknown")

    async def state(self, target: Target, operation: str = "") -> Json:
        """Nothing."""
        return {}


Doing = Callable[[Angle, Ports, str], Awaitable[Outcome]]


@pytest.fixture
def ports() -> Ports:
    """A fast clock; nothing else is used here."""
    return Ports(NoController(), NoReadings(), Messages(), FastClock(start=START, speed=FAST))


def action(run: Doing, *, risk: Risk = Risk.REVERSIBLE, probe: Any = None) -> dict[str, Action]:
    """A table of one act."""
    return {"turn": Action("turn", "Turn", Angle, risk, lambda given: None, run, probe)}


def act(*, timeout_s: float = 60.0, **parameters: Any) -> Act:
    """The instruction to do it."""
    return Act("first", "Turn it", "run", 1, "turn", parameters, "INC-1-R1:first:run", timeout_s)


async def good(given: Angle, ports: Ports, key: str) -> Outcome:
    """Works."""
    del ports
    return Outcome(ok=True, output={"angle": given.angle, "key": key}, before={"angle": 0.0})


def raising(error: Exception) -> Doing:
    """An act that ends with an error."""

    async def run(given: Angle, ports: Ports, key: str) -> Outcome:
        del given, ports, key
        raise error

    return run


async def endless(given: Angle, ports: Ports, key: str) -> Outcome:
    """Never ends."""
    del given, ports, key
    await asyncio.Event().wait()
    return Outcome(ok=True)


def test_timeouts_are_of_the_flow_clock() -> None:
    """The constant that these tests rely on: 60 s are 12 ms."""
    assert FastClock(start=START, speed=FAST).real_seconds(60.0) == pytest.approx(0.012)


async def test_outcome_is_an_envelope_of_plain_json(ports: Ports) -> None:
    """Output, what was there before, and the key that the act was done under."""
    envelope = await perform(act(angle=40), ports, action(good))
    assert envelope == json.loads(json.dumps(envelope))
    assert envelope == {
        "ok": True,
        "output": {"angle": 40.0, "key": "INC-1-R1:first:run"},
        "before": {"angle": 0.0},
        "error": "",
        "retryable": False,
        "happened": True,
        "confirmed": [],
        "unclear": False,
    }


async def test_action_that_does_not_exist_did_not_happen(ports: Ports) -> None:
    """A runbook of an older Bellhop may name one."""
    envelope = await perform(act(), ports, {})
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert envelope["error"] == "there is no action turn"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"angle": 100}, "angle: Input should be less than or equal to 90"),
        ({"angle": "steep"}, "angle: Input should be a valid number, unable to parse string as a number"),
        ({"slope": 1}, "slope: Extra inputs are not permitted"),
    ],
)
async def test_parameters_that_do_not_fit_are_refused_before_anything_is_done(
    ports: Ports, parameters: dict[str, Any], said: str
) -> None:
    """They come from templates over earlier outputs, so the plan cannot have checked them."""
    envelope = await perform(act(**parameters), ports, action(endless))
    assert (envelope["happened"], envelope["error"]) == (False, said)


@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("happened", [True, False, None])
async def test_controller_error_says_whether_it_happened(ports: Ports, retryable: bool, happened: bool | None) -> None:
    """Its two facts are carried on unchanged."""
    error = ControllerError("no answer", retryable=retryable, happened=happened)
    envelope = await perform(act(), ports, action(raising(error)))
    assert envelope.keys() == KEYS
    assert (envelope["ok"], envelope["error"]) == (False, "no answer")
    assert (envelope["retryable"], envelope["happened"]) == (retryable, happened)


async def test_act_that_only_reads_never_leaves_doubt(ports: Ports) -> None:
    """Nobody is asked whether looking happened."""
    error = ControllerError("no answer", retryable=True, happened=None)
    envelope = await perform(act(), ports, action(raising(error), risk=Risk.READ))
    assert envelope["happened"] is False


async def test_template_error_inside_an_act_did_not_happen(ports: Ports) -> None:
    """A rendering mistake is no act."""
    envelope = await perform(act(), ports, action(raising(TemplateError("no such name"))))
    assert (envelope["ok"], envelope["happened"], envelope["error"]) == (False, False, "no such name")


async def test_defect_of_an_action_rises(ports: Ports) -> None:
    """A mistake in the program is not dressed up as a failed act."""
    with pytest.raises(ZeroDivisionError):
        await perform(act(), ports, action(raising(ZeroDivisionError())))


@pytest.mark.parametrize(("risk", "happened"), [(Risk.REVERSIBLE, None), (Risk.DISRUPTIVE, None), (Risk.READ, False)])
async def test_act_that_takes_too_long_is_left_with_what_is_known(
    ports: Ports, risk: Risk, happened: bool | None
) -> None:
    """Nobody knows whether an act was done; looking did nothing. It is not tried again by itself."""
    envelope = await perform(act(timeout_s=60), ports, action(endless, risk=risk))
    assert envelope["error"] == "turn took longer than 60 s"
    assert (envelope["ok"], envelope["retryable"], envelope["happened"]) == (False, False, happened)


async def test_act_that_takes_too_long_is_stopped(ports: Ports) -> None:
    """It does not go on behind the back of the run."""
    stopped = asyncio.Event()

    async def run(given: Angle, ports: Ports, key: str) -> Outcome:
        try:
            return await endless(given, ports, key)
        finally:
            stopped.set()

    await perform(act(), ports, action(run))
    assert stopped.is_set()


async def test_run_that_is_cancelled_leaves_nothing_behind(ports: Ports) -> None:
    """A process that shuts down stops the act and its timer."""
    before, begun = asyncio.all_tasks(), asyncio.Event()

    async def run(given: Angle, ports: Ports, key: str) -> Outcome:
        begun.set()
        return await endless(given, ports, key)

    task = asyncio.create_task(perform(act(timeout_s=1e9), ports, action(run)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


def probing(found: Outcome | Exception | None) -> dict[str, Action]:
    """An act whose far side can be asked what became of it."""

    async def ask(given: Angle, ports: Ports, key: str) -> Outcome | None:
        assert (given.angle, key) == (40.0, "INC-1-R1:first:run")
        del ports
        if isinstance(found, Exception):
            raise found
        return found

    return action(raising(AssertionError("done twice")), probe=ask)


async def test_far_side_that_knows_the_act_after_a_crash_gives_its_outcome(ports: Ports) -> None:
    """It is not done again."""
    envelope = await probe(act(angle=40), ports, probing(Outcome(ok=True, output={"angle": 40.0})))
    assert envelope is not None
    assert (envelope["ok"], envelope["output"]) == (True, {"angle": 40.0})


async def test_far_side_that_never_heard_of_the_act_lets_it_be_done(ports: Ports) -> None:
    """It surely did not arrive."""
    assert await probe(act(angle=40), ports, probing(None)) is None


@pytest.mark.parametrize("happened", [True, False, None])
async def test_far_side_that_does_not_answer_leaves_the_outcome_unknown(ports: Ports, happened: bool | None) -> None:
    """That the question failed says nothing about the act before the crash."""
    error = ControllerError("no answer", retryable=True, happened=happened)
    envelope = await probe(act(angle=40), ports, probing(error))
    assert envelope is not None
    assert envelope["happened"] is None
    assert envelope["error"] == "no answer; nobody knows whether it was done"


async def test_question_about_an_act_takes_no_longer_than_the_act_may(ports: Ports) -> None:
    """A job that runs for ever does not hold a restarted run for ever."""
    envelope = await probe(act(), ports, action(good, probe=endless))
    assert envelope is not None
    assert envelope["happened"] is None
    assert envelope["error"].startswith("turn took longer than 60 s")


async def test_act_that_cannot_be_asked_about_is_unknown_after_a_crash(ports: Ports) -> None:
    """A person decides."""
    envelope = await probe(act(), ports, action(good))
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"]) == (False, None)


@pytest.mark.parametrize(
    ("table", "parameters"),
    [
        (action(good, risk=Risk.READ), {}),
        ({}, {}),
        (action(good, probe=endless), {"angle": 100}),
    ],
)
async def test_act_that_cannot_have_changed_anything_is_simply_done_again(
    ports: Ports, table: dict[str, Action], parameters: dict[str, Any]
) -> None:
    """Looking; an action that is not there; parameters that were refused before the crash too."""
    assert await probe(act(**parameters), ports, table) is None
