"""`/bellhop pause | resume | reset` and `runbook skip | retry`: said to the desk in the words that were typed."""

from collections.abc import Mapping

import pytest

from bot.chat.asked import Asked
from bot.chat.commands import answer
from bot.model.person import Answer, Person
from bot.model.run_inputs import Scalar
from tests.chat.workplace import ChatDesk

ANN = Person(id="slack:U1", name="Ann", roles=("operator",))


class Switches:
    """Remembers what was thrown."""

    def __init__(self) -> None:
        self.thrown: list[tuple[str, ...]] = []

    async def pause(self, by: Person, reason: str) -> Answer:
        """Remembers it."""
        self.thrown.append(("pause", by.id, reason))
        return Answer(done=True, message="Bellhop is paused: no run is under way")

    async def resume(self, by: Person) -> Answer:
        """Remembers it."""
        self.thrown.append(("resume", by.id))
        return Answer(done=False, message="Bellhop is not paused")

    async def reset(self, runbook: str, by: Person) -> Answer:
        """Remembers it."""
        self.thrown.append(("reset", runbook, by.id))
        return Answer(done=True, message=f"{runbook} may run again")


class Steering:
    """Remembers, beside the switches, what was wished of single runs."""

    def __init__(self, thrown: list[tuple[str, ...]]) -> None:
        self._thrown = thrown

    async def skip(self, run: str, step: str, by: Person, why: str) -> Answer:
        """Remembers it."""
        self._thrown.append(("skip", run, step, by.id, why))
        return Answer(done=True, message=f"{step} of {run} is passed over")

    async def retry(self, run: str, by: Person, step: str = "") -> Answer:
        """Remembers it."""
        self._thrown.append(("retry", run, by.id, step))
        return Answer(done=True, message="INC-1-R2 starts")


class SwitchDesk(ChatDesk):
    """A desk with switches."""

    def __init__(self) -> None:
        super().__init__()
        self._switches = Switches()

    @property
    def switches(self) -> Switches:
        """What remembers."""
        return self._switches

    @property
    def steering(self) -> Steering:
        """What remembers in the same list."""
        return Steering(self.switches.thrown)


@pytest.mark.parametrize(
    ("typed", "thrown", "said"),
    [
        ("pause works on &lt;the ring&gt;", ("pause", "slack:U1", "works on <the ring>"), "Bellhop is paused"),
        ("pause", ("pause", "slack:U1", ""), "Bellhop is paused"),
        ("resume", ("resume", "slack:U1"), "Bellhop is not paused"),
        ("runbook skip inc-1-r1 verify it &amp; that", ("skip", "INC-1-R1", "verify", "slack:U1", "it & that"), "over"),
        ("runbook retry inc-1-r1", ("retry", "INC-1-R1", "slack:U1", ""), "INC-1-R2 starts"),
        ("runbook retry inc-1-r1 verify", ("retry", "INC-1-R1", "slack:U1", "verify"), "INC-1-R2 starts"),
        ("reset f1-excess-loss", ("reset", "f1-excess-loss", "slack:U1"), "f1-excess-loss may run again"),
    ],
)
async def test_what_is_typed_reaches_the_switch(typed: str, thrown: tuple[str, ...], said: str) -> None:
    """Who typed it goes along; the answer is the desk's."""
    desk = SwitchDesk()
    reply = await answer(desk, Asked(ANN, "k1"), "/bellhop", typed)
    assert desk.switches.thrown == [thrown]
    assert said in str(reply)


class RunDesk(SwitchDesk):
    """A desk that remembers what it was asked to run."""

    async def run(
        self,
        id: str,  # noqa: A002
        by: Person,
        runbook: str | None = None,
        inputs: Mapping[str, Scalar] | None = None,
    ) -> Answer:
        """Remembers it."""
        given = (f"{name}={value}" for name, value in (inputs or {}).items())
        self.switches.thrown.append(("run", id, by.id, runbook or "", *given))
        return Answer(done=True, message=f"{id}-R1 starts")


@pytest.mark.parametrize(
    ("typed", "thrown"),
    [
        ("inc-1", ("run", "INC-1", "slack:U1", "")),
        ("inc-1 book", ("run", "INC-1", "slack:U1", "book")),
        ("inc-1 book rate=0.5 note=a=b", ("run", "INC-1", "slack:U1", "book", "rate=0.5", "note=a=b")),
        ("inc-1 rate=0.5", ("run", "INC-1", "slack:U1", "", "rate=0.5")),
    ],
)
async def test_a_runbook_is_run_with_the_inputs_that_are_typed_behind_it(typed: str, thrown: tuple[str, ...]) -> None:
    """NAME=VALUE words, with the runbook's name before them or without."""
    desk = RunDesk()
    await answer(desk, Asked(ANN, "k1"), "/bellhop", f"runbook run {typed}")
    assert desk.switches.thrown == [thrown]


async def test_words_that_are_no_inputs_are_all_named_and_nothing_runs() -> None:
    """With the usage, which says that an incident can be aborted as well as a run."""
    desk = RunDesk()
    reply = str(await answer(desk, Asked(ANN, "k1"), "/bellhop", "runbook run INC-1 book now rate=1 rate=2"))
    assert "now is not NAME=VALUE; rate is given twice" in reply
    assert "abort RUN|INCIDENT" in reply
    assert desk.switches.thrown == []


async def test_a_reset_without_a_name_says_how_it_is_used() -> None:
    """And throws nothing."""
    desk = SwitchDesk()
    reply = await answer(desk, Asked(ANN, "k1"), "/bellhop", "reset")
    assert "usage: /bellhop reset RUNBOOK" in str(reply)
    assert desk.switches.thrown == []


async def test_a_skip_without_a_step_says_how_it_is_used() -> None:
    """And is no skip."""
    desk = SwitchDesk()
    reply = await answer(desk, Asked(ANN, "k1"), "/bellhop", "runbook skip INC-1-R1")
    assert "skip RUN STEP [why]" in str(reply).replace("&#91;", "[")
    assert desk.switches.thrown == []
