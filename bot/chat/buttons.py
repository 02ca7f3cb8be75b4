"""Buttons, and what comes back when one is pressed."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bot.chat.text import BUTTON_LIMIT, VALUE_LIMIT, clean
from bot.errors import BadPayloadError
from bot.model.incident import Incident

Style = Literal["primary", "danger"]
_NOTHING: Mapping[str, str] = {}
PREFIX = "bellhop:"
"""Every action id begins so."""


class Press(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A button's value: what it is about, for exactly which plan, and the nonce that makes it count once."""

    incident: str
    run: str = ""
    step: str = ""
    runbook: str = ""
    plan_hash: str = ""
    nonce: str = ""


def button(
    view: Incident, act: str, text: str, *, style: Style | None = None, about: Mapping[str, str] = _NOTHING
) -> dict[str, Any] | None:
    """A button for `act` on what `about` names; None when its value would not fit, so that none is ever cut."""
    press = Press(incident=view.id, nonce=_nonce(view, act, *about.values()), **about)
    value = msgspec.json.encode(press).decode()
    if len(value) > VALUE_LIMIT:
        return None
    shown = {"type": "plain_text", "text": clean(text, BUTTON_LIMIT), "emoji": False}
    made: dict[str, Any] = {"type": "button", "action_id": f"{PREFIX}{act}", "text": shown, "value": value}
    return made | ({"style": style} if style else {})


def actions(*buttons: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A row of buttons, or nothing when there is none."""
    there = [each for each in buttons if each is not None]
    return [{"type": "actions", "elements": there[:25]}] if there else []


def asks_first(made: dict[str, Any] | None, title: str, question: str, yes: str) -> dict[str, Any] | None:
    """The button, with a question that Slack asks before it sends the press."""
    if made is None:
        return None
    words = {"title": (title, 100), "text": (question, 300), "confirm": (yes, 30), "deny": ("Not now", 30)}
    confirm = {
        key: {"type": "plain_text", "text": clean(text, limit), "emoji": False} for key, (text, limit) in words.items()
    }
    return made | {"confirm": confirm}


def read_press(value: str) -> Press:
    """What a pressed button is about; raises BadPayloadError for a value that is not ours."""
    try:
        return msgspec.json.decode(value.encode("utf-8", "replace"), type=Press)
    except msgspec.DecodeError:
        raise BadPayloadError("this button is none of Bellhop's", field="actions.0.value") from None


def _nonce(view: Incident, act: str, *about: str) -> str:
    """One per button of one drawing: the message as drawn at another event has others."""
    return hashlib.sha256("\0".join((view.id, str(view.last_seq), act, *about)).encode()).hexdigest()[:24]
