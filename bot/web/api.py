"""The JSON API under /api/v1: the same operations as in Slack and on the command line."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.errors import BadPayloadError, BellhopError, NotFoundError, RefusedError, UnavailableError, UsageError
from bot.model.person import Answer, Person
from bot.postmortem import Format
from bot.web import body, shapes
from bot.web.access import Access, may_act
from bot.web.acts import ACTS, DECISIONS
from bot.web.ports import Desk
from remediation.errors import RemediationError, UnknownNameError

Handler = Callable[[Request], Awaitable[Response]]
Work = Callable[[Request, Person], Awaitable[Response]]
FORMATS: Mapping[str, Format] = {"json": "json", "md": "md", "html": "html"}
MEDIA: Mapping[Format, str] = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}


def json(content: object, status: int = 200) -> Response:
    """A JSON answer that nobody keeps."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(msgspec.json.encode(content), status, media_type="application/json", headers=headers)


def status_of(error: BellhopError | RemediationError) -> int:
    """The HTTP status of an error of the family."""
    match error:
        case BadPayloadError():
            return error.status
        case NotFoundError() | UnknownNameError():
            return 404
        case RefusedError() | UsageError():
            return 409
        case UnavailableError():
            return 503
        case _:
            return 422


class Api:
    """Handlers that know the desk and who may knock."""

    def __init__(self, desk: Desk, access: Access) -> None:
        self._desk = desk
        self._access = access

    def guarded(self, work: Work, *, acts: bool = False) -> Handler:
        """`work` for people with a token (and, if it acts, a role beyond viewer); errors become JSON."""

        async def handle(request: Request) -> Response:
            person = self._access.of_bearer(request)
            if person is None:
                return _refusal("a bearer token that Bellhop knows is needed", 401)
            if acts and not may_act(person):
                return _refusal(f"{person.name} may look and not act: the role is viewer", 403)
            try:
                return await work(request, person)
            except BadPayloadError as error:
                return json({"error": error.message, "field": error.field}, error.status)
            except (BellhopError, RemediationError) as error:
                return _refusal(str(error), status_of(error))

        return handle

    async def incidents(self, request: Request, person: Person) -> Response:
        """All incidents, or with ?open=true those that may still need somebody."""
        del person
        views = await self._desk.incidents(open_only=request.query_params.get("open") == "true")
        return json({"incidents": [shapes.summary(view) for view in views]})

    async def incident(self, request: Request, person: Person) -> Response:
        """One incident with its events."""
        del person
        name = request.path_params["incident"]
        view = await self._desk.incident(name)
        return json(shapes.detail(view, await self._desk.events(name)))

    async def postmortem(self, request: Request, person: Person) -> Response:
        """The drafted report, ?format=json (default), md or html."""
        del person
        format_ = FORMATS.get(request.query_params.get("format", "json"))
        if format_ is None:
            raise BadPayloadError("format must be json, md or html", field="format", status=422)
        text = await self._desk.postmortem(request.path_params["incident"], format_)
        headers = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
        return Response(text, media_type=MEDIA[format_], headers=headers)

    async def act(self, request: Request, person: Person) -> Response:
        """Acknowledge, note, resolve or run."""
        work, known = ACTS[request.path_params["act"]]
        given = await body.fields(request, known)
        return _answer(await work(self._desk, request.path_params["incident"], person, given))

    async def decide(self, request: Request, person: Person) -> Response:
        """Decide about a step."""
        path = request.path_params
        work, known = DECISIONS[path["decision"]]
        given = await body.fields(request, known)
        return _answer(await work(self._desk, path["run"], path["step"], person, given))


def _answer(answer: Answer) -> Response:
    return json({"done": answer.done, "message": answer.message}, 200 if answer.done else 409)


def _refusal(message: str, status: int) -> Response:
    response = json({"error": message}, status)
    if status == 401:
        response.headers["www-authenticate"] = 'Bearer realm="bellhop"'
    return response
