"""A far side that accepts an act and then leaves its polls unanswered: a person is asked, however seldom they are."""

from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from remediation.contract import Ports
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import load_mapping
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.lines import MAPPING, Lines, serving
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

KEY = "INC-1-R1:boost:run"


class Unsteady(Lines):
    """Answers these of the polls, counted from 1, and the others with 503; notes the seconds when each came."""

    def __init__(self, clock: LeapingTime, answered: tuple[int, ...], polls: int) -> None:
        super().__init__(polls=polls)
        self.looked_at: list[float] = []
        self._clock, self._answered = clock, answered

    async def _job(self, request: Any) -> Any:
        self.looked_at.append(self._clock.now() - START)
        if len(self.looked_at) in self._answered:
            return await super()._job(request)
        return JSONResponse({"message": "out of order"}, status_code=503)


async def waited(
    folder: Path, every: str, patience: str, *answered: int, polls: int = 10_000
) -> tuple[Unsteady, dict[str, Any]]:
    """One act on such a far side, and its envelope."""
    clock, file = LeapingTime(START), folder / "mapping.yaml"
    text = MAPPING.replace("every: 4s", f"every: {every}").replace("timeout: 10m", f"timeout: {patience}")
    file.write_text(text, encoding="utf-8")
    lines = Unsteady(clock, answered, polls)
    act = Act("boost", "Boost", "run", 1, "link.set_power", {"link": "ams-utr", "gain_db": 3}, KEY, LONGEST_ACT_S)
    async with serving(lines) as client:
        controller = HttpController(client, load_mapping(file), now=clock.now)
        return lines, await perform(act, Ports(controller, NoReadings(), Messages(), clock), ACTIONS)


def assert_person_is_asked(envelope: dict[str, Any], *said: str) -> None:
    """Nobody knows whether it happened, and the reason tells what was answered last."""
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, None, False)
    assert [each for each in (*said, "answers 503: out of order") if each not in envelope["error"]] == []


async def test_an_act_that_was_found_again_is_looked_at_as_seldom_and_as_long_as_any(tmp_path: Path) -> None:
    """After a restart, by its key: every minute, and no longer than its mapping says."""
    clock, file = LeapingTime(START), tmp_path / "mapping.yaml"
    text = MAPPING.replace("every: 4s", "every: 1m").replace("timeout: 10m", "timeout: 2m")
    file.write_text(text.replace("inputs.job", "inputs.key").replace("      id: job.ref\n", ""), encoding="utf-8")
    lines = Lines(polls=100)
    lines.jobs[KEY] = {"key": KEY, "looks": 0, "line": "ams-utr", "db": 3}
    act = Act("boost", "Boost", "run", 1, "link.set_power", {"link": "ams-utr", "gain_db": 3}, KEY, LONGEST_ACT_S)
    async with serving(lines) as client:
        controller = HttpController(client, load_mapping(file), now=clock.now)
        envelope = await probe(act, Ports(controller, NoReadings(), Messages(), clock), ACTIONS)
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert "not done after 2m" in envelope["error"]
    assert lines.jobs[KEY]["looks"] <= 5


@pytest.mark.parametrize(("every", "apart"), [("5s", 5), ("7s", 10), ("30s", 30), ("1m", 60)])
async def test_person_is_asked_after_four_silent_polls_however_seldom_they_are(
    tmp_path: Path, every: str, apart: int
) -> None:
    """Polls that were really sent, not sooner than `every`; an act that waits looks each 5 s whether one is due."""
    lines, envelope = await waited(tmp_path, every, "10m")
    assert_person_is_asked(envelope)
    assert lines.looked_at == [0, apart, 2 * apart, 3 * apart]
    assert len(lines.asked) == 1


async def test_answer_ends_the_silence(tmp_path: Path) -> None:
    """Three silent polls, an answer, three silent ones, and the answer that it is done: 30 s apart."""
    lines, envelope = await waited(tmp_path, "30s", "10m", 4, 8, polls=2)
    assert (envelope["error"], envelope["ok"], envelope["happened"]) == ("", True, True)
    assert lines.looked_at == [30 * look for look in range(8)]


@pytest.mark.parametrize(
    ("every", "patience", "answered", "looks"),
    [
        ("30s", "40s", (), [0, 30]),
        ("5m", "1m", (), [0]),
        ("30s", "1m40s", (1, 2, 3), [0, 30, 60, 90]),
    ],
)
async def test_timeout_of_a_job_holds_without_an_answer(
    tmp_path: Path, every: str, patience: str, answered: tuple[int, ...], looks: list[int]
) -> None:
    """While the far side is silent nobody waits for the next poll beyond it."""
    lines, envelope = await waited(tmp_path, every, patience, *answered)
    assert_person_is_asked(envelope, f"link.set_power on link:ams-utr is not done after {patience}")
    assert lines.looked_at == looks
