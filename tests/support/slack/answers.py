"""What an app says back to an interaction: through a response URL or inside an acknowledgement."""

from typing import Any

from tests.support.slack import blocks as block_kit
from tests.support.slack.methods import edit
from tests.support.slack.state import BOT_USER_ID, Json, Message, ResponseUrl, State

USES, LIFETIME_S = 5, 1800.0


def answer_through(state: State, url: str, body: Any) -> tuple[int, str]:
    """Take what was posted to a response URL; returns the HTTP status and text that Slack answers."""
    found = next((each for each in state.response_urls if each.url == url), None)
    if found is None:
        return 404, "no_service"
    if len(found.posts) >= USES:
        return 404, "used_url"
    if state.clock() - found.issued_at > LIFETIME_S:
        return 404, "expired_url"
    if not isinstance(body, dict):
        return 400, "invalid_payload"
    found.posts.append(body)
    return say(state, found, body)


def say(state: State, where: ResponseUrl, body: Json) -> tuple[int, str]:
    """Show an answer: in place of the message that was acted on, to all, or (as Slack does by default) to one."""
    source = where.source
    if body.get("delete_original") and source is not None:
        source.deleted = True
        return 200, "ok"
    content = {name: body[name] for name in ("text", "blocks", "attachments") if body.get(name) is not None}
    if not any(content.values()):
        return 400, "no_text"
    if content.get("blocks") and block_kit.faults(content["blocks"]):
        return 400, "invalid_blocks"
    content["blocks"] = block_kit.with_ids(content.get("blocks") or [], state.next_number())
    if body.get("replace_original") and source is not None:
        edit(state, source, content)
    else:
        _show(state, where, content, to_all=body.get("response_type") == "in_channel", thread=body.get("thread_ts"))
    return 200, "ok"


def _show(state: State, where: ResponseUrl, content: Json, *, to_all: bool, thread: str | None) -> None:
    message = Message(where.channel, state.next_ts(), BOT_USER_ID, thread_ts=thread, **content)
    message.ephemeral_to = None if to_all else where.user
    (state.messages if to_all else state.ephemerals).append(message)


def acknowledged(state: State, payload: Json, answer: Any) -> None:
    """Take what an acknowledgement carries: an answer to a command, or what becomes of a submitted modal."""
    if payload.get("type") == "view_submission":
        _submitted(state, payload["view"]["id"], answer if isinstance(answer, dict) else {})
    elif isinstance(answer, dict) and "command" in payload and (answer.get("text") or answer.get("blocks")):
        found = next(each for each in state.response_urls if each.url == payload["response_url"])
        say(state, found, answer)


def _submitted(state: State, identity: str, answer: Json) -> None:
    view = next(each for each in state.views if each.id == identity)
    action = answer.get("response_action")
    view.errors = dict(answer.get("errors") or {}) if action == "errors" else {}
    if action == "update":
        view.content = {**answer["view"], "blocks": block_kit.with_ids(answer["view"]["blocks"], state.next_number())}
    elif action != "errors":
        view.state = "submitted"
