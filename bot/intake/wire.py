"""Reading JSON from strangers: what is wrong is named by its path, absurd times are refused."""

import math
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from bot.errors import BadPayloadError
from bot.model.time import parse_instant

_FIRST_YEAR_S = 946684800.0
"""2000-01-01: a time from before is a broken clock."""
_FAR_FUTURE_S = 400 * 86400.0
_FINER_THAN_MS = re.compile(r"(?<=\.\d{3})\d+")
LONGEST_ID = 512
"""Characters; with four bytes each a key made of them still fits into an index of Postgres, 2704 bytes an entry."""
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


def identifier(text: str, path: str, longest: int = LONGEST_ID) -> str:
    """The text of the field at `path`, fit to be part of a key; raises BadPayloadError."""
    if not (text and len(text) <= longest and text.isprintable()):
        raise BadPayloadError(f"{path}: is not 1 to {longest} printable characters", field=path)
    return text


def without_nul(text: str, path: str) -> str:
    """The text of the field at `path`; raises BadPayloadError where it holds a NUL, which Postgres never takes."""
    if "\0" in text:
        raise BadPayloadError(f"{path}: holds a NUL character", field=path)
    return text


def labels_without_nul(labels: Mapping[str, str], path: str) -> Mapping[str, str]:
    """Labels, their names and values free of NUL; raises BadPayloadError."""
    for name, value in labels.items():
        without_nul(name, path)
        without_nul(value, f"{path}.{name}")
    return labels


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
