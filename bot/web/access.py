"""Who is asking: bearer tokens for programs, a signed cookie for people, and forms that cannot be forged.

A cookie is `name|expiry|signature`; its key is derived from that person's token, so that a changed token ends
every session that it opened. Nothing is stored.
"""

import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request

from bot.clock import Clock
from bot.errors import UsageError
from bot.model.person import Person
from bot.settings import WebSettings, WebToken

COOKIE = "bellhop_session"
VIEWER = "viewer"


class Access:
    """Knows the tokens; raises UsageError at start when one of them cannot be read or two are equal."""

    def __init__(self, settings: WebSettings, clock: Clock) -> None:
        self._clock = clock
        self.session_s = settings.session
        self._known = {token.name: (token, token.token.read().encode()) for token in settings.tokens}
        _refuse_equals({name: secret for name, (_, secret) in self._known.items()})

    def of_token(self, text: str) -> Person | None:
        """The person whose token this is; compares every token in constant time."""
        given, found = _bytes(text), None
        for token, secret in self._known.values():
            if hmac.compare_digest(secret, given):
                found = token
        return _person(found) if found else None

    def of_bearer(self, request: Request) -> Person | None:
        """The person whose bearer token the request carries."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        return self.of_token(text.strip()) if scheme.lower() == "bearer" else None

    def of_cookie(self, request: Request) -> Person | None:
        """The person who signed in, unless that was too long ago."""
        name, _, rest = request.cookies.get(COOKIE, "").partition("|")
        expiry, _, signature = rest.partition("|")
        if name not in self._known or not expiry.isascii() or not expiry.isdigit() or len(expiry) > 12:
            return None
        good = hmac.compare_digest(self._sign(name, f"session|{expiry}").encode(), _bytes(signature))
        return _person(self._known[name][0]) if good and int(expiry) > self._clock.now() else None

    def cookie(self, person: Person) -> str:
        """A new session for `person`."""
        name = person.name
        expiry = str(int(self._clock.now() + self.session_s))
        return f"{name}|{expiry}|{self._sign(name, f'session|{expiry}')}"

    def form_token(self, request: Request) -> str:
        """What a form of this session must carry; '' for nobody."""
        person = self.of_cookie(request)
        return self._sign(person.name, f"form|{request.cookies[COOKIE]}") if person else ""

    def form_is_ours(self, request: Request, given: str) -> bool:
        """Whether a posted form was drawn for this very session."""
        expected = self.form_token(request)
        return bool(expected) and hmac.compare_digest(expected.encode(), _bytes(given))

    def _sign(self, name: str, text: str) -> str:
        key = hmac.digest(self._known[name][1], b"bellhop web session", hashlib.sha256)
        return hmac.new(key, f"{name}|{text}".encode(), hashlib.sha256).hexdigest()


def may_act(person: Person) -> bool:
    """Whether a person may change anything: some role beyond looking. The desk judges the rest."""
    return any(role != VIEWER for role in person.roles)


def _person(token: WebToken) -> Person:
    return Person(id=f"web:{token.name}", name=token.name, roles=token.roles)


def _bytes(text: str) -> bytes:
    """What a stranger sent, whatever it holds: comparing texts in constant time takes ASCII only."""
    return text.encode("utf-8", "surrogatepass")


def _refuse_equals(secrets: Mapping[str, bytes]) -> None:
    first: dict[bytes, str] = {}
    for name, secret in secrets.items():
        other = first.setdefault(secret, name)
        if other != name:
            raise UsageError(f"the web tokens of {other} and {name} are equal", hint="give each a token of their own")
