"""Forms that a button opens, for what needs words: why the glass is broken, how a review came out."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bot.chat.buttons import PREFIX, Press, read_press
from bot.chat.text import Block, clean, escape, section
from bot.errors import BadPayloadError
from bot.model.guard_event import LONGEST_REASON, Verdict

TITLE_LIMIT = 24
METADATA_LIMIT = 3000
_WORDS, _VERDICT = "words", "verdict"
_VERDICTS: Mapping[str, tuple[Verdict, str]] = {
    "justified": ("justified", "Justified"),
    "not-justified": ("not justified", "Not justified"),
}


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a form carries unseen: the button that opened it, and where the answer to the person goes."""

    press: str
    answer_to: str


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A form as somebody sent it off; `verdict` only where it asks for one."""

    act: str
    press: Press
    answer_to: str
    words: str
    verdict: Verdict | None = None


def form(act: str, value: str, answer_to: str) -> dict[str, Any] | None:
    """The form behind the button `act` with this value; None where it would not fit into what Slack carries.

    Raises BadPayloadError for a value that is not ours.
    """
    press = read_press(value)
    carried = msgspec.json.encode(Sheet(press=value, answer_to=answer_to)).decode()
    if len(carried) > METADATA_LIMIT:
        return None
    title, submit, told, asked = _TEXTS[act]
    about = f"`{escape(press.step)}` of `{escape(press.run)}`"
    plan = f"\nplan `{escape(press.plan_hash, 12)}`" if press.plan_hash else ""
    blocks = [section(told.format(about=about) + plan), *([_choice()] if act == "review" else []), _text(asked)]
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}{act}",
        "title": _plain(title, TITLE_LIMIT),
        "submit": _plain(submit, TITLE_LIMIT),
        "close": _plain("Not now", TITLE_LIMIT),
        "private_metadata": carried,
        "blocks": blocks,
    }


def read_form(view: Mapping[str, Any]) -> Filled:
    """What a person wrote into a form of ours; raises BadPayloadError for one that is not."""
    try:
        sheet = msgspec.json.decode(str(view.get("private_metadata") or ""), type=Sheet)
    except msgspec.DecodeError:
        raise BadPayloadError("this form is none of Bellhop's", field="view.private_metadata") from None
    values = view["state"]["values"]
    words = values.get(_WORDS, {}).get(_WORDS, {}).get("value") or ""
    chosen = (values.get(_VERDICT, {}).get(_VERDICT, {}).get("selected_option") or {}).get("value", "")
    return Filled(
        act=str(view["callback_id"]).removeprefix(PREFIX),
        press=read_press(sheet.press),
        answer_to=sheet.answer_to,
        words=str(words).strip(),
        verdict=_VERDICTS[chosen][0] if chosen in _VERDICTS else None,
    )


def missing(filled: Filled) -> dict[str, str]:
    """What Slack shows beside the fields that were left empty; nothing where the form is complete."""
    found = {} if filled.words else {_WORDS: "Somebody else must be able to judge it: write a reason"}
    if filled.act == "review" and filled.verdict is None:
        found[_VERDICT] = "Choose one"
    return found


def told(text: str) -> dict[str, Any]:
    """A form's place taken by one escaped line."""
    return {"type": "modal", "title": _plain("Bellhop", TITLE_LIMIT), "blocks": [section(text)]}


_TEXTS: Mapping[str, tuple[str, str, str, str]] = {
    "break-glass": (
        "Break glass",
        "Let it go ahead",
        "You let {about} go ahead *on your word alone*, whoever it still waits for; somebody else must review it.",
        "Why can it not wait for somebody else?",
    ),
    "review": ("Review", "Close the review", "How do you judge that {about} went ahead on one person's word?", "Why?"),
}
"""Button that opens a form -> its title, what sends it off, what it says, what it asks."""
FORMS = frozenset(_TEXTS)


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": clean(text, limit), "emoji": False}


def _text(asked: str) -> Block:
    element = {"type": "plain_text_input", "action_id": _WORDS, "multiline": True, "max_length": LONGEST_REASON}
    return {"type": "input", "block_id": _WORDS, "label": _plain(asked, 2000), "element": element, "optional": False}


def _choice() -> Block:
    options = [{"text": _plain(text, 75), "value": name} for name, (_, text) in _VERDICTS.items()]
    element = {"type": "static_select", "action_id": _VERDICT, "options": options}
    label = _plain("It was", 2000)
    return {"type": "input", "block_id": _VERDICT, "label": label, "element": element, "optional": False}
