"""A step that two people must approve, seen in Slack after the first: by who pressed, and by everybody."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from bot.chat.app import SlackDoor
from bot.chat.blocks import incident_blocks, incident_text
from bot.chat.client import SlackClient
from bot.chat.lines import thread_line
from bot.chat.recovery import metadata
from bot.clock import SystemClock
from bot.errors import StoreUnavailableError
from bot.model.event import ApprovalAnswered, ApprovalAsked, ApprovalExpired, Event, EventBody
from bot.model.incident import Incident
from bot.model.person import Answer, Person
from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import ChatDesk, entries, notifier, working
from tests.support.desk import waiting_incident
from tests.support.incident_story import START, bodies
from tests.support.slack.state import Channel, User, texts_of
from tests.support.slack.workspace import Workspace

ASKED = ApprovalAsked(
    run="INC-1-R1",
    step="realign",
    title="Realign the link",
    role="approver",
    count=2,
    plan_hash="9f2c",
    expires_at=START + 930,
)
FIRST = ApprovalAnswered(
    run="INC-1-R1", step="realign", decision="approved", plan_hash="9f2c", roles=("approver",), given=1, wanted=2
)
STORY: list[tuple[float, str, EventBody]] = [*bodies()[:7], (30, "bellhop", ASKED), (40, "slack:U2", FIRST)]
SO_FAR = "1 of 2 approvals (<@U2>); one more by another approver is needed"


def half_approved(role: str = "approver", count: int = 2) -> Incident:
    """Bob has approved as an approver; it waits for more."""
    view = waiting_incident()
    ask = replace(view.approvals[0], role=role, count=count, approved_by=("slack:U2",), approved_roles=(("approver",),))
    return replace(view, approvals=(ask,), last_seq=9)


def said(view: Incident) -> str:
    """Every text of the message."""
    return "\n".join(texts_of(incident_blocks(view)))


def test_the_question_says_who_has_approved_and_who_is_still_needed() -> None:
    """With two roles, one of them filled, it is the other that is missing and not nobody."""
    assert SO_FAR in said(half_approved())
    both = said(half_approved("approver+security", 1))
    assert "1 of 2 approvals (<@U2>); one more by somebody else with the role security is needed" in both
    assert "0 of 1 approval; one by an approver is needed" in said(waiting_incident())


def test_a_hostile_role_mentions_nobody() -> None:
    """Roles come from runbooks, which somebody wrote."""
    assert "<!channel>" not in said(half_approved("<!channel>+approver"))


def test_the_thread_says_of_each_answer_how_many_there_are() -> None:
    """The first of two is no full approval; the second says nothing of missing ones."""
    event = Event(incident="INC-1", seq=9, at=START + 40, by="slack:U2", body=FIRST)
    line = thread_line(event) or ""
    assert "*approved* (1 of 2; 1 more must approve) · <@U2>" in line
    last = thread_line(replace(event, body=replace(FIRST, given=2))) or ""
    assert "*approved* · <@U2>" in last


def test_a_question_that_one_of_two_answered_in_time_was_not_left_alone() -> None:
    """Who had approved is said; nobody only where there was nobody."""
    body = ApprovalExpired(run="INC-1-R1", step="realign", approved_by=("slack:U2",), wanted=2)
    event = Event(incident="INC-1", seq=9, at=START + 940, by="bellhop", body=body)
    line = thread_line(event) or ""
    assert "Too few decided in time on realign of INC-1-R1 (1 of 2 had approved: <@U2>)" in line
    assert "Nobody decided in time on realign" in (
        thread_line(replace(event, body=replace(body, approved_by=()))) or ""
    )


async def test_everybody_sees_the_message_change_with_the_first_approval(
    workspace: Workspace, store: Store, settings: SlackSettings
) -> None:
    """The same message, drawn anew in place; its buttons stay for the second."""
    async with working(notifier(store, settings)):
        incident = await store.transact(lambda transaction: transaction.open_incident(entries(STORY[:8])))
        await workspace.until(lambda: len(workspace.messages()) > 1)
        head = next(message for message in workspace.messages() if not message.is_reply)
        assert "0 of 2 approvals; two by different approvers are needed" in head.everything_said
        more = entries(STORY[8:], 9)
        await store.transact(lambda transaction: transaction.append(incident, more))
        await workspace.until(lambda: SO_FAR in head.everything_said)
        assert "bellhop:approve" in str(head.blocks)


class Halfway(ChatDesk):
    """A desk whose question wants two; the first yes leaves it open."""

    gone = False

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Counts one."""
        del plan_hash, key, break_glass
        self.view = half_approved()
        self.broken = self.gone
        return Answer(done=True, message=f"{step} of {run} is approved by {by.name}")

    async def incident(self, id: str) -> Incident:  # noqa: A002
        """Not while the store is away."""
        if self.broken:
            raise StoreUnavailableError("the database does not answer")
        return await super().incident(id)


@pytest.fixture
def desk() -> Halfway:
    """One incident that waits for two approvals."""
    return Halfway()


@pytest.fixture
async def door(workspace: Workspace, settings: SlackSettings, store: Store, desk: Halfway) -> AsyncIterator[None]:
    """A started door in Socket Mode."""
    door = SlackDoor(settings, desk=desk, store=store, clock=SystemClock(), pace=0.0, recheck=0.05)
    await door.start()
    try:
        await workspace.until(lambda: workspace.connections)
        yield
    finally:
        await door.close()


def bob(workspace: Workspace) -> User:
    """An approver."""
    return workspace.state.users["U2"]


async def answer_to(workspace: Workspace, user: User) -> str:
    """What this person alone was shown."""
    await workspace.until(lambda: workspace.ephemerals(user))
    return workspace.ephemerals(user)[-1].everything_said


async def pressed(workspace: Workspace, settings: SlackSettings, desk: Halfway) -> str:
    """What Bob is answered who presses Approve."""
    view = desk.view
    client = SlackClient(settings, pace=0.0)
    await client.post(settings.channel, incident_text(view), incident_blocks(view), metadata=metadata(view, 8))
    await workspace.press(bob(workspace), workspace.messages()[-1], "bellhop:approve")
    return await answer_to(workspace, bob(workspace))


async def test_who_presses_first_of_two_is_told_that_it_still_waits(
    workspace: Workspace, settings: SlackSettings, door: None, desk: Halfway
) -> None:
    """In the words of the message."""
    told = await pressed(workspace, settings, desk)
    assert "is approved by slack:U2" in told
    assert SO_FAR in told


async def test_an_approval_stands_and_is_said_though_the_store_is_gone_right_behind_it(
    workspace: Workspace, settings: SlackSettings, door: None, desk: Halfway
) -> None:
    """How many more there must be is then left to the message."""
    desk.gone = True
    told = await pressed(workspace, settings, desk)
    assert "is approved by slack:U2" in told
    assert "1 of 2" not in told


async def test_the_command_says_the_same(workspace: Workspace, channel: Channel, door: None) -> None:
    """After the answer, and in the list of what waits."""
    await workspace.slash(bob(workspace), "/bellhop approve inc-1-r1 realign", channel)
    assert SO_FAR in await answer_to(workspace, bob(workspace))
    await workspace.slash(bob(workspace), "/bellhop approve", channel)
    await workspace.until(lambda: len(workspace.ephemerals(bob(workspace))) == 2)
    assert f"realign` ({SO_FAR}, until" in workspace.ephemerals(bob(workspace))[-1].everything_said
