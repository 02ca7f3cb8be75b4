"""Forms in Slack: the glass is broken with a reason, a review is closed with a verdict; each counts once."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from bot.chat.app import SlackDoor
from bot.chat.blocks import incident_blocks, incident_text
from bot.chat.client import SlackClient
from bot.chat.forms import form
from bot.chat.recovery import metadata
from bot.clock import SystemClock
from bot.errors import BadPayloadError
from bot.http import free_port, running
from bot.model.person import Answer, Person
from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import ChatDesk
from tests.support.desk import owed_review
from tests.support.slack.blocks import faults, view_faults
from tests.support.slack.delivery import Delivery
from tests.support.slack.state import Channel, Json, Message, User, View, texts_of
from tests.support.slack.workspace import Workspace

GLASS, REVIEW = "bellhop:break-glass", "bellhop:review"


@pytest.fixture
def desk() -> ChatDesk:
    """One incident that waits for an approval, and owes the review of a step that U1 let go ahead."""
    desk = ChatDesk()
    desk.view = replace(desk.view, reviews=(owed_review(),))
    return desk


@pytest.fixture(params=["socket", "http"])
async def door(
    request: pytest.FixtureRequest, workspace: Workspace, settings: SlackSettings, store: Store, desk: ChatDesk
) -> AsyncIterator[None]:
    """The door in each mode, with Slack knowing where to find it."""
    settings = settings.model_copy(update={"mode": request.param})
    door = SlackDoor(settings, desk=desk, store=store, clock=SystemClock(), pace=0.0, recheck=0.05)
    await door.start()
    try:
        if request.param == "socket":
            await workspace.until(lambda: workspace.connections)
            yield
        else:
            async with running(Starlette(routes=door.routes()), free_port()) as address:
                workspace.request_url = f"{address}/slack/events"
                yield
    finally:
        await door.close()


@pytest.fixture
async def message(workspace: Workspace, settings: SlackSettings, desk: ChatDesk) -> Message:
    """The incident's message, as the notifier posts it."""
    client = SlackClient(settings, pace=0.0)
    view = desk.view
    await client.post(settings.channel, incident_text(view), incident_blocks(view), metadata=metadata(view, 8))
    return workspace.messages()[-1]


def ann(workspace: Workspace) -> User:
    """U1: no role."""
    return workspace.state.users["U1"]


def bob(workspace: Workspace) -> User:
    """U2: an approver."""
    return workspace.state.users["U2"]


async def opened(workspace: Workspace, user: User, message: Message, act: str) -> View:
    """The form that a press opens."""
    before = len(workspace.state.views)
    await workspace.press(user, message, act)
    await workspace.until(lambda: len(workspace.state.views) > before)
    return workspace.state.views[-1]


def written(words: str | None, outcome: str = "") -> dict[str, dict[str, Json]]:
    """The state of a form, as Slack tells it."""
    chosen = {"type": "static_select", "selected_option": {"value": outcome} if outcome else None}
    return {
        "words": {"words": {"type": "plain_text_input", "value": words}},
        **({"verdict": {"verdict": chosen}} if outcome else {}),
    }


async def sent(workspace: Workspace, user: User, view: View, values: dict[str, dict[str, Json]]) -> Delivery:
    """The form sent off, acknowledged within Slack's three seconds."""
    delivery = await workspace.submit(user, view, values)
    await workspace.until(lambda: delivery.acknowledged)
    assert delivery.in_time
    return delivery


async def answer_to(workspace: Workspace, user: User, count: int = 1) -> str:
    """The latest of `count` answers that this person alone was shown."""
    await workspace.until(lambda: len(workspace.ephemerals(user)) >= count)
    return workspace.ephemerals(user)[-1].everything_said


async def test_one_person_breaks_the_glass_with_a_reason(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """The button opens a form at once; what is written there reaches the desk for the plan that was shown, 9f2c."""
    view = await opened(workspace, bob(workspace), message, GLASS)
    text = "\n".join(texts_of(view.content["blocks"]))
    assert "`realign` of `INC-1-R1`" in text
    assert "on your word alone" in text
    assert "plan `9f2c`" in text
    assert desk.asked == []
    await sent(workspace, bob(workspace), view, written("The ring is down\nand nobody answers"))
    assert "approved" in await answer_to(workspace, bob(workspace))
    assert desk.asked == [("approve", "INC-1-R1", "realign", "slack:U2", "The ring is down\nand nobody answers")]
    assert view.state == "submitted"


async def test_a_form_without_a_reason_stays_open_and_says_what_is_missing(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """Blank words count as none; the same form with a reason is then taken."""
    view = await opened(workspace, bob(workspace), message, GLASS)
    for nothing in ("  \n ", None):
        await sent(workspace, bob(workspace), view, written(nothing))
        assert (view.state, list(view.errors)) == ("open", ["words"])
    await sent(workspace, bob(workspace), view, written("down"))
    assert "approved" in await answer_to(workspace, bob(workspace))


async def test_who_may_not_is_told_why_and_leaves_the_button_to_others(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """Ann sees the button like everybody and is refused; Bob's form from the same message then counts."""
    hers = await opened(workspace, ann(workspace), message, GLASS)
    await sent(workspace, ann(workspace), hers, written("please"))
    assert "is not an approver" in await answer_to(workspace, ann(workspace))
    his = await opened(workspace, bob(workspace), message, GLASS)
    await sent(workspace, bob(workspace), his, written("down"))
    await answer_to(workspace, bob(workspace))
    assert [words[3] for words in desk.asked] == ["slack:U2"]


async def test_a_form_delivered_again_and_a_second_form_count_once(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """The same delivery stays silent; a second form of the same drawing gets the reason."""
    first = await opened(workspace, bob(workspace), message, GLASS)
    second = await opened(workspace, ann(workspace), message, GLASS)
    delivery = await sent(workspace, bob(workspace), first, written("down"))
    await answer_to(workspace, bob(workspace))
    await workspace.redeliver(delivery)
    await workspace.until(lambda: len(delivery.acknowledgements) == 2)
    await sent(workspace, ann(workspace), second, written("me too"))
    assert "has been pressed before" in await answer_to(workspace, ann(workspace))
    assert [words[4] for words in desk.asked] == ["down"]
    assert len(workspace.ephemerals(bob(workspace))) == 1


async def test_a_press_delivered_again_opens_one_form_and_says_nothing(
    workspace: Workspace, message: Message, door: None, channel: Channel
) -> None:
    """Slack exchanges a trigger once; the answer to a command after it shows that nothing else was said."""
    delivery = await workspace.press(bob(workspace), message, GLASS)
    await workspace.until(lambda: workspace.state.views)
    await workspace.redeliver(delivery)
    await workspace.until(lambda: len(workspace.calls("views.open")) == 2)
    assert workspace.calls("views.open")[-1].error == "exchanged_trigger_id"
    await workspace.slash(bob(workspace), "/bellhop oncall", channel)
    assert "on call" in await answer_to(workspace, bob(workspace))
    assert len(workspace.state.views) == 1


async def test_a_form_that_slack_did_not_open_in_time_is_said(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """Three seconds are over; the person presses again."""
    workspace.refuse("views.open", "expired_trigger_id")
    await workspace.press(bob(workspace), message, GLASS)
    assert "press the button again" in await answer_to(workspace, bob(workspace))
    await opened(workspace, bob(workspace), message, GLASS)


async def test_a_form_opens_while_the_store_is_slow_or_gone(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """Opening asks nobody; sending it off then says what is wrong."""

    class Away(ChatDesk):
        async def person(self, id: str) -> Person:  # noqa: A002
            raise BadPayloadError("the database does not answer", field="")

    desk.__class__ = Away
    view = await opened(workspace, bob(workspace), message, GLASS)
    await sent(workspace, bob(workspace), view, written("down"))
    assert "the database does not answer" in await answer_to(workspace, bob(workspace))


async def test_somebody_else_closes_a_review_with_a_verdict(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """The message shows what is owed and by whom; U1, who broke the glass, is refused and Bob is not."""
    text = message.everything_said
    assert "*Review owed:* Drain the node" in text
    assert "<@U1> alone" in text
    assert "The ring is &lt;down&gt;. Nobody answers." in text
    hers = await opened(workspace, ann(workspace), message, REVIEW)
    await sent(workspace, ann(workspace), hers, written("I was right", "justified"))
    assert "somebody else must review it" in await answer_to(workspace, ann(workspace))
    his = await opened(workspace, bob(workspace), message, REVIEW)
    await sent(workspace, bob(workspace), his, written("Carol was awake"))
    assert list(his.errors) == ["verdict"]
    await sent(workspace, bob(workspace), his, written("Carol was awake", "not-justified"))
    assert "review closed" in await answer_to(workspace, bob(workspace))
    assert desk.asked == [("review", "INC-1-R1", "drain", "slack:U2", "not justified", "Carol was awake")]


async def test_a_form_that_is_none_of_ours_is_answered_in_its_place(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """One line instead of Slack's own words for an app that does not answer; nothing is done."""
    view = await opened(workspace, bob(workspace), message, GLASS)
    view.content["private_metadata"] = "{}"
    await sent(workspace, bob(workspace), view, written("down"))
    assert "this form is none of Bellhop's" in str(view.content["blocks"])
    assert desk.asked == []


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/bellhop review", "Drain the node"),
        ("/bellhop status", "1 review owed"),
        ("/bellhop incident show INC-1", "Review owed"),
        ("/bellhop incident list", "1 review owed"),
        ("/bellhop review INC-1-R1 drain justified it was", "review closed"),
        ("/bellhop review INC-1-R1 drain maybe", "usage: /bellhop review"),
        ("/bellhop review INC-1-R1", "usage: /bellhop review"),
        ("/bellhop approve INC-1-R1 realign break-glass down", "look at it again"),
        ("/bellhop approve INC-1-R1 realign please", "usage: /bellhop approve"),
    ],
)
async def test_the_same_in_words(workspace: Workspace, channel: Channel, door: None, typed: str, expected: str) -> None:
    """Commands for those whose client shows no forms; the desk in memory wants plan 9f2c and gets none."""
    await workspace.slash(bob(workspace), typed, channel)
    assert expected in await answer_to(workspace, bob(workspace))


async def test_closing_an_incident_says_in_slack_that_a_review_is_open(
    workspace: Workspace, message: Message, door: None, desk: ChatDesk
) -> None:
    """The desk's line arrives as it is, and the message of a closed incident still shows the review's button."""

    class Owing(ChatDesk):
        async def resolve(self, id: str, by: Person, why: str) -> Answer:  # noqa: A002
            return Answer(done=True, message=f"{id} is resolved by {by.name}; the review of drain is still open")

    desk.__class__ = Owing
    await workspace.press(bob(workspace), message, "bellhop:resolve")
    assert "the review of drain is still open" in await answer_to(workspace, bob(workspace))
    closed = incident_blocks(replace(desk.view, state="resolved", approvals=()))
    assert any(block.get("accessory", {}).get("action_id") == REVIEW for block in closed)


def test_forms_and_messages_stay_within_slacks_limits_whatever_is_written() -> None:
    """The longest ids that a button may carry, forty of everything, and words that would be markup."""
    owed = replace(owed_review(), reason="&<!channel>" * 90, title="<!here>" * 200)
    view = ChatDesk().view
    many = replace(view, reviews=(owed,) * 40, approvals=view.approvals * 40)
    blocks = incident_blocks(many)
    assert faults(blocks) == []
    assert any("bellhop:resolve" in str(block) for block in blocks)
    assert "<!channel" not in str(blocks)
    for act in ("break-glass", "review"):
        value = f'{{"incident":"INC-1","run":"INC-1-R1","step":"{"s" * 1900}","nonce":"n"}}'
        made = form(act, value, "https://hooks.slack.com/actions/T1/1/x")
        assert made is not None
        assert view_faults(made) == []
        assert form(act, value, "x" * 1100) is None
    with pytest.raises(BadPayloadError):
        form("review", "not ours", "")
