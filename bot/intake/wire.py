"""Reading JSON from strangers: what is wrong is named by its path, absurd times are refused."""

import math
import re
from typing import TypeVar

import msgspec

from bot.errors import BadPayloadError
from bot.model.time import parse_instant

_FIRST_YEAR_S = 946684800.0
"""2000-01-01: a time from before is a broken clock."""
_FAR_FUTURE_S = 400 * 86400.0
_FINER_THAN_MS = re.compile(r"(?<=\.\d{3})\d+")
_PATH = re.compile(r" - at `(.*)`$")

Message = TypeVar("Message")


def decoded(body: bytes, kind: type[Message]) -> Message:
    """The body as `kind`, unknown fields ignored; raises BadPayloadError with the path of the field that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    except RecursionError:
        raise BadPayloadError("the body is nested too deeply", field="$") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPayloadError(f"the body is not JSON: {error}", field="$") from None


def to_the_millisecond(text: str) -> float:
    """Unix seconds of an RFC 3339 time, cut as Alertmanager's API cuts it, so that both name the same episode.

    Raises ValueError.
    """
    return parse_instant(_FINER_THAN_MS.sub("", text))


def instant(text: str, path: str, now: float | None) -> float:
    """Unix seconds of the field at `path`, between 2000 and 400 days after `now`; raises BadPayloadError."""
    latest = math.inf if now is None else now + _FAR_FUTURE_S
    try:
        seconds = to_the_millisecond(text)
    except (ValueError, OverflowError) as error:
        raise BadPayloadError(f"{path}: {error}", field=path) from None
    if not _FIRST_YEAR_S <= seconds <= latest:
        raise BadPayloadError(f"{path}: {text} is absurd", field=path)
    return seconds


def misfit(error: msgspec.ValidationError) -> BadPayloadError:
    """The error of a body whose shape is wrong."""
    text = str(error)
    match = _PATH.search(text)
    path = match.group(1).removeprefix("$").lstrip(".") if match else ""
    reason = _PATH.sub("", text)
    missing = re.search(r"missing required field `(.*?)`", reason)
    if missing:
        path = f"{path}.{missing.group(1)}".lstrip(".")
        return BadPayloadError(f"{path}: is missing", field=path)
    return BadPayloadError(f"{path or 'body'}: {reason[:1].lower()}{reason[1:]}", field=path or "$")
