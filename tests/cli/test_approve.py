"""`bellhop approve` at a terminal: a person reads what they approve and is asked once; scripts are asked nothing."""

import asyncio
import os
import pty
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.model.event import ApprovalAnswered, ApprovalAsked, Entry, EventBody, IncidentOpened, PlanProposed, RunStarted
from bot.store import Store
from tests.cli.terminal import configured, put, typed
from tests.flow.stage import ASKED, CAROL, Stage, runbook, staged, throttle
from tests.support.accounts import command_of, sit_down
from tests.support.incident_story import LINK, START
from tests.support.planned import realignment

RUN, STEP = "INC-1-R1", "realign"
PEOPLE = [{"id": f"cli:{name}", "name": name.title(), "roles": ["approver"]} for name in ("ada", "ben")]
HOSTILE = "duct\x1b[2J 7"
FAR = START + 1e9
"""Long after any clock that this test runs under."""
PATIENCE_S = 60.0


def waiting(count: int = 2) -> tuple[EventBody, ...]:
    """An incident whose run waits for approvals of a step with parameters and a prediction."""
    plan = {"steps": [realignment(note=HOSTILE)]}
    asked = ApprovalAsked(
        run=RUN, step=STEP, title="Realign", role="approver", count=count, plan_hash="9f2c" * 10, expires_at=FAR
    )
    return (
        IncidentOpened(title="success is low", severity="sev2", subject=LINK),
        PlanProposed(run=RUN, runbook="f1-excess-loss", title="Realign", plan_hash="9f2c" * 10, plan=plan),
        RunStarted(run=RUN, runbook="f1-excess-loss", plan_hash="9f2c" * 10),
        asked,
    )


@dataclass
class Seat:
    """A person at a real pseudo-terminal who types `bellhop` commands."""

    config: Path
    ends: list[int] = field(default_factory=list)
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def types(self, person: str, *words: str, piped_input: bool = False) -> "Session":
        """Start a command."""
        mine, its = pty.openpty()
        self.ends.append(mine)
        environment = {**os.environ, "COLUMNS": "200"}
        line = command_of(person, *words, "--config", str(self.config))
        given = subprocess.DEVNULL if piped_input else its
        started = subprocess.Popen(line, stdin=given, stdout=its, stderr=its, env=environment)
        self.commands.append(started)
        os.close(its)
        return Session(started, mine)


@dataclass
class Session:
    """One command at a terminal: what it has said, and the keys pressed."""

    process: subprocess.Popen[bytes]
    screen: int
    said: str = ""

    def read(self, until: str = "") -> str:
        """All that is said until these words, or until the command ends."""
        os.set_blocking(self.screen, False)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            self.said += self._more()
            if ended or (until and until in self.said):
                return self.said
            time.sleep(0.02)
        raise AssertionError(f"waited in vain for {until!r}: {self.said}")

    def press(self, keys: str) -> tuple[int, str]:
        """Press keys; how the command ended and what it said."""
        os.write(self.screen, keys.encode())
        return self.over()

    def over(self) -> tuple[int, str]:
        """How the command ended and what it said."""
        said = self.read()
        return self.process.wait(PATIENCE_S), said

    def _more(self) -> str:
        try:
            return os.read(self.screen, 1 << 16).decode(errors="replace").replace("\r\n", "\n")
        except (BlockingIOError, OSError):
            return ""


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    """A terminal on an empty store; its commands are ended with the test."""
    seat = Seat(configured(tmp_path, people=PEOPLE))
    yield seat
    for command in seat.commands:
        if command.poll() is None:
            command.kill()
        command.wait()
    for end in seat.ends:
        os.close(end)


async def add(folder: Path, body: EventBody) -> None:
    """One more event in the incident."""
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    entry = Entry(at=START + 60, by="bellhop", body=body, key="more")
    try:
        await store.transact(lambda transaction: transaction.append("INC-1", [entry]))
    finally:
        await store.close()


async def waits_beside(stage: Stage, folder: Path) -> tuple[str, str]:
    """A bot that runs, whose run waits for an approval, and terminals with its runbooks: the incident and the run."""
    configured(folder, people=PEOPLE, runbooks={"directory": str(folder / "books")})
    incident = await stage.incident("link", "ams-utr")
    run = await stage.run(incident, "book", CAROL)
    await stage.happened(incident, ApprovalAsked)
    return incident, run


def test_a_person_reads_what_they_approve_and_no_is_the_default(seat: Seat) -> None:
    """Step, target, parameters, effect, approvals so far, deadline and plan; Enter alone approves nothing."""
    first = ApprovalAnswered(run=RUN, step=STEP, decision="approved", plan_hash="9f2c" * 10, given=1, wanted=2)
    asyncio.run(put(seat.config.parent, *waiting(), first))
    session = seat.types("ada", "approve", RUN, STEP)
    shown = session.read("[y/N]")
    assert "Approval needed: Realign (INC-1-R1 step realign)" in shown
    assert "link.set_power link:ams-rpt1 gain_db=3" in shown
    assert "entanglement_rate 135.2 → 1269 pairs/s" in shown
    assert "1 of 2 approvals (bellhop); one more by another approver is needed" in shown
    assert "until 2057-09-13T13:46:40Z, plan 9f2c9f2c9f2c\n" in shown
    assert "Approve? [y/N]" in shown
    assert "\x1b[2J" not in shown
    code, said = session.press("\n")
    assert (code, "not approved; nothing has changed" in said) == (1, True)
    assert "cli:ada" not in typed("incident", "show", "INC-1", "-c", str(seat.config))[1]


def test_control_c_at_the_question_approves_nothing(seat: Seat) -> None:
    """At once, with the exit code of every command that somebody stops."""
    asyncio.run(put(seat.config.parent, *waiting()))
    session = seat.types("ada", "approve", RUN, STEP)
    session.read("[y/N]")
    session.process.send_signal(2)
    code, said = session.over()
    assert (code, "bellhop: stopped" in said) == (130, True)
    assert "cli:ada" not in typed("incident", "show", "INC-1", "-c", str(seat.config))[1]


def test_where_nothing_waits_nothing_is_asked(seat: Seat) -> None:
    """The reason comes at once."""
    asyncio.run(put(seat.config.parent, *waiting()))
    code, said = seat.types("ada", "approve", RUN, "other").over()
    assert code == 1
    assert said == f"{RUN} does not wait for an approval of other\n"


def test_only_the_plan_that_was_shown_is_approved(seat: Seat) -> None:
    """Somebody is still reading when the question is asked anew for another plan."""
    *story, asked = waiting()
    assert isinstance(asked, ApprovalAsked)
    asyncio.run(put(seat.config.parent, *story, asked))
    session = seat.types("ada", "approve", RUN, STEP)
    session.read("[y/N]")
    asyncio.run(add(seat.config.parent, replace(asked, plan_hash="0b5e" * 10)))
    code, said = session.press("y\n")
    assert (code, "the plan has changed since this question was shown" in said) == (1, True)


async def test_two_people_approve_from_terminals_one_asked_and_one_with_yes(seat: Seat, tmp_path: Path) -> None:
    """The first hears who is still needed; `--yes` shows the question and asks nothing; then the step is done."""
    asks = {"approval": {**ASKED["approval"], "count": 2}}
    async with staged(tmp_path, runbook("book", throttle(**asks))) as stage:
        incident, book = await waits_beside(stage, tmp_path)
        session = seat.types("ada", "approve", book, "throttle")
        shown = await asyncio.to_thread(session.read, "[y/N]")
        assert "0 of 2 approvals; two by different approvers are needed" in shown
        code, said = await asyncio.to_thread(session.press, "y\n")
        assert code == 0
        assert f"throttle of {book} is approved by Ada" in said
        assert "1 of 2 approvals (cli:ada); one more by another approver is needed" in said
        code, said = await asyncio.to_thread(seat.types("ben", "approve", book, "throttle", "--yes").over)
        assert (code, "[y/N]" in said) == (0, False)
        assert "flow.throttle link:ams-utr" in said
        assert "1 of 2 approvals (cli:ada)" in said
        assert f"throttle of {book} is approved by Ben" in said
        assert len(await stage.bodies(incident, ApprovalAnswered)) == 2


async def test_a_script_is_asked_nothing_and_reads_one_line(
    seat: Seat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before: without a terminal the answer is all that is said, with and without `--yes`."""
    asks = {"approval": {**ASKED["approval"], "count": 2}}
    async with staged(tmp_path, runbook("book", throttle(**asks))) as stage:
        _, book = await waits_beside(stage, tmp_path)
        for person, more in (("ada", ()), ("ben", ("--yes",))):
            sit_down(monkeypatch, person)
            words = ("approve", book, "throttle", *more, "-c", str(seat.config))
            code, said = await asyncio.to_thread(typed, *words)
            assert code == 0
            assert said.startswith(f"throttle of {book} is approved by {person.title()}")
            assert "Approval needed" not in said


async def test_input_from_a_pipe_is_no_answer_and_the_question_is_shown_all_the_same(
    seat: Seat, tmp_path: Path
) -> None:
    """A screen without a keyboard, as under a scheduler: shown, not asked."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        _, book = await waits_beside(stage, tmp_path)
        session = seat.types("ada", "approve", book, "throttle", piped_input=True)
        code, said = await asyncio.to_thread(session.over)
        assert (code, "[y/N]" in said, "Approval needed" in said) == (0, False, True)


async def test_the_glass_is_broken_after_a_question_of_its_own(seat: Seat, tmp_path: Path) -> None:
    """What is done is shown then too."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        _, book = await waits_beside(stage, tmp_path)
        session = seat.types("ada", "approve", book, "throttle", "--break-glass", "the ring is down")
        shown = await asyncio.to_thread(session.read, "[y/N]")
        assert "flow.throttle link:ams-utr" in shown
        assert "Let it go ahead on your word alone? [y/N]" in shown
        code, said = await asyncio.to_thread(session.press, "y\n")
        assert (code, "goes ahead on Ada's word" in said) == (0, True)
