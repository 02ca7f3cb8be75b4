"""A controller that is spoken to as a mapping says: any management system with an HTTP interface and JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from remediation.contract import Asked, JobStatus, Json, Target
from remediation.controllers.http_tags import SeenTags, strong_tag
from remediation.controllers.mapping import (
    HttpMapping,
    Job,
    MappedOperation,
    job_in,
    picked,
    rendered_body,
    rendered_path,
)
from remediation.controllers.once import Once
from remediation.controllers.plain import kept, line
from remediation.controllers.sendable import body, checked
from remediation.controllers.wire import Answer, Wire
from remediation.duration import format_duration
from remediation.errors import ControllerError

_SILENT_LOOKS = 4
"""So many looks that were really asked may go unanswered in a row, as many as an act allows that looks each time."""


@dataclass(slots=True)
class _Begun:
    """A job that was accepted: its id, when (Unix s) it was accepted and looked at, and the silence since an answer."""

    job: str
    at: float
    looked_at: float = float("-inf")
    silent: int = 0
    silence: str = ""


class HttpController:
    """Speaks to one far side; `now` is the clock of the program that runs the runbook, Unix seconds.

    2xx means accepted; the poll decides. After a crash an act is found again where its poll names the key or shows
    that the aim is reached; it may be asked for again where the far side honours keys; elsewhere a person decides.
    """

    def __init__(self, client: httpx.AsyncClient, mapping: HttpMapping, *, now: Callable[[], float]) -> None:
        self._wire = Wire(client)
        self._mapping = mapping
        self._now = now
        self._begun: Once[_Begun] = Once()
        self._tags = SeenTags()

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask once; the same key again is the same act."""
        asked = Asked(operation, target, dict(parameters))
        await self._begun.ask(checked(key), asked, lambda: self._ask(asked, key))

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """What became of the act with this key, asked no more often than the mapping says."""
        known = self._begun.get(checked(key))
        if known is not None:
            return await self._running(known[0], key, known[1])
        return JobStatus("unknown") if asked is None else await self._recovered(asked, key)

    async def state(self, target: Target, operation: str = "") -> Json:
        """The settings of a target, empty where the mapping does not say how they are read.

        With if_match, an act that the same task asks for next is refused when the target has changed since.
        """
        del operation
        where = self._mapping.state.get(target.kind)
        if where is None:
            return {"id": target.id, "kind": target.kind, "settings": {}, "state": {}}
        answer, what = await self._state_answer(target), f"the state of {target}"
        content = answer.json()
        try:
            settings = kept(picked(where.settings, content), what)
            state = kept(picked(where.state, content), what) if where.state is not None else {}
        except ValueError as error:
            raise ControllerError(str(error), retryable=False, happened=False) from None
        self._tags.saw(target, answer.tag)
        return {"id": target.id, "kind": target.kind, "settings": settings, "state": state}

    async def check(self) -> str:
        """Whether the far side answers; raises ControllerError."""
        path = rendered_path(self._mapping.check or "/", {"inputs": {}}, "check")
        answer = await self._wire.ask("GET", path, acts=False)
        is_absent = self._mapping.check is None and answer.status == httpx.codes.NOT_FOUND
        if answer.status >= 300 and not is_absent:
            raise self._wire.refusal(answer, path, acts=False)
        return f"{len(self._mapping.operations)} operations mapped"

    async def _ask(self, asked: Asked, key: str) -> _Begun:
        how, scope, what = self._operation(asked.operation), _scope(asked, key), f"{asked.operation} on {asked.target}"
        headers = {"Idempotency-Key": key}
        for name, value in how.headers.items():
            headers[name] = _header(rendered_body(value, scope, what), name, what)
        content = b""
        if how.body is not None:
            content = body(rendered_body(how.body, scope, what), what)
            headers.setdefault("Content-Type", "application/json")
        path = rendered_path(how.path, scope, what)
        if how.if_match:
            headers["If-Match"] = await self._tag(asked.target, what)
        answer = await self._wire.ask(how.method, path, acts=True, headers=headers, content=content)
        if not 200 <= answer.status < 300:
            raise self._wire.refusal(answer, what, acts=True)
        return _Begun(_job_id(how.job, answer, what), self._now())

    async def _tag(self, target: Target, what: str) -> str:
        async def read() -> str | None:
            return (await self._state_answer(target)).tag

        return await strong_tag(self._tags.take(target) or await read(), read, what)

    async def _state_answer(self, target: Target) -> Answer:
        what = f"the state of {target}"
        where = self._mapping.state.get(target.kind)
        if where is None:
            raise ControllerError(f"{what}: the mapping does not say how", retryable=False, happened=False)
        path = rendered_path(where.path, {"inputs": {"target": target.id, "kind": target.kind}}, what)
        answer = await self._wire.ask("GET", path, acts=False)
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, what, acts=False)
        return answer

    async def _running(self, asked: Asked, key: str, begun: _Begun) -> JobStatus:
        job, now = self._operation(asked.operation).job, self._now()
        found, is_due = JobStatus("running"), now - begun.looked_at >= job.every
        if is_due:
            begun.looked_at = now
            found = await self._patient_look(asked, key, begun)
        if found.state == "running" and now - begun.at > job.timeout and (is_due or begun.silent):
            told = f"{asked.operation} on {asked.target} is not done after {format_duration(job.timeout)}"
            silence = begun.silence and f"; last look: {begun.silence}"
            return JobStatus("lost", error=f"{told}; look whether it goes on{silence}")
        return found

    async def _patient_look(self, asked: Asked, key: str, begun: _Begun) -> JobStatus:
        """A look that takes silence for a job that goes on, but not for ever."""
        try:
            found = await self._look(asked, key, begun.job)
        except ControllerError as error:
            begun.silent, begun.silence = begun.silent + 1, str(error)
            if error.retryable and begun.silent < _SILENT_LOOKS:
                return JobStatus("running")
            begun.silent = 0
            raise ControllerError(str(error), retryable=False, happened=None) from None
        begun.silent, begun.silence = 0, ""
        return found

    async def _recovered(self, asked: Asked, key: str) -> JobStatus:
        how = self._operation(asked.operation)
        if how.job.by_key:
            found, now = await self._look(asked, key, ""), self._now()
            if found.state == "running":
                self._begun.found(key, asked, _Begun("", now, looked_at=now))
            return found
        if not how.job.has_id and (found := await self._look(asked, key, "")).state == "succeeded":
            return found
        if how.honours_key:
            return JobStatus("unknown")
        told = (
            f"nobody here remembers {asked.operation} on {asked.target} (key {key}), and the controller keeps no keys"
        )
        return JobStatus("lost", error=f"{told}; look there whether it was done")

    async def _look(self, asked: Asked, key: str, job_id: str) -> JobStatus:
        job, what = self._operation(asked.operation).job, f"the status of {asked.operation} on {asked.target}"
        scope = _scope(asked, key, job_id)
        answer = await self._wire.ask("GET", rendered_path(job.poll, scope, what), acts=False)
        if answer.status == httpx.codes.NOT_FOUND and job.by_key:
            return JobStatus("unknown")
        if answer.status == httpx.codes.NOT_FOUND and job.has_id:
            return JobStatus(
                "lost", error=f"the controller forgot the job {line(job_id, answer.secrets)} of {asked.operation}"
            )
        if not 200 <= answer.status < 300:
            raise self._wire.refusal(answer, what, acts=False)
        content = answer.json()
        if job.failed is not None and job.failed.holds(content, scope):
            said = picked(job.error, content) if job.error is not None else None
            return JobStatus("failed", error=line(said or "", answer.secrets))
        if not job.done.holds(content, scope):
            return JobStatus("running")
        try:
            result = kept(picked(job.result, content) if job.result is not None else {}, what)
        except ValueError as error:
            return JobStatus("succeeded", {"left_out": str(error)})
        return JobStatus("succeeded", result)

    def _operation(self, name: str) -> MappedOperation:
        how = self._mapping.operations.get(name)
        if how is None:
            message = f"the mapping has no operation {name}; it has {', '.join(self._mapping.operations)}"
            raise ControllerError(message, retryable=False, happened=False)
        return how


def _scope(asked: Asked, key: str, job: str = "") -> Mapping[str, Any]:
    about = {"operation": asked.operation, "target": asked.target.id, "kind": asked.target.kind}
    return {"inputs": {**about, "parameters": dict(asked.parameters), "key": key, "job": job}}


def _header(value: object, name: str, what: str) -> str:
    text = str(value)
    if not text.isascii() or not text.isprintable():
        raise ControllerError(f"{what}: {name} cannot be sent as a header", retryable=False, happened=False)
    return text


def _job_id(job: Job, answer: Answer, what: str) -> str:
    if not job.has_id:
        return ""
    found = _named(job, answer)
    if isinstance(found, bool) or not isinstance(found, str | int) or not 0 < len(str(found)) <= 200:
        where = f"at {job.id}" if job.id is not None else "in its Location"
        message = f"{what}: the controller accepted it and named no job {where}; look there whether it goes on"
        raise ControllerError(message, retryable=False, happened=None)
    return str(found)


def _named(job: Job, answer: Answer) -> object:
    if job.id is None:
        return job_in(answer.headers.get("location", ""))
    try:
        return picked(job.id, answer.json())
    except ControllerError:
        return None
