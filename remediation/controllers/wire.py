"""One bounded exchange with a far side over HTTP: no redirects, 1 MiB at most, in time, and honest about what is known.

Nothing is tried again here. A failure says whether trying again can help, and whether the act may have been done:
surely not when no connection came about or the far side refused us or the act, unknown when it broke off.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from remediation.controllers.plain import LARGEST_ANSWER, line, parsed, reason, secrets_in
from remediation.controllers.trust import Handshake, certificate_fault, is_refusal, is_stranger
from remediation.errors import ControllerError

_NOT_NOW = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS)
_DEFAULT_TIMEOUT_S = 30.0
_REFUSED = 307
_STEPS = 4
"""Waiting for a place, connecting, sending, and the first byte may each take the timeout; the whole answer so long."""
_LONGEST_TAG = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a far side."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    secrets: frozenset[str]

    @property
    def tag(self) -> str | None:
        """The ETag, where there is one that can be sent back as If-Match."""
        tag = self.headers.get("etag", "")
        return tag if 0 < len(tag) <= _LONGEST_TAG and tag.isascii() and tag.isprintable() else None

    def json(self, who: str = "the controller") -> Any:  # noqa: ANN401 - JSON of any shape
        """The JSON in it; raises ControllerError where there is none."""
        try:
            return parsed(self.content, self.secrets)
        except ValueError as error:
            kind = line(self.headers.get("content-type", ""), self.secrets)[:60] or "content without a type"
            why = f"it is {kind}" if "json" not in kind else line(error)
            raise ControllerError(f"{who}'s answer is not JSON: {why}", retryable=True, happened=False) from None

    def json_object(self, who: str = "the controller") -> dict[str, Any]:
        """The JSON object in it; raises ControllerError where there is none."""
        content = self.json(who)
        if not isinstance(content, dict):
            raise ControllerError(f"{who}'s answer is not a JSON object", retryable=True, happened=False)
        return content


class Wire:
    """Asks one far side; the client brings address, credentials, TLS and timeout. `who` is how errors call it."""

    def __init__(self, client: httpx.AsyncClient, who: str = "the controller") -> None:
        self._client = client
        self.who = who

    async def ask(
        self, method: str, path: str, *, acts: bool, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """The whole answer, whatever its status; `acts`: the request may change things. Raises ControllerError."""
        handshake = Handshake()
        try:
            seen = {"trace": handshake}
            request = self._client.build_request(
                method, path, headers=headers, content=content or None, extensions=seen
            )
        except (httpx.InvalidURL, ValueError) as error:
            message = f"{self.who} cannot be asked that: {line(error)}"
            raise ControllerError(message, retryable=False, happened=False) from None
        unknown = None if acts else False
        try:
            async with asyncio.timeout(_STEPS * (self._client.timeout.read or _DEFAULT_TIMEOUT_S)):
                return await self._answer(request, unknown)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            message = f"{self.who} {certificate_fault(error) or f'cannot be reached: {_why(error)}'}"
            again = not (is_stranger(error) or is_refusal(error))
            raise ControllerError(message, retryable=again, happened=False) from None
        except TimeoutError:
            raise ControllerError(f"{self.who} answers too slowly", retryable=True, happened=unknown) from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            # The request may have arrived; its key makes asking again safe, but only the controller knows.
            # A refusal of our certificate comes through the library as the bare error of ssl, an OSError.
            message = f"{self.who} {certificate_fault(error) or _broken(error, handshake)}"
            refused = is_refusal(error)
            happened = False if refused and handshake.is_open() else unknown
            raise ControllerError(message, retryable=not refused, happened=happened) from None

    async def _answer(self, request: httpx.Request, unknown: bool | None) -> Answer:
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise ControllerError(f"{self.who} packs its answers, unasked", retryable=False, happened=unknown)
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    message = f"{self.who}'s answer is longer than {LARGEST_ANSWER} bytes"
                    raise ControllerError(message, retryable=False, happened=unknown)
        finally:
            await answer.aclose()
        return Answer(answer.status_code, answer.headers, bytes(content), secrets_in(answer.request.headers))

    def refusal(self, answer: Answer, what: str, *, acts: bool) -> ControllerError:
        """What an answer that is no yes means: only 307 and above say that nothing was done, and 500 not even that."""
        again = answer.status >= 500 or answer.status in _NOT_NOW
        said = reason(answer.content, answer.secrets)
        happened = None if acts and not _REFUSED <= answer.status < 500 else False
        told = f"{what}: {self.who} answers {answer.status}{said and f': {said}'}{_advice(answer.status)}"
        return ControllerError(told, retryable=again, happened=happened)


def _advice(status: int) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "; check its credentials in the configuration"
    if status == httpx.codes.PRECONDITION_FAILED:
        return "; it was changed meanwhile, look at it before asking again"
    return "; redirects are not followed, write the final address" if 300 <= status < 400 else ""


def _why(error: Exception) -> str:
    return line(error) or type(error).__name__


def _broken(error: Exception, handshake: Handshake) -> str:
    # A far side that refuses our certificate hangs up; what it says then can get lost on the way.
    is_cut = handshake.is_open() and not isinstance(error, httpx.TimeoutException)
    return f"broke off: {_why(error)}{'; it may not trust us, check cert_file and key_file' if is_cut else ''}"
