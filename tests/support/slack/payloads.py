"""What Slack sends for what a person did: slash commands, button presses, submitted modals, reactions."""

from typing import Any

from tests.support.slack.state import (  # fmt: skip
    APP_ID,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    Channel,
    Json,
    Message,
    State,
    User,
    View,
)

VERIFICATION_TOKEN = "x"


def slash_command(state: State, base: str, user: User, channel: Channel, typed: str) -> Json:
    """A command as typed, its name first; the fields are those of a form."""
    command, _, text = typed.partition(" ")
    return {
        "token": VERIFICATION_TOKEN, "team_id": TEAM_ID, "team_domain": TEAM_DOMAIN, "channel_id": channel.id,
        "channel_name": channel.name, "user_id": user.id, "user_name": user.name, "command": command,
        "text": text.strip(), "api_app_id": APP_ID, "is_enterprise_install": "false",
        "response_url": state.new_response_url(base, "commands", user.id, channel.id, None),
        "trigger_id": state.new_trigger(user.id),
    }  # fmt: skip


def _interaction(state: State, user: User, kind: str) -> Json:
    return {
        "type": kind, "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN}, "api_app_id": APP_ID,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
        "token": VERIFICATION_TOKEN, "trigger_id": state.new_trigger(user.id), "enterprise": None,
        "is_enterprise_install": False,
    }  # fmt: skip


def block_action(state: State, base: str, user: User, message: Message, action_id: str, *, chosen: str = "") -> Json:
    """A press of the element with this action id; `chosen` is the value of the option taken from a menu."""
    block_id, element = next(each for each in message.elements() if each[1]["action_id"] == action_id)
    ephemeral = message.ephemeral_to is not None
    channel = state.channels[message.channel]
    container: Json = {"type": "message", "message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": ephemeral}
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    pressed = _pressed(element, chosen) | {"block_id": block_id, "action_ts": state.next_ts()}
    url = state.new_response_url(base, "actions", user.id, channel.id, message)
    shown = {} if ephemeral else {"message": message.as_json(metadata=True)}
    return {
        **_interaction(state, user, "block_actions"), "container": container, **shown, "state": {"values": {}},
        "channel": {"id": channel.id, "name": channel.name}, "response_url": url, "actions": [pressed],
    }  # fmt: skip


def _pressed(element: Json, chosen: str) -> Json:
    told: Json = {name: element[name] for name in ("action_id", "type", "text", "value", "style") if name in element}
    options = element.get("options")
    if options is None or not chosen:
        return told
    return told | {"selected_option": next(option for option in options if option["value"] == chosen)}


def view_submission(state: State, user: User, view: View, values: dict[str, dict[str, Any]]) -> Json:
    """A modal sent off; `values` is block id -> action id -> what Slack says of that input."""
    shown = view.as_json()
    shown["state"] = {"values": values}
    return {**_interaction(state, user, "view_submission"), "view": shown, "response_urls": []}


def event(state: State, content: Json) -> Json:
    """An event such as reaction_added, in the form of the Events API."""
    return {
        "type": "event_callback", "token": VERIFICATION_TOKEN, "team_id": TEAM_ID, "api_app_id": APP_ID,
        "event_id": f"Ev{state.next_number()}", "event_time": int(state.clock()), "event": content,
        "authorizations": [{"team_id": TEAM_ID, "user_id": BOT_USER_ID, "is_bot": True}],
    }  # fmt: skip


def reaction(state: State, user: User, message: Message, name: str) -> Json:
    """Someone reacted to a message."""
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    told = {"type": "reaction_added", "user": user.id, "reaction": name, "item_user": message.user, "item": item}
    return event(state, told | {"event_ts": state.next_ts()})
