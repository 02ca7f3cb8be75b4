"""Block Kit's limits, and the ids that Slack gives to blocks and elements that have none."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.support.slack.state import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
SECTION_TEXT, SECTION_FIELDS, FIELD_TEXT = 3000, 10, 2000
HEADER_TEXT, ACTIONS_ELEMENTS, CONTEXT_ELEMENTS = 150, 25, 10
BUTTON_TEXT, BUTTON_VALUE, ACTION_ID, BLOCK_ID = 75, 2000, 255, 255
INPUT_LABEL, INPUT_LENGTH = 2000, 3000
VIEW_TITLE, PRIVATE_METADATA, SELECT_OPTIONS, OPTION_TEXT = 24, 3000, 100, 75
KNOWN = {
    "section", "header", "actions", "context", "divider", "image", "input", "rich_text", "video", "file", "markdown",
    "table", "data_visualization", "context_actions",
}  # fmt: skip


def faults(blocks: Any, limit: int = MESSAGE_BLOCKS) -> list[str]:
    """What Slack would object to, each with its JSON pointer; empty if nothing."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return ["must be an array of objects [json-pointer:/blocks]"]
    found = [] if len(blocks) <= limit else [f"no more than {limit} items allowed [json-pointer:/blocks]"]
    for index, block in enumerate(blocks):
        found += [f"{fault} [json-pointer:/blocks/{index}{where}]" for where, fault in _block(block)]
    return found + _repeated(blocks)


def view_faults(view: Any) -> list[str]:
    """What Slack would object to in a modal."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return ["must be a modal [json-pointer:/view/type]"]
    titles = [name for name in ("title", "submit", "close") if name == "title" or name in view]
    found = [
        f"{fault} [json-pointer:/view/{name}]"
        for name in titles
        for _, fault in _text(view.get(name), "", VIEW_TITLE, plain=True)
    ]
    if len(view.get("private_metadata", "")) > PRIVATE_METADATA:
        found.append(f"must be less than {PRIVATE_METADATA + 1} characters [json-pointer:/view/private_metadata]")
    has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in view.get("blocks") or [])
    if has_input and "submit" not in view:
        found.append("a view with input blocks needs submit [json-pointer:/view/submit]")
    return found + faults(view.get("blocks"), VIEW_BLOCKS)


def with_ids(blocks: list[Json], number: int) -> list[Json]:
    """A copy in which every block and every interactive element has an id; `number` makes them unique."""
    named = copy.deepcopy(blocks)
    for index, block in enumerate(named):
        block["block_id"] = block.get("block_id") or f"b{number}-{index}"
        for position, element in enumerate(_interactive(block)):
            element.setdefault("action_id", f"a{number}-{index}-{position}")
    return named


def _interactive(block: Json) -> list[Json]:
    elements = block.get("elements", []) if block["type"] == "actions" else []
    accessory = block.get("accessory")
    return [*elements, *([accessory] if accessory and accessory.get("type") != "image" else [])]


def _repeated(blocks: list[Json]) -> list[str]:
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    return [] if len(ids) == len(set(ids)) else ["`block_id` occurs twice [json-pointer:/blocks]"]


def _block(block: Json) -> Iterator[tuple[str, str]]:
    kind = block.get("type")
    if kind not in KNOWN:
        yield "/type", f"unsupported type: {kind}"
    if len(block.get("block_id") or "") > BLOCK_ID:
        yield "/block_id", f"must be less than {BLOCK_ID + 1} characters"
    if kind == "section":
        yield from _section(block)
    elif kind == "header":
        yield from _text(block.get("text"), "/text", HEADER_TEXT, plain=True)
    elif kind == "input":
        yield from _input(block)
    elif kind in {"actions", "context"}:
        yield from _elements(block, ACTIONS_ELEMENTS if kind == "actions" else CONTEXT_ELEMENTS)


def _section(block: Json) -> Iterator[tuple[str, str]]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield "", "a section needs text or fields"
    if "text" in block:
        yield from _text(block["text"], "/text", SECTION_TEXT)
    if fields is not None and not 1 <= len(fields) <= SECTION_FIELDS:
        yield "/fields", f"1 to {SECTION_FIELDS} items allowed"
    for index, each in enumerate(fields or []):
        yield from _text(each, f"/fields/{index}", FIELD_TEXT)
    if "accessory" in block:
        yield from _element(block["accessory"], "/accessory")


def _input(block: Json) -> Iterator[tuple[str, str]]:
    yield from _text(block.get("label"), "/label", INPUT_LABEL, plain=True)
    element = block.get("element") or {}
    if element.get("type") not in {"plain_text_input", "static_select"}:
        yield "/element/type", f"unsupported type: {element.get('type')}"
    if not 1 <= element.get("max_length", 1) <= INPUT_LENGTH:
        yield "/element/max_length", f"must be 1 to {INPUT_LENGTH}"
    yield from _element(element, "/element")


def _elements(block: Json, limit: int) -> Iterator[tuple[str, str]]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= limit:
        yield "/elements", f"1 to {limit} items allowed"
        return
    if not all(isinstance(element, dict) for element in elements):
        yield "/elements", "must be an array of objects"
        return
    for index, element in enumerate(elements):
        if element.get("type") in {"mrkdwn", "plain_text"} and block["type"] == "context":
            yield from _text(element, f"/elements/{index}", SECTION_TEXT)
        else:
            yield from _element(element, f"/elements/{index}")
    ids = [element["action_id"] for element in elements if "action_id" in element]
    if len(ids) != len(set(ids)):
        yield "/elements", "`action_id` occurs twice"


def _element(element: Json, where: str) -> Iterator[tuple[str, str]]:
    if len(element.get("action_id") or "") > ACTION_ID:
        yield f"{where}/action_id", f"must be less than {ACTION_ID + 1} characters"
    if element.get("type") == "button":
        yield from _button(element, where)
    options = element.get("options") or []
    if len(options) > SELECT_OPTIONS:
        yield f"{where}/options", f"no more than {SELECT_OPTIONS} items allowed"
    for index, option in enumerate(options):
        yield from _text(option.get("text"), f"{where}/options/{index}/text", OPTION_TEXT)


def _button(button: Json, where: str) -> Iterator[tuple[str, str]]:
    yield from _text(button.get("text"), f"{where}/text", BUTTON_TEXT, plain=True)
    if len(button.get("value") or "") > BUTTON_VALUE:
        yield f"{where}/value", f"must be less than {BUTTON_VALUE + 1} characters"
    if button.get("style", "primary") not in {"primary", "danger"}:
        yield f"{where}/style", "must be primary or danger"


def _text(part: Any, where: str, limit: int, *, plain: bool = False) -> Iterator[tuple[str, str]]:
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if not isinstance(part, dict) or part.get("type") not in kinds or not isinstance(part.get("text"), str):
        yield where, f"must be a text object of {' or '.join(sorted(kinds))}"
    elif not 1 <= len(part["text"]) <= limit:
        yield f"{where}/text", f"must be 1 to {limit} characters"
