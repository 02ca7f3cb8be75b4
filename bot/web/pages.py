"""Server-rendered pages: no script, no outside assets; every change is a form with a token of its session."""

from collections.abc import Awaitable, Callable
from importlib import resources

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.clock import Clock
from bot.errors import BadPayloadError, BellhopError, NotFoundError, RefusedError
from bot.model.approval_wording import approvals_words
from bot.model.guard_event import LONGEST_REASON
from bot.model.person import Answer, Person
from bot.model.plan_wording import act_words, asked_steps, asked_words, predictions
from bot.model.time import format_clock, format_instant
from bot.model.wording import doubt_words, pause_words, settled_answers, verdict_words
from bot.postmortem import figure
from bot.postmortem.timeline import timeline
from bot.postmortem.words import evidence, number, percent
from bot.web import body
from bot.web.access import COOKIE, Access, may_act
from bot.web.acts import ACTS, DECISIONS
from bot.web.api import status_of
from bot.web.markdown import markdown_html
from bot.web.ports import Desk
from remediation.duration import format_duration
from remediation.errors import RemediationError

Handler = Callable[[Request], Awaitable[Response]]
Work = Callable[[Request, Person], Awaitable[Response]]
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class Pages:
    """The pages of one bot."""

    def __init__(self, desk: Desk, access: Access, clock: Clock, *, secure: bool) -> None:
        self._desk = desk
        self._access = access
        self._clock = clock
        self._secure = secure
        self._templates = _templates()
        self._style = (resources.files("bot.web") / "templates" / "style.css").read_text(encoding="utf-8")

    def guarded(self, work: Work) -> Handler:
        """`work` for people who signed in; others are sent to the sign-in; errors become pages."""

        async def handle(request: Request) -> Response:
            person = self._access.of_cookie(request)
            if person is None:
                return RedirectResponse("/signin", 303)
            try:
                return await work(request, person)
            except (BellhopError, RemediationError) as error:
                status = status_of(error)
                return self._page(request, "message.html.j2", status=status, person=person, message=str(error))

        return handle

    async def style(self, request: Request) -> Response:
        """The one style sheet."""
        del request
        return Response(self._style, media_type="text/css", headers={"cache-control": "max-age=3600"})

    async def signin(self, request: Request) -> Response:
        """The form, and what it posts: a right token opens a session."""
        if request.method != "POST":
            return self._page(request, "signin.html.j2", person=None, wrong=False)
        try:
            person = self._access.of_token((await body.form(request)).get("token", "").strip())
        except BadPayloadError as error:
            return self._page(request, "message.html.j2", status=error.status, person=None, message=error.message)
        if person is None:
            return self._page(request, "signin.html.j2", status=401, person=None, wrong=True)
        response = RedirectResponse("/", 303)
        age = int(self._access.session_s)
        response.set_cookie(
            COOKIE, self._access.cookie(person), max_age=age, httponly=True, samesite="lax", secure=self._secure
        )
        return response

    async def signout(self, request: Request, person: Person) -> Response:
        """End the session on this browser."""
        del person
        await self._own_form(request)
        response = RedirectResponse("/signin", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=self._secure)
        return response

    async def incidents(self, request: Request, person: Person) -> Response:
        """All incidents: first those that are open or owe a review, the latest on top."""
        views = sorted(
            await self._desk.incidents(open_only=False),
            key=lambda view: (not (view.is_open or view.reviews), -view.opened_at),
        )
        pause = await self._desk.switches.paused()
        return self._page(request, "incidents.html.j2", person=person, incidents=views, pause=pause)

    async def incident(self, request: Request, person: Person) -> Response:
        """One incident."""
        name = request.path_params["incident"]
        view = await self._desk.incident(name)
        moments = timeline(await self._desk.events(name))
        pause = await self._desk.switches.paused()
        return self._page(request, "incident.html.j2", person=person, incident=view, timeline=moments, pause=pause)

    async def playbook(self, request: Request, person: Person) -> Response:
        """A guide for people."""
        name = request.path_params["playbook"]
        text = await self._desk.guide(name)
        if text is None:
            raise NotFoundError(f"there is no playbook {name}")
        return self._page(request, "playbook.html.j2", person=person, playbook=name, text=markdown_html(text))

    async def postmortem(self, request: Request, person: Person) -> Response:
        """The drafted report as a page of its own."""
        del person
        text = await self._desk.postmortem(request.path_params["incident"], "html")
        return HTMLResponse(text, headers=_headers(_REPORT_POLICY))

    async def act(self, request: Request, person: Person) -> Response:
        """Acknowledge, note, resolve or run, then back to the incident."""
        given = await self._acting(request, person)
        work, _ = ACTS[request.path_params["act"]]
        incident = request.path_params["incident"]
        return self._done(request, person, await work(self._desk, incident, person, given), incident)

    async def decide(self, request: Request, person: Person) -> Response:
        """Decide about a step, then back to the incident."""
        given = await self._acting(request, person)
        path = request.path_params
        work, _ = DECISIONS[path["decision"]]
        answer = await work(self._desk, path["run"], path["step"], person, given)
        return self._done(request, person, answer, path["incident"])

    def _done(self, request: Request, person: Person, answer: Answer, incident: str) -> Response:
        if answer.done:
            return RedirectResponse(request.url_for("page incident", incident=incident).path, 303)
        return self._page(request, "message.html.j2", status=409, person=person, message=answer.message)

    async def _acting(self, request: Request, person: Person) -> body.Given:
        given = await self._own_form(request)
        if not may_act(person):
            raise RefusedError(f"{person.name} may look and not act: the role is viewer")
        return body.Given({name: body.text(value, name) for name, value in given.items()})

    async def _own_form(self, request: Request) -> dict[str, str]:
        given = await body.form(request)
        if not self._access.form_is_ours(request, given.pop("form_token", "")):
            raise BadPayloadError(
                "this form is out of date; go back, reload, try again", field="form_token", status=403
            )
        return given

    def _page(self, request: Request, name: str, *, status: int = 200, **values: object) -> Response:
        person = values.get("person")
        text = self._templates.get_template(name).render(
            form_token=self._access.form_token(request),
            acts=isinstance(person, Person) and may_act(person),
            now=self._clock.now(),
            longest=LONGEST_REASON,
            **values,
        )
        return HTMLResponse(text, status, headers=_headers(_POLICY))


def _headers(policy: str) -> dict[str, str]:
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bot.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        instant=format_instant,
        clock=format_clock,
        duration=format_duration,
        drawing=figure.svg,
        evidence=evidence,
        number=number,
        percent=percent,
        act=act_words,
        approvals=approvals_words,
        asked=asked_words,
        parts_of=asked_steps,
        pause=pause_words,
        predictions=predictions,
        verdict=verdict_words,
        step_of=lambda name: name.partition(".")[0],
    )
    environment.globals.update(doubt_words=doubt_words, settled_answers=settled_answers)
    return environment
