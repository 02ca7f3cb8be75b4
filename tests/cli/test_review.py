"""Breaking the glass and reviewing it from terminals, beside a bot that runs: two people, one store."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from bot.__main__ import run
from bot.model.event import ApprovalAsked
from bot.model.guard_event import ReviewClosed
from bot.model.step_event import RunEnded
from bot.simulator.scenarios import demo_network_path
from tests.flow.stage import ASKED, runbook, staged, throttle
from tests.support.accounts import sit_down

PEOPLE = [{"id": f"cli:{name}", "name": name.title(), "roles": ["approver"]} for name in ("ada", "ben")]


def configured(folder: Path) -> Path:
    """What the people at the terminals have: the running bot's store and network."""
    content = {
        "network": str(demo_network_path()),
        "store": {"url": f"sqlite:///{folder / 'bellhop.db'}"},
        "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"]},
        "runbooks": {"directory": str(folder / "books")},
        "postmortems": str(folder),
        "people": PEOPLE,
    }
    config = folder / "bellhop.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config


Terminal = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def bellhop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What a person types; the exit code and everything that was said."""
    config = configured(tmp_path)

    async def typed(person: str, *words: str) -> tuple[int, str]:
        sit_down(monkeypatch, person)
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = await asyncio.to_thread(run, [*words, "--config", str(config)])
        return code, said.getvalue().strip()

    return typed


async def test_a_second_person_closes_from_a_terminal_what_the_first_let_go_ahead(
    tmp_path: Path, bellhop: Terminal
) -> None:
    """Refusals exit 1 with their reason; what is owed is listed with the command that closes it."""
    async with staged(tmp_path, runbook("book", throttle(**ASKED))) as stage:
        incident = await stage.incident("link", "ams-utr")
        book = await stage.run(incident, "book")
        await stage.happened(incident, ApprovalAsked)
        early = await bellhop("ben", "review", book, "throttle", "--outcome", "justified", "--note", "x")
        assert early == (1, f"nobody broke the glass for throttle of {book}; there is nothing to review")
        done = await bellhop("ada", "approve", book, "throttle", "--break-glass", "the ring [red]is down")
        assert done == (0, f"throttle of {book} goes ahead on Ada's word; a review is owed by somebody else")
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        _, owed = await bellhop("ben", "review")
        assert f"bellhop review {book} throttle --outcome justified|not-justified --note WHY" in owed
        for command in (("incident", "list"), ("incident", "show", incident)):
            shown = (await bellhop("ben", *command))[1]
            assert "the word of cli:ada" in "".join(shown.splitlines())
        own = await bellhop("ada", "review", book, "throttle", "--outcome", "justified", "--note", "x")
        assert own == (1, "Ada broke the glass for throttle; somebody else must review it")
        half = await bellhop("ben", "review", book, "throttle")
        assert half[0] == 2
        words = ("--outcome", "not-justified", "--note", "Ben was awake")
        closed = await bellhop("ben", "review", book, "throttle", *words)
        assert closed == (0, f"the review of throttle of {book} is closed by Ben: not justified")
        again = await bellhop("ben", "review", book, "throttle", *words)
        assert again == (1, "cli:ben closed the review of throttle before: not justified")
        assert await bellhop("ben", "review") == (0, "no review is owed")
        assert len(await stage.bodies(incident, ReviewClosed)) == 1
