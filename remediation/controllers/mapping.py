"""How the controller of kind `http` speaks to a far side: a YAML file that maps operations to requests.

Templates (the same as in runbooks) see `inputs`: operation, target, kind, parameters, key and, once known, job. In a
path every value is quoted as one part of it. Paths into answers are JMESPath.

An accepted operation is a job, and the poll tells its end. `job.id` says where the JSON of the first answer has the
job's id; where that answer names the job by its Location alone, as with 202 and no body, write `id_from: location`:

    job: {id_from: location, poll: "/jobs/{{ inputs.job }}", done: {path: phase, equals: done}}

The id is then the last part of the Location's path, and is sent only to the controller's url, in the path of `poll`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from remediation import source
from remediation.contract import TargetKind
from remediation.controllers.plain import line
from remediation.controllers.sendable import quoted
from remediation.duration import Duration
from remediation.errors import ControllerError, TemplateError
from remediation.template import names_of, render, render_all, texts

Scope = Mapping[str, Any]
_FORBIDDEN = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "if-match"})
_LOCATION = re.compile(r"[!-~]{1,2000}")
_JOB_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~:@=+,-]{1,200}")
_KNOWN = ("operation", "target", "kind", "parameters", "key", "job")


def checked_template(text: str) -> str:
    """A template over `inputs`; raises ValueError for one that cannot work."""
    try:
        names = names_of(text)
    except TemplateError as error:
        raise ValueError(str(error)) from None
    paths = [name.split(".") for name in names]
    wrong = [".".join(path) for path in paths if path[0] != "inputs" or (len(path) > 1 and path[1] not in _KNOWN)]
    if wrong:
        raise ValueError(f"{', '.join(sorted(wrong))} is not known; inputs has {', '.join(_KNOWN)}")
    return text


def _path_template(text: str) -> str:
    if not text.startswith("/") or text.startswith("//"):
        raise ValueError("must start with one /: it counts from the controller's url")
    return checked_template(text)


def _json_path(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"is no JMESPath: {str(error).splitlines()[0]}") from None
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").isalnum() or name.lower() in _FORBIDDEN:
            raise ValueError(f"{name} is no header that can be set here")
        checked_template(value)
    return headers


def checked_body(content: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """A body whose texts are templates; raises ValueError for one that cannot work."""
    for _, text in texts(content):
        checked_template(text)
    return content


PathTemplate = Annotated[str, AfterValidator(_path_template)]
JsonPath = Annotated[str, AfterValidator(_json_path)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Block):
    """Something that an answer says: the value at `path` equals one."""

    path: JsonPath
    equals: Any

    def holds(self, content: Any, scope: Scope) -> bool:  # noqa: ANN401
        """Whether it is so; numbers are compared as numbers."""
        found, wanted = picked(self.path, content), _rendered(self.equals, scope, "the mapping")
        return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def picked(path: str, content: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """What stands at a JMESPath in an answer, None where nothing does; raises ControllerError for an unfit answer."""
    try:
        return jmespath.search(path, content)
    except JMESPathError as error:
        message = f"the controller's answer does not fit {path}: {line(error)}"
        raise ControllerError(message, retryable=True, happened=False) from None


def job_in(location: str) -> str | None:
    """The last part of the path of a Location as a job's id; None where there is none, or one with odd signs.

    One slash at the end is left out. An id has 1 to 200 of the letters and digits of ASCII and . _ ~ : @ = + , -
    """
    if _LOCATION.fullmatch(location) is None:
        return None
    try:
        path = urlsplit(location).path
    except ValueError:
        return None
    found = unquote(path.removesuffix("/").rpartition("/")[2])
    return found if _JOB_ID.fullmatch(found) is not None else None


class Job(_Block):
    """How the end of an accepted operation is seen: an answer with 2xx is never the end."""

    id: JsonPath | None = None
    """Where the JSON of the first answer tells the job's id; None: what is polled needs none."""
    id_from: Literal["location"] | None = None
    """`location`: the id is the last part of the path of the first answer's Location, which is never followed."""
    poll: PathTemplate
    every: Annotated[Duration, Field(gt=0)] = 5.0
    timeout: Annotated[Duration, Field(gt=0)] = 3600.0
    done: Match
    failed: Match | None = None
    error: JsonPath | None = None
    result: JsonPath | None = None

    @model_validator(mode="after")
    def _findable(self) -> Self:
        if self.id is not None and self.id_from is not None:
            raise ValueError("id and id_from are two places for one id; write one of them")
        if not self.has_id and "inputs.job" in names_of(self.poll):
            raise ValueError(
                "poll uses inputs.job, and id does not say where it stands in the answer, nor does id_from"
            )
        return self

    @property
    def has_id(self) -> bool:
        """Whether the first answer must tell an id of the job."""
        return self.id is not None or self.id_from is not None

    @property
    def by_key(self) -> bool:
        """Whether the far side is asked by the key, so that an act is found again after a crash."""
        return "inputs.key" in names_of(self.poll)


class MappedOperation(_Block):
    """One operation as a request."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: PathTemplate
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = {}
    body: Annotated[Any, AfterValidator(checked_body)] = None
    if_match: bool = False
    """Send the state's ETag as If-Match: refused when somebody else changed the target meanwhile."""
    honours_key: bool = False
    """The far side does an Idempotency-Key once, so asking again after a crash is safe."""
    job: Job


class MappedState(_Block):
    """Where the settings of a target are read."""

    path: PathTemplate
    settings: JsonPath = "@"
    state: JsonPath | None = None
    """What the target is doing now; a throttle to capacity looks here for demand_by_priority."""


class HttpMapping(_Block):
    """The whole file."""

    version: Literal["bellhop/v1"] = Field(alias="apiVersion")
    kind: Literal["HttpMapping"]
    check: PathTemplate | None = None
    """What `bellhop doctor` asks for; None: `/`, which need not exist."""
    state: dict[TargetKind, MappedState] = {}
    operations: Annotated[dict[str, MappedOperation], Field(min_length=1)]

    @model_validator(mode="after")
    def _tagged(self) -> Self:
        if any(operation.if_match for operation in self.operations.values()) and not self.state:
            raise ValueError("if_match needs state: the ETag comes from there")
        return self


def load_mapping(path: Path) -> HttpMapping:
    """Read and check a mapping; raises `remediation.errors.FileFaultsError` with every fault at its place."""
    return source.read(path).check(HttpMapping)


def rendered_path(template: str, scope: Scope, what: str) -> str:
    """A path whose values are quoted; raises ControllerError for one that cannot be built."""
    path = str(_rendered(template, {"inputs": _quoted(scope["inputs"])}, what))
    parts = path.partition("?")[0].split("/")[1:]
    if {".", ".."} & set(parts) or "" in parts[:-1]:
        message = f"{what}: {line(path)} leads elsewhere; a name in it is empty or made of dots"
        raise ControllerError(message, retryable=False, happened=False)
    return path


def rendered_body(content: Any, scope: Scope, what: str) -> Any:  # noqa: ANN401
    """A body or header with its templates filled in; raises ControllerError."""
    return _rendered(content, scope, what)


def _rendered(value: Any, scope: Scope, what: str) -> Any:  # noqa: ANN401
    try:
        return render(value, scope) if isinstance(value, str) else render_all(value, scope)
    except TemplateError as error:
        message = f"{what}: the mapping cannot be filled in: {error}"
        raise ControllerError(message, retryable=False, happened=False) from None


def _quoted(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return {key: _quoted(each) for key, each in value.items()}
    return [_quoted(each) for each in value] if isinstance(value, list | tuple) else value
