"""The controller of Bellhop's simulator, over HTTP: every act has an idempotency key and is polled."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from remediation.contract import JobStatus, Json, Target
from remediation.errors import ControllerError

_OPERATIONS = "/api/v1/operations"


class SimulatorController:
    """Speaks to one simulator; the client brings address, token and timeout."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask once; the same key again is the same act."""
        content = {
            "operation": operation,
            "target": {"kind": target.kind, "id": target.id},
            "parameters": dict(parameters),
        }
        answer = await self._ask("POST", _OPERATIONS, acts=True, json=content, headers={"Idempotency-Key": key})
        if answer.status_code not in (httpx.codes.OK, httpx.codes.ACCEPTED):
            raise _refusal(answer, f"{operation} on {target}")

    async def status(self, key: str) -> JobStatus:
        """What became of the act with this key."""
        answer = await self._ask("GET", f"{_OPERATIONS}/{quote(key, safe='')}", acts=False)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return JobStatus(state="unknown")
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, f"the status of {key}")
        content = _content(answer)
        state = content.get("state")
        if state not in ("running", "succeeded", "failed"):
            raise ControllerError(f"the controller says {state!r} of {key}", retryable=True, happened=None)
        return JobStatus(state=state, result=dict(content.get("result") or {}), error=str(content.get("error") or ""))

    async def state(self, target: Target) -> Json:
        """The settings of a target as they are now."""
        answer = await self._ask("GET", f"/api/v1/{target.kind}s/{quote(target.id, safe='')}", acts=False)
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, f"the state of {target}")
        return _content(answer)

    async def _ask(self, method: str, path: str, *, acts: bool, **content: Any) -> httpx.Response:  # noqa: ANN401
        try:
            return await self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ControllerError(
                f"the controller cannot be reached: {_why(error)}", retryable=True, happened=False
            ) from None
        except httpx.HTTPError as error:
            # The request may have arrived; its key makes asking again safe, but only the controller knows.
            raise ControllerError(
                f"the controller broke off: {_why(error)}", retryable=True, happened=None if acts else False
            ) from None


def _refusal(answer: httpx.Response, what: str) -> ControllerError:
    again = answer.status_code >= 500 or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    reason = _reason(answer)
    happened = None if answer.status_code >= 500 else False
    return ControllerError(
        f"{what}: the controller answers {answer.status_code}{reason}", retryable=again, happened=happened
    )


def _reason(answer: httpx.Response) -> str:
    try:
        content = answer.json()
    except ValueError:
        return ""
    said = content.get("error") if isinstance(content, Mapping) else None
    return f": {said}" if isinstance(said, str) else ""


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ControllerError("the controller's answer is not a JSON object", retryable=True, happened=None)
    return content


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
