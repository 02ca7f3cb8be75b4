"""Bodies of requests, bounded and checked before anything looks at them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from bot.errors import BadPayloadError
from bot.model.run_inputs import Scalar

MAX_BYTES = 64 * 1024
MAX_TEXT = 4000
INPUTS = "inputs"
"""The one field that is no text but an object: what a run is given."""


class Given(dict[str, str]):
    """The texts of a request, by field; beside them the inputs of a run."""

    inputs: Mapping[str, Scalar] = MappingProxyType({})


async def read(request: Request) -> bytes:
    """The raw body; raises BadPayloadError (413) when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise BadPayloadError(f"the body is larger than {MAX_BYTES} bytes", field="body", status=413)
        parts.append(part)
    return b"".join(parts)


async def form(request: Request) -> dict[str, str]:
    """A posted form, the last value of each field."""
    try:
        return dict(parse_qsl((await read(request)).decode(), keep_blank_values=True, max_num_fields=32))
    except (UnicodeDecodeError, ValueError):
        raise BadPayloadError("the form cannot be read", field="body") from None


async def fields(request: Request, known: tuple[str, ...]) -> Given:
    """A JSON object of texts, `inputs` an object; raises BadPayloadError naming the field that is wrong."""
    raw = await read(request)
    try:
        data: Any = msgspec.json.decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadPayloadError("the body is not JSON", field="body") from None
    if not isinstance(data, dict):
        raise BadPayloadError("the body must be a JSON object", field="body")
    for name in data:
        if name not in known:
            raise BadPayloadError(f"{name} is not a field here; known: {', '.join(known) or 'none'}", field=name)
    given = Given({name: text(value, name) for name, value in data.items() if name != INPUTS})
    given.inputs = _inputs(data.get(INPUTS, {}))
    return given


def _inputs(value: object) -> dict[str, Scalar]:
    if not isinstance(value, dict):
        raise BadPayloadError("inputs must be an object of names and values", field=INPUTS, status=422)
    return {name: _scalar(each, f"{INPUTS}.{name:.64}") for name, each in value.items()}


def _scalar(value: object, name: str) -> Scalar:
    if isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise BadPayloadError(f"{name} must be a text, a number or true or false", field=name, status=422)
    return text(value, name)


def text(value: object, name: str) -> str:
    """`value` as a text of bounded length."""
    if not isinstance(value, str):
        raise BadPayloadError(f"{name} must be a text", field=name, status=422)
    if len(value) > MAX_TEXT:
        raise BadPayloadError(f"{name} is longer than {MAX_TEXT} characters", field=name, status=422)
    return value


def needed(given: dict[str, str], name: str) -> str:
    """A field that must say something."""
    value = given.get(name, "").strip()
    if not value:
        raise BadPayloadError(f"{name} is missing", field=name, status=422)
    return value
