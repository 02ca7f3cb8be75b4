"""Every address of the pages and the API in one literal table; openapi.json is drawn from the same one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clock import Clock
from bot.settings import WebSettings
from bot.web.access import Access
from bot.web.acts import ACTS, DECISIONS
from bot.web.address import Address
from bot.web.api import Api, Handler, json
from bot.web.openapi import document
from bot.web.pages import Pages
from bot.web.ports import Desk

_INCIDENT = "/api/v1/incidents/{incident}"
_STEP = "/api/v1/runs/{run}/steps/{step}"
_SUMMARIES = {
    "run": "Run a runbook, or the proposed one, with its default inputs or with these",
    "stop": "Stop a run: an act under way is finished, a look or a wait ends at once; what it did is taken back",
    "skip": "Pass over a step of a run that has not begun, or that only looks or waits; the run goes on behind it",
    "retry": "Run a runbook that ended without success again, from a step or from where it ended",
    "break-glass": "Let a step go ahead on one person's word; somebody else must review it",
    "review": "Close the review of a step that went ahead on one person's word: justified or not-justified",
    "happened": "Say that a step whose outcome nobody knows was done",
    "did-not-happen": "Say that a step whose outcome nobody knows was not done",
}
ADDRESSES: tuple[Address, ...] = (
    Address(
        method="GET",
        path="/api/v1/incidents",
        work="incidents",
        summary="List incidents",
        query={"open": "true: only those that may still need somebody"},
    ),
    Address(method="GET", path=_INCIDENT, work="incident", summary="One incident with its events"),
    Address(
        method="GET",
        path=f"{_INCIDENT}/postmortem",
        work="postmortem",
        summary="The drafted postmortem",
        query={"format": "json (default), md or html"},
    ),
    *(
        Address(
            method="POST",
            path=f"{_INCIDENT}/{name}",
            work="act",
            summary=_SUMMARIES.get(name, f"{name.capitalize()} an incident"),
            fixed={"act": name},
            fields=fields,
        )
        for name, (_, fields) in ACTS.items()
    ),
    *(
        Address(
            method="POST",
            path=f"{_STEP}/{name}",
            work="decide",
            summary=_SUMMARIES.get(name, f"{name.capitalize()} a step that waits for people"),
            fixed={"decision": name},
            fields=fields,
        )
        for name, (_, fields) in DECISIONS.items()
    ),
)


def web_routes(settings: WebSettings | None, desk: Desk, clock: Clock, *, secure: bool = False) -> list[Route]:
    """The routes of pages and API, none when `settings` is None; `secure`: people reach them over https.

    Raises UsageError when a token cannot be read.
    """
    if settings is None:
        return []
    access = Access(settings, clock)
    return [*_api_routes(Api(desk, access)), *_page_routes(Pages(desk, access, clock, secure=secure))]


def _api_routes(api: Api) -> list[Route]:
    described = document(ADDRESSES)

    async def openapi(request: Request) -> Response:
        del request
        return json(described)

    routes = [Route(each.path, _handler(api, each), methods=[each.method]) for each in ADDRESSES]
    return [*routes, Route("/openapi.json", openapi)]


def _handler(api: Api, address: Address) -> Handler:
    guarded = api.guarded(getattr(api, address.work), acts=address.method == "POST")

    async def handle(request: Request) -> Response:
        request.path_params.update(address.fixed)
        return await guarded(request)

    return handle


def _page_routes(pages: Pages) -> list[Route]:
    page = "/incidents/{incident}"
    return [
        Route("/", pages.guarded(pages.incidents)),
        Route("/style.css", pages.style),
        Route("/signin", pages.signin, methods=["GET", "POST"]),
        Route("/signout", pages.guarded(pages.signout), methods=["POST"]),
        Route(page, pages.guarded(pages.incident), name="page incident"),
        Route("/playbooks/{playbook}", pages.guarded(pages.playbook)),
        Route(f"{page}/postmortem", pages.guarded(pages.postmortem)),
        *(Route(f"{page}/{act}", _fixed(pages.guarded(pages.act), "act", act), methods=["POST"]) for act in ACTS),
        *(
            Route(
                f"{page}/runs/{{run}}/steps/{{step}}/{decision}",
                _fixed(pages.guarded(pages.decide), "decision", decision),
                methods=["POST"],
            )
            for decision in DECISIONS
        ),
    ]


def _fixed(handler: Handler, name: str, value: str) -> Handler:
    async def handle(request: Request) -> Response:
        request.path_params[name] = value
        return await handler(request)

    return handle
