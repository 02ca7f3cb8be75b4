"""The double's Web API answers as Slack's does, seen through the real slack_sdk."""

from typing import Any

import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.support.slack import Channel, User, Workspace, fixtures
from tests.support.slack.fixtures import APPROVE, BLOCKS, plain_text, refusal

workspace, alice, alerts, client = fixtures.workspace, fixtures.alice, fixtures.alerts, fixtures.client


async def test_a_posted_message_is_kept_and_can_be_updated(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel
) -> None:
    """The update keeps the timestamp, marks the edit, and the version before it is remembered."""
    posted = await client.chat_postMessage(channel="#qnet-alerts", text="open", blocks=BLOCKS)
    await client.chat_update(channel=alerts.id, ts=posted["ts"], text="resolved")
    (message,) = workspace.messages(alerts)
    assert (message.ts, message.text, message.action_ids) == (posted["ts"], "resolved", ["approve"])
    assert message.versions[0]["text"] == "open"
    assert message.edited is not None


async def test_history_holds_threads_and_metadata_as_slack_shows_them(client: AsyncWebClient, alerts: Channel) -> None:
    """Newest first, replies in their thread only, metadata only when asked for, timestamps increasing."""
    metadata = {"event_type": "incident", "event_payload": {"id": "INC-1"}}
    first = await client.chat_postMessage(channel=alerts.id, text="one", metadata=metadata)
    reply = await client.chat_postMessage(channel=alerts.id, text="below", thread_ts=first["ts"])
    second = await client.chat_postMessage(channel=alerts.id, text="two")
    history = await client.conversations_history(channel=alerts.id, include_all_metadata=True)
    assert [each["text"] for each in history["messages"]] == ["two", "one"]
    assert history["messages"][1]["metadata"] == metadata
    assert history["messages"][1]["reply_count"] == 1
    thread = await client.conversations_replies(channel=alerts.id, ts=first["ts"])
    assert [each["text"] for each in thread["messages"]] == ["one", "below"]
    assert "metadata" not in thread["messages"][0]
    assert first["ts"] < reply["ts"] < second["ts"]


async def test_history_comes_in_pages(client: AsyncWebClient, alerts: Channel) -> None:
    """A cursor leads to the next page until there is none."""
    for text in "abc":
        await client.chat_postMessage(channel=alerts.id, text=text)
    pages = [page["messages"] async for page in await client.conversations_history(channel=alerts.id, limit=2)]
    assert [[each["text"] for each in page] for page in pages] == [["c", "b"], ["a"]]


async def test_a_missing_scope_is_named_beside_those_that_the_token_has(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel
) -> None:
    """`needed` and `provided` say it, and the header lists what the token may do."""
    workspace.scopes.clear()
    workspace.scopes.add("users:read")
    answer = await refusal(client.chat_postMessage(channel=alerts.id, text="x"))
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "users:read")
    assert (await client.auth_test()).headers["x-oauth-scopes"] == "users:read"


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
async def test_a_token_that_is_absent_or_unknown_is_refused(workspace: Workspace, token: str, error: str) -> None:
    """The two cases have different codes."""
    answer = await refusal(AsyncWebClient(token=token, base_url=workspace.base_url).auth_test())
    assert answer["error"] == error


async def test_an_app_token_does_not_post_and_a_bot_token_does_not_connect(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    """Each kind of token has its methods."""
    app_client = AsyncWebClient(token=workspace.app_token, base_url=workspace.base_url)
    posting = app_client.chat_postMessage(channel="C1", text="x")
    connecting = client.apps_connections_open(app_token=workspace.bot_token)
    answers = [await refusal(posting), await refusal(connecting)]
    assert [answer["error"] for answer in answers] == ["not_allowed_token_type"] * 2


async def test_a_limited_method_answers_429_and_the_sdk_obeys_retry_after(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel
) -> None:
    """Without a retry handler the caller sees 429; with one the message is posted once, afterwards."""
    workspace.limit("chat.postMessage", times=2, retry_after=1)
    answer = await refusal(client.chat_postMessage(channel=alerts.id, text="first"))
    assert (answer.status_code, answer.headers["Retry-After"], answer["error"]) == (429, "1", "ratelimited")
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel=alerts.id, text="second")
    assert [each.text for each in workspace.messages()] == ["second"]
    assert [each.status for each in workspace.calls("chat.postMessage")] == [429, 429, 200]


async def test_an_outage_answers_503_until_it_is_over(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel
) -> None:
    """Nothing is posted while Slack is down."""
    workspace.down = True
    answer = await refusal(client.chat_postMessage(channel=alerts.id, text="lost"))
    assert answer.status_code == 503
    workspace.down = False
    await client.chat_postMessage(channel=alerts.id, text="kept")
    assert [each.text for each in workspace.messages()] == ["kept"]


async def test_a_lost_answer_leaves_the_message_posted(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel
) -> None:
    """The caller cannot know whether it was posted; it was. The SDK's own retry then posts it again."""
    workspace.lose_answer("chat.postMessage")
    await client.chat_postMessage(channel=alerts.id, text="twice")
    assert [each.text for each in workspace.messages()] == ["twice", "twice"]


@pytest.mark.parametrize(
    ("error", "method", "arguments"),
    [
        ("channel_not_found", "chat.postMessage", {"channel": "C99", "text": "x"}),
        ("not_in_channel", "chat.postMessage", {"channel": "C2", "text": "x"}),
        ("message_not_found", "chat.update", {"channel": "C1", "ts": "1.1", "text": "x"}),
        ("msg_too_long", "chat.postMessage", {"channel": "C1", "text": "x" * 40_001}),
        ("no_text", "chat.postMessage", {"channel": "C1", "text": ""}),
        ("invalid_metadata_format", "chat.postMessage", {"channel": "C1", "text": "x", "metadata": {"a": 1}}),
        ("thread_not_found", "conversations.replies", {"channel": "C1", "ts": "1.1"}),
        ("user_not_found", "users.info", {"user": "U99"}),
        ("no_such_subteam", "usergroups.users.list", {"usergroup": "S99"}),
        ("invalid_trigger_id", "views.open", {"trigger_id": "1.1.x", "view": {"type": "modal"}}),
        ("unknown_method", "chat.shout", {}),
    ],
)
@pytest.mark.parametrize("body", ["json", "data"])
async def test_a_mistake_is_refused_by_slacks_own_code(
    workspace: Workspace, client: AsyncWebClient, alerts: Channel, *, error: str, method: str, arguments: Any, body: str
) -> None:
    """Whether the body is JSON or a form; nothing is posted."""
    workspace.add_channel("elsewhere", bot=False)
    call: Any = client.api_call(method, json=arguments) if body == "json" else client.api_call(method, data=arguments)
    assert (await refusal(call))["error"] == error
    assert workspace.messages(alerts) == []


async def test_the_bot_cannot_update_what_a_person_said(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """Nor write more than 4,000 characters into its own message."""
    hers = await workspace.say(alice, "mine", alerts)
    own = await client.chat_postMessage(channel=alerts.id, text="own")
    theirs = await refusal(client.chat_update(channel=alerts.id, ts=hers.ts, text="x"))
    longer = await refusal(client.chat_update(channel=alerts.id, ts=own["ts"], text="x" * 4_001))
    assert (theirs["error"], longer["error"]) == ("cant_update_message", "msg_too_long")


BUTTON = {"type": "button", "text": plain_text(1)}


def _actions(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": list(elements)}]


@pytest.mark.parametrize(
    ("at_the_limit", "beyond"),
    [
        ([{"type": "divider"}] * 50, [{"type": "divider"}] * 51),
        ([{"type": "section", "text": plain_text(3000)}], [{"type": "section", "text": plain_text(3001)}]),
        ([{"type": "header", "text": plain_text(150)}], [{"type": "header", "text": plain_text(151)}]),
        (_actions(*[BUTTON] * 25), _actions(*[BUTTON] * 26)),
        (_actions({"type": "button", "text": plain_text(75)}), _actions({"type": "button", "text": plain_text(76)})),
        (_actions(APPROVE | {"value": "v" * 2000}), _actions(APPROVE | {"value": "v" * 2001})),
    ],
    ids=["blocks", "section", "header", "elements", "button", "value"],
)  # fmt: skip
async def test_block_kits_limits_hold(
    client: AsyncWebClient, alerts: Channel, at_the_limit: list[Any], beyond: list[Any]
) -> None:
    """The numbers are those of Slack's reference: the limit itself passes, one more is invalid_blocks."""
    await client.chat_postMessage(channel=alerts.id, text="fits", blocks=at_the_limit)
    answer = await refusal(client.chat_postMessage(channel=alerts.id, text="does not", blocks=beyond))
    assert answer["error"] == "invalid_blocks"


async def test_people_groups_and_channels_are_told(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """What a test puts into the workspace, the client reads."""
    group = workspace.add_group("quantum-oncall", alice)
    assert (await client.users_info(user=alice.id))["user"]["name"] == "alice"
    assert (await client.usergroups_users_list(usergroup=group.id))["users"] == [alice.id]
    assert (await client.conversations_info(channel=alerts.id))["channel"]["name"] == "qnet-alerts"


async def test_an_ephemeral_message_is_seen_by_one_person_only(
    workspace: Workspace, client: AsyncWebClient, alice: User, alerts: Channel
) -> None:
    """It does not stand in the channel."""
    await client.chat_postEphemeral(channel=alerts.id, user=alice.id, text="only you")
    assert [each.text for each in workspace.ephemerals(alice)] == ["only you"]
    assert workspace.messages(alerts) == []
