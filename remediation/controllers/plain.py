"""Foreign answers made harmless: bounded JSON, one-line texts, no secret of ours that the far side echoes."""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LARGEST_ANSWER = 1024 * 1024
"""Bytes of an answer that are read; a longer one is refused."""
LARGEST_RESULT = 64 * 1024
"""Bytes of a result that an incident keeps."""
_DEEPEST = 32
_LONGEST_REASON = 200
_SHORTEST_SECRET = 6
_SCHEMES = frozenset({"bearer", "digest", "negotiate"})
"""Words before credentials that are no secrets; the shorter ones are too short anyway."""
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u1fff\u2070-\ud7ff]+")


def parsed(content: bytes, secrets: Iterable[str] = ()) -> Any:  # noqa: ANN401 - JSON of any shape
    """The JSON value of an answer: finite numbers, storable texts without `secrets`, bounded depth.

    Raises ValueError for any other.
    """
    try:
        value = json.loads(content, parse_constant=_refused)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return _storable(value, 0, sorted(secrets, key=len, reverse=True))


def kept(value: Any, what: str) -> dict[str, Any]:  # noqa: ANN401 - JSON of any shape
    """A result as an object small enough to keep; any other value stands under `value`. Raises ValueError."""
    result = {} if value is None else dict(value) if isinstance(value, Mapping) else {"value": value}
    size = len(json.dumps(result))
    if size > LARGEST_RESULT:
        raise ValueError(f"{what} has {size} bytes, more than the {LARGEST_RESULT} that are kept; choose a part of it")
    return result


def line(text: object, secrets: Iterable[str] = ()) -> str:
    """A foreign text as one short printable line without `secrets`."""
    cleaned = _without(str(text), sorted(secrets, key=len, reverse=True))
    cleaned = " ".join(_UNPRINTABLE.sub(" ", cleaned).split())
    return cleaned if len(cleaned) <= _LONGEST_REASON else f"{cleaned[:_LONGEST_REASON]}…"


def _without(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "(secret)")
    return text


def reason(content: bytes, secrets: Iterable[str] = ()) -> str:
    """What a refusal says of itself, in the common shapes of error bodies; nothing where it says nothing."""
    try:
        value = parsed(content)
    except ValueError:
        return ""
    for path in (("error",), ("detail",), ("message",)):
        said = _at(value, path)
        if isinstance(said, str) and said:
            more = value.get("detail") if path == ("error",) else None
            return line(f"{said}: {more}" if isinstance(more, str) else said, secrets)
    return line(_restconf_error(value), secrets)


def _restconf_error(value: Any) -> str:  # noqa: ANN401
    """The message of RFC 8040's first error, else its tag; some servers send the only error outside a list."""
    held = _at(value, ("ietf-restconf:errors", "error"))
    first = _at(held, (0,)) if isinstance(held, list) else held
    said = _at(first, ("error-message",)) or _at(first, ("error-tag",))
    return said if isinstance(said, str) else ""


def secrets_in(headers: Mapping[str, str]) -> frozenset[str]:
    """What of a request's headers must never be shown: credentials as they were sent, and what basic ones hide."""
    given = [value for name, value in headers.items() if _is_secret(name)]
    words = [word for value in given for word in (value, *value.split()) if word.lower() not in _SCHEMES]
    return frozenset(each for word in words for each in (word, *_decoded(word)) if len(each) >= _SHORTEST_SECRET)


def _is_secret(name: str) -> bool:
    return re.search(r"auth|token|key|secret|cookie|password", name.lower()) is not None and name != "idempotency-key"


def _decoded(word: str) -> tuple[str, ...]:
    try:
        user, colon, password = base64.b64decode(word, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ()
    return (password,) if user and colon else ()


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    for key in path:
        if isinstance(value, Mapping) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and len(value) > key:
            value = value[key]
        else:
            return None
    return value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _storable(value: Any, depth: int, secrets: Sequence[str]) -> Any:  # noqa: ANN401
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {_text(key, secrets): _storable(each, depth + 1, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each, depth + 1, secrets) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it holds a number that is not finite")
    return _text(value, secrets) if isinstance(value, str) else value


def _text(value: str, secrets: Sequence[str]) -> str:
    """Without what a database refuses in texts, NUL and lone surrogates, and without secrets."""
    return _without(value.replace("\x00", "").encode("utf-8", "replace").decode(), secrets)
