"""The form of a row in the table of the API's addresses."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the API: method, path, the handler's name in `Api`, what it says and takes."""

    method: Literal["GET", "POST"]
    path: str
    work: str
    summary: str
    fixed: Mapping[str, str] = {}
    """Path parameters that this address sets itself."""
    fields: tuple[str, ...] = ()
    query: Mapping[str, str] = {}
