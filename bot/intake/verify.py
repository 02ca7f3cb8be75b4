"""Who may knock: every check takes the same time whatever is wrong, and a door without a secret lets nobody in."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping

from bot.far_settings import Basic, Secret

Check = Callable[[Mapping[str, str], bytes], bool]
"""(headers with lower-case names, body) -> whether the sender knows a secret."""


def credentials(bearer: Secret | None, basic: Basic | None) -> Check:
    """A bearer token or HTTP basic authentication; the secrets are read once (UsageError)."""
    accepted: list[bytes] = []
    if bearer is not None:
        accepted.append(b"bearer " + bearer.read().encode())
    if basic is not None:
        accepted.append(f"basic {basic.user}:{basic.password.read()}".encode())

    def check(headers: Mapping[str, str], body: bytes) -> bool:
        del body
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode("latin-1")
            except (binascii.Error, ValueError):
                return False
        return _is_one_of(f"{kind.lower()} {value}".encode("latin-1", "replace"), accepted)

    return check


def signature(secrets: Iterable[Secret], header: str, *, prefix: str = "", stamped_by: str = "") -> Check:
    """HMAC-SHA256 in hexadecimal of the body, or of `<time>:<body>` where a header `stamped_by` carries the time.

    The header may hold several signatures, comma-separated; one that fits is enough, and so is one of the secrets.
    """
    keys = [secret.read().encode() for secret in secrets]

    def check(headers: Mapping[str, str], body: bytes) -> bool:
        signed = headers.get(stamped_by.lower(), "").encode("latin-1", "replace") + b":" + body if stamped_by else body
        right = [prefix.encode() + hmac.new(key, signed, hashlib.sha256).hexdigest().encode() for key in keys]
        shown = [part.strip() for part in headers.get(header.lower(), "").split(",")[:_MOST_SIGNATURES]]
        found = [_is_one_of(part.encode("latin-1", "replace"), right) for part in shown]
        return True in found

    return check


def stamped(header: str, now: Callable[[], float]) -> Check:
    """Whether the header's Unix seconds, which the signature covers, are within five minutes of `now`."""

    def check(headers: Mapping[str, str], body: bytes) -> bool:
        del body
        stamp = headers.get(header.lower(), "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _LONGEST_STAMP):
            return False
        return abs(int(stamp) - now()) <= FRESH_S

    return check


FRESH_S = 300.0
"""So far may a sender's clock be from ours, its way included; what is older may be a recording."""
_LONGEST_STAMP = 12
_MOST_SIGNATURES = 8


def _is_one_of(candidate: bytes, accepted: Iterable[bytes]) -> bool:
    # Every secret is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(candidate, each) for each in accepted]
    return True in matches
