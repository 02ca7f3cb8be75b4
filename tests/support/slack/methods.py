"""The Web API's methods: what each needs, refuses, changes and answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.slack import blocks as block_kit
from tests.support.slack.state import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    Channel,
    Json,
    Message,
    State,
    User,
    View,
)  # fmt: skip

POST_TEXT, UPDATE_TEXT = 40_000, 4_000
TRIGGER_LIFETIME_S = 3.0
PAGE, LARGEST_PAGE = 100, 999


class SlackError(Exception):
    """An answer with ok false: its error code and what the answer says beside it."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error, self.extra = error, extra


@dataclass(frozen=True)
class Call:
    """The state, what the caller sent, and the scopes that its token has."""

    state: State
    arguments: Json
    scopes: set[str]
    base: str

    def needs(self, *scopes: str) -> None:
        """Refuse unless the token has one of these scopes."""
        if not self.scopes.intersection(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.scopes)))

    def text(self, name: str, default: str = "") -> str:
        """An argument as text, as a form would carry it."""
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        """An argument that is true or false, in any of the spellings that clients send."""
        return self.text(name).lower() in {"true", "1"}

    def channel(self, family: str = "") -> Channel:
        """The channel asked for, by id only; with `family` the token must have this scope for its kind."""
        found = self.state.channels.get(self.text("channel"))
        if family and found is None:
            self.needs(f"channels:{family}", f"groups:{family}", f"im:{family}")
        if found is None or (found.kind == "groups" and BOT_USER_ID not in found.members):
            raise SlackError("channel_not_found")
        if family:
            self.needs(f"{found.kind}:{family}")
        return found

    def content(self, limit: int) -> Json:
        """The text, blocks, attachments and metadata sent, held against Slack's limits."""
        sent = {name: self.arguments[name] for name in ("text", "blocks", "attachments", "metadata") if self.arguments.get(name) is not None}  # fmt: skip  # noqa: E501
        if not any(sent.get(name) for name in ("text", "blocks", "attachments")):
            raise SlackError("no_text")
        if len(str(sent.get("text", ""))) > limit:
            raise SlackError("msg_too_long")
        if sent.get("metadata"):
            _check_metadata(sent["metadata"])
        if sent.get("blocks"):
            found = block_kit.faults(sent["blocks"])
            if found:
                raise SlackError("invalid_blocks", errors=found, response_metadata={"messages": found})
            sent["blocks"] = block_kit.with_ids(sent["blocks"], self.state.next_number())
        return sent


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict) or not metadata.get("event_type"):  # fmt: skip  # noqa: E501
        raise SlackError("invalid_metadata_format")


def auth_test(call: Call) -> Json:
    """Who the token belongs to."""
    return {
        "url": f"{call.base}/", "team": TEAM_DOMAIN, "team_id": TEAM_ID, "user": BOT_NAME, "user_id": BOT_USER_ID,
        "bot_id": BOT_ID, "app_id": APP_ID, "is_enterprise_install": False,
    }  # fmt: skip


def _writable(call: Call) -> Channel:
    asked = call.text("channel")
    if asked in call.state.users:
        return direct_message(call.state, asked)
    found = call.state.channel_named(asked)
    hidden = found is not None and found.kind == "groups" and BOT_USER_ID not in found.members
    if found is None or hidden:
        raise SlackError("channel_not_found")
    if found.archived:
        raise SlackError("is_archived")
    if BOT_USER_ID not in found.members and not (found.kind == "channels" and "chat:write.public" in call.scopes):
        raise SlackError("not_in_channel")
    return found


def direct_message(state: State, user: str) -> Channel:
    """The direct message between the bot and this person, opened if need be."""
    return state.channels.setdefault(f"D{user}", Channel(f"D{user}", user, "im", {user, BOT_USER_ID}))


def post_message(call: Call) -> Json:
    """Post a message, into a thread if told so."""
    call.needs("chat:write")
    channel, content = _writable(call), call.content(POST_TEXT)
    thread = call.text("thread_ts") or None
    if thread is not None and call.state.message_at(channel.id, thread) is None:
        raise SlackError("thread_not_found")
    message = Message(channel.id, call.state.next_ts(), BOT_USER_ID, thread_ts=thread, **content)
    message.broadcast = call.flag("reply_broadcast")
    call.state.messages.append(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(metadata=True)}


def update(call: Call) -> Json:
    """Change a message of the caller's own; parts that are not sent stay."""
    call.needs("chat:write")
    channel = call.channel()
    message = call.state.message_at(channel.id, call.text("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != BOT_USER_ID:
        raise SlackError("cant_update_message")
    edit(call.state, message, call.content(UPDATE_TEXT))
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.as_json(metadata=True)}


def edit(state: State, message: Message, content: Json) -> None:
    """Put new content in place of the old and keep the version that was."""
    message.versions.append(message.as_json(metadata=True))
    for name, value in content.items():
        setattr(message, name, value)
    message.edited = {"user": BOT_USER_ID, "ts": state.next_ts()}


def post_ephemeral(call: Call) -> Json:
    """Show a message to one person only."""
    call.needs("chat:write")
    channel, user = _writable(call), call.text("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    message = Message(channel.id, call.state.next_ts(), BOT_USER_ID, **call.content(POST_TEXT), ephemeral_to=user)
    call.state.ephemerals.append(message)
    return {"message_ts": message.ts}


def history(call: Call) -> Json:
    """The channel's messages, newest first, without replies that stay in their threads."""
    channel = call.channel("history")
    if BOT_USER_ID not in channel.members:
        raise SlackError("not_in_channel")
    standing = [each for each in call.state.messages if each.channel == channel.id and not each.deleted]
    return _page(call, [each for each in reversed(standing) if not each.is_reply or each.broadcast])


def replies(call: Call) -> Json:
    """A thread, its parent first."""
    channel = call.channel("history")
    if BOT_USER_ID not in channel.members:
        raise SlackError("not_in_channel")
    parent = call.state.message_at(channel.id, call.text("ts"))
    if parent is None:
        raise SlackError("thread_not_found")
    root = parent.thread_ts or parent.ts
    standing = [each for each in call.state.messages if each.channel == channel.id and not each.deleted]
    return _page(call, [each for each in standing if root in {each.ts, each.thread_ts}])


def _page(call: Call, messages: list[Message]) -> Json:
    try:
        start, size = int(call.text("cursor") or 0), min(int(call.text("limit") or PAGE), LARGEST_PAGE)
        within = [each for each in messages if _asked_for(call, each.ts)]
    except ValueError as error:
        raise SlackError("invalid_arguments") from error
    metadata, more = call.flag("include_all_metadata"), start + size < len(within)
    return {
        "messages": [_listed(call.state, each, metadata=metadata) for each in within[start : start + size]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + size) if more else ""},
    }


def _asked_for(call: Call, ts: str) -> bool:
    oldest, latest = _instant(call.text("oldest") or "0"), _instant(call.text("latest") or "99999999999")
    return oldest < _instant(ts) < latest or (call.flag("inclusive") and _instant(ts) in {oldest, latest})


def _instant(ts: str) -> tuple[int, int]:
    seconds, _, fraction = ts.partition(".")
    return int(seconds), int(fraction.ljust(6, "0")[:6])


def _listed(state: State, message: Message, *, metadata: bool) -> Json:
    answers = [each for each in state.messages if each.is_reply and (each.channel, each.thread_ts, each.deleted) == (message.channel, message.ts, False)]  # fmt: skip  # noqa: E501
    shown = message.as_json(metadata=metadata)
    if answers:
        users = list(dict.fromkeys(each.user for each in answers))
        shown |= {"thread_ts": message.ts, "reply_count": len(answers), "reply_users": users}
        shown |= {"reply_users_count": len(users), "latest_reply": answers[-1].ts}
    return shown


def channel_info(call: Call) -> Json:
    """One conversation."""
    return {"channel": call.channel("read").as_json()}


def user_info(call: Call) -> Json:
    """One person."""
    call.needs("users:read")
    found: User | None = call.state.users.get(call.text("user"))
    if found is None:
        raise SlackError("user_not_found")
    return {"user": found.as_json()}


def group_users(call: Call) -> Json:
    """Who is in a user group."""
    call.needs("usergroups:read")
    found = call.state.groups.get(call.text("usergroup"))
    if found is None:
        raise SlackError("no_such_subteam")
    return {"users": list(found.users)}


def open_view(call: Call) -> Json:
    """Open a modal for the person whose trigger it is."""
    trigger, view = call.state.triggers.get(call.text("trigger_id")), call.arguments.get("view")
    if trigger is None:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if call.state.clock() - trigger.issued_at > TRIGGER_LIFETIME_S:
        raise SlackError("expired_trigger_id")
    if found := block_kit.view_faults(view):
        raise SlackError("invalid_arguments", response_metadata={"messages": found})
    trigger.used = True
    number = call.state.next_number()
    content = {**(view or {}), "blocks": block_kit.with_ids((view or {})["blocks"], number)}
    opened = View(f"V{number}", trigger.user, content)
    call.state.views.append(opened)
    return {"view": opened.as_json()}


METHODS: dict[str, Callable[[Call], Json]] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.postEphemeral": post_ephemeral,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": channel_info,
    "users.info": user_info,
    "usergroups.users.list": group_users,
    "views.open": open_view,
}
"""Each method that a bot's token may call, by its name in the address."""
