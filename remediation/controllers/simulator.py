"""The controller of Bellhop's simulator, over HTTP: every act has an idempotency key and is polled."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from remediation.contract import JobStatus, Json, Target
from remediation.errors import ControllerError

_OPERATIONS = "/api/v1/operations"
_KEY = re.compile(r"[!-~]{1,200}")
_NOT_NOW = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS)


class SimulatorController:
    """Speaks to one simulator; the client brings address, token and timeout.

    A question that fails has done nothing (`happened` is False); a request to act that broke off may have.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask once; the same key again is the same act."""
        what = f"{operation} on {target}"
        content = {
            "operation": operation,
            "target": {"kind": target.kind, "id": target.id},
            "parameters": dict(parameters),
        }
        headers = {"Idempotency-Key": _checked(key), "Content-Type": "application/json"}
        answer = await self._ask("POST", _OPERATIONS, acts=True, content=_body(content, what), headers=headers)
        if answer.status_code not in (httpx.codes.OK, httpx.codes.ACCEPTED):
            raise _refusal(answer, what, acts=True)

    async def status(self, key: str) -> JobStatus:
        """What became of the act with this key."""
        answer = await self._ask("GET", f"{_OPERATIONS}/{_segment(_checked(key))}", acts=False)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return JobStatus(state="unknown")
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, f"the status of {key}", acts=False)
        content = _content(answer)
        state = content.get("state")
        if state not in ("running", "succeeded", "failed"):
            raise ControllerError(f"the controller says {state!r} of {key}", retryable=True, happened=False)
        result = content.get("result") or {}
        if not isinstance(result, dict):
            raise ControllerError(f"the controller's result of {key} is no object", retryable=True, happened=False)
        return JobStatus(state=state, result=result, error=str(content.get("error") or ""))

    async def state(self, target: Target) -> Json:
        """The settings of a target as they are now."""
        answer = await self._ask("GET", f"/api/v1/{target.kind}s/{_segment(target.id)}", acts=False)
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, f"the state of {target}", acts=False)
        return _content(answer)

    async def _ask(self, method: str, path: str, *, acts: bool, **content: Any) -> httpx.Response:  # noqa: ANN401
        try:
            return await self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ControllerError(
                f"the controller cannot be reached: {_why(error)}", retryable=True, happened=False
            ) from None
        except httpx.HTTPError as error:
            # The request may have arrived; its key makes asking again safe, but only the controller knows.
            raise ControllerError(
                f"the controller broke off: {_why(error)}", retryable=True, happened=None if acts else False
            ) from None


def _checked(key: str) -> str:
    """A key that fits a header and a path; raises ControllerError for any other, before anything is sent."""
    if _KEY.fullmatch(key) is None:
        message = f"the key {key!r} cannot be sent: it takes 1 to 200 visible ASCII characters"
        raise ControllerError(message, retryable=False, happened=False)
    return key


def _segment(name: str) -> str:
    """A name as one part of a path; raises ControllerError for the two that mean another place."""
    if name in (".", ".."):
        raise ControllerError(f"{name!r} is no name", retryable=False, happened=False)
    return quote(name, safe="", errors="replace")


def _body(content: Mapping[str, Any], what: str) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ControllerError(f"{what}: cannot be sent as JSON: {error}", retryable=False, happened=False) from None


def _refusal(answer: httpx.Response, what: str, *, acts: bool) -> ControllerError:
    again = answer.status_code >= 500 or answer.status_code in _NOT_NOW
    reason = _reason(answer)
    happened = None if acts and answer.status_code >= 500 else False
    return ControllerError(
        f"{what}: the controller answers {answer.status_code}{reason}", retryable=again, happened=happened
    )


def _reason(answer: httpx.Response) -> str:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return ""
    said = content.get("error") if isinstance(content, Mapping) else None
    return f": {said}" if isinstance(said, str) else ""


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ControllerError("the controller's answer is not a JSON object", retryable=True, happened=False)
    return content


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
