"""`/bellhop pause | resume | reset`: said to the desk in the words that were typed."""

import pytest

from bot.chat.commands import Asked, answer
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


class SwitchDesk(ChatDesk):
    """A desk with switches."""

    def __init__(self) -> None:
        super().__init__()
        self.switches = Switches()


@pytest.mark.parametrize(
    ("typed", "thrown", "said"),
    [
        ("pause works on &lt;the ring&gt;", ("pause", "slack:U1", "works on <the ring>"), "Bellhop is paused"),
        ("pause", ("pause", "slack:U1", ""), "Bellhop is paused"),
        ("resume", ("resume", "slack:U1"), "Bellhop is not paused"),
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
