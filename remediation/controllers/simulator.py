"""The controller of Bellhop's simulator, over HTTP: every act has an idempotency key and is polled."""

import httpx

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.plain import kept, line
from remediation.controllers.sendable import body, checked, segment
from remediation.controllers.wire import Wire
from remediation.errors import ControllerError

_OPERATIONS = "/api/v1/operations"


class SimulatorController:
    """Speaks to one simulator; the client brings address, token and timeout.

    A question that fails has done nothing (`happened` is False); a request to act that broke off may have.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._wire = Wire(client)

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask once; the same key again is the same act."""
        what = f"{operation} on {target}"
        content = {
            "operation": operation,
            "target": {"kind": target.kind, "id": target.id},
            "parameters": dict(parameters),
        }
        headers = {"Idempotency-Key": checked(key), "Content-Type": "application/json"}
        answer = await self._wire.ask("POST", _OPERATIONS, acts=True, content=body(content, what), headers=headers)
        if answer.status not in (httpx.codes.OK, httpx.codes.ACCEPTED):
            raise self._wire.refusal(answer, what, acts=True)

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """What became of the act with this key."""
        del asked
        answer = await self._wire.ask("GET", f"{_OPERATIONS}/{segment(checked(key))}", acts=False)
        if answer.status == httpx.codes.NOT_FOUND:
            return JobStatus(state="unknown")
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, f"the status of {key}", acts=False)
        content = answer.json_object()
        state = content.get("state")
        if state not in ("running", "succeeded", "failed"):
            message = f"the controller says {line(repr(state))} of {key}"
            raise ControllerError(message, retryable=True, happened=False)
        result = content.get("result") or {}
        if not isinstance(result, dict):
            raise ControllerError(f"the controller's result of {key} is no object", retryable=True, happened=False)
        try:
            result = kept(result, f"the result of {key}")
        except ValueError as error:
            raise ControllerError(str(error), retryable=False, happened=False) from None
        return JobStatus(state=state, result=result, error=line(content.get("error") or "", answer.secrets))

    async def state(self, target: Target, operation: str = "") -> Json:
        """The settings of a target as they are now."""
        del operation
        answer = await self._wire.ask("GET", f"/api/v1/{target.kind}s/{segment(target.id)}", acts=False)
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, f"the state of {target}", acts=False)
        return answer.json_object()

    async def check(self) -> str:
        """Whether it answers; raises ControllerError."""
        answer = await self._wire.ask("GET", "/healthz", acts=False)
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, "/healthz", acts=False)
        return "answers"
