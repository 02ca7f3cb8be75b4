"""Bodies of requests, bounded and checked before anything looks at them."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from bot.errors import BadPayloadError

MAX_BYTES = 64 * 1024
MAX_TEXT = 4000


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


async def fields(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """A JSON object of texts; raises BadPayloadError naming the field that is wrong."""
    raw = await read(request)
    try:
        data: Any = msgspec.json.decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadPayloadError("the body is not JSON", field="body") from None
    if not isinstance(data, dict):
        raise BadPayloadError("the body must be a JSON object", field="body")
    for name, value in data.items():
        if name not in known:
            raise BadPayloadError(f"{name} is not a field here; known: {', '.join(known) or 'none'}", field=name)
        text(value, name)
    return data


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
