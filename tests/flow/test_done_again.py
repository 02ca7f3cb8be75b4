"""An act that is asked for again after a crash is still taken back to what stood before the first time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.flow.acts import Acts
from bot.model.event import ApprovalAsked
from bot.model.guard import Pause
from bot.model.step_event import StepStarted
from remediation.contract import JobStatus
from remediation.machine import Act
from tests.flow.stage import ASKED, runbook, staged, throttle


class Forgetful:
    """A far side that does what it is asked while the bot dies, and then never heard of the key."""

    def __init__(self) -> None:
        self.held: dict[str, float] = {}
        self.answers = False

    async def state(self, target: Any, operation: str = "") -> dict[str, Any]:
        """What is held back now."""
        del operation
        return {"id": target.id, "kind": target.kind, "settings": {"throttle": dict(self.held)}, "state": {}}

    async def submit(self, operation: str, target: Any, parameters: Any, *, key: str) -> None:
        """Done, and nobody hears of it the first time."""
        del operation, target, key
        self.held[parameters["priority"]] = parameters["rate"]
        if not self.answers:
            raise asyncio.CancelledError

    async def status(self, key: str, asked: Any = None) -> JobStatus:
        """Known only once it was asked for again."""
        del key, asked
        return JobStatus("succeeded" if self.answers else "unknown")


class NoGuards:
    """Lets everything pass: guards have tests of their own."""

    def pause(self, *facts: Any) -> Pause | None:
        """Never."""
        del facts

    async def look_at_act(self, *facts: Any, **more: Any) -> None:
        """Nothing to see."""
        del facts, more

    def admit_act(self, *facts: Any) -> None:
        """No refusal."""
        del facts

    def settle_act(self, *facts: Any, **more: Any) -> None:
        """Nothing was out."""
        del facts, more


async def test_what_stood_before_is_what_the_first_try_found(tmp_path: Path) -> None:
    """Killed in the act; the second try finds what the first one left, which is no state to go back to."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident, far, bot = await stage.incident("link", "ams-utr"), Forgetful(), stage.bellhop
        run = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        acts = Acts(
            journal=bot.journal,
            observer=bot.observer,
            controller=far,
            guarding=NoGuards(),  # type: ignore[arg-type]
            clock=bot.clock,
        )
        given = {"link": "ams-utr", "priority": "best-effort", "rate": 5.0}
        act = Act("throttle", "Throttle", "run", 1, "flow.throttle", given, "key", 60.0)
        with pytest.raises(asyncio.CancelledError):
            await acts.act(incident, run, act.to_json(), {})
        (begun,) = await stage.bodies(incident, StepStarted)
        assert begun.before["settings"] == {"throttle": {}}
        far.answers = True
        envelope = await _again(acts, far, incident, run, act)
        assert envelope["ok"]
        assert envelope["before"]["settings"] == {"throttle": {}}


async def _again(acts: Acts, far: Forgetful, incident: str, run: str, act: Act) -> dict[str, Any]:
    """The act after a restart: the far side first says that it does not know the key."""
    known = iter([JobStatus("unknown")])

    async def status(key: str, asked: Any = None) -> JobStatus:
        del key, asked
        return next(known, JobStatus("succeeded"))

    far.status = status  # type: ignore[method-assign]
    return await acts.act(incident, run, act.to_json(), {})
