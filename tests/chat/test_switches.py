"""`/bellhop pause | resume | reset` and `runbook skip | retry`: said to the desk in the words that were typed."""

import pytest

from bot.chat.asked import Asked
from bot.chat.commands import answer
from bot.model.person import Answer, Person
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
