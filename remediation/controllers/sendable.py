"""Keys, names and bodies as they may be sent; what cannot be is refused before anything is sent."""

import json
import re
from typing import Any
from urllib.parse import quote

from remediation.errors import ControllerError

_KEY = re.compile(r"[!-~]{1,200}")


def checked(key: str) -> str:
    """A key that fits a header and a path; raises ControllerError for any other, before anything is sent."""
    if _KEY.fullmatch(key) is None:
        message = f"the key {key!r} cannot be sent: it takes 1 to 200 visible ASCII characters"
        raise ControllerError(message, retryable=False, happened=False)
    return key


def segment(name: str) -> str:
    """A name as one part of a path; raises ControllerError for those that mean another place."""
    if name in ("", ".", ".."):
        raise ControllerError(f"{name!r} is no name", retryable=False, happened=False)
    return quoted(name)


def quoted(name: str) -> str:
    """A text without any sign that means something in an address."""
    return quote(name, safe="", errors="replace")


def body(content: Any, what: str) -> bytes:  # noqa: ANN401 - JSON of any shape
    """JSON to send; raises ControllerError for what is none."""
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ControllerError(f"{what}: cannot be sent as JSON: {error}", retryable=False, happened=False) from None
