"""A network management system on loopback with jobs, settings and ETags, as vendors build them; no part of Bellhop."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.http import free_port, running

TOKEN = "correct-horse-battery"


class Lines:
    """Settings of lines and the jobs that change them; a job is done after `polls` looks at it."""

    def __init__(self, *, polls: int = 2, fails: str = "", honours_key: bool = False) -> None:
        self.settings: dict[str, dict[str, Any]] = {"ams-utr": {"power": 0.0}, "a/b": {"power": 0.0}}
        self.version = 0
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self._polls, self._fails, self._honours = polls, fails, honours_key

    def app(self) -> Starlette:
        """Its routes; every one wants the token."""
        return Starlette(
            routes=[
                Route("/lines/{id:path}/power", self._power, methods=["PUT"]),
                Route("/lines/{id:path}", self._line),
                Route("/jobs/{id}", self._job),
            ]
        )

    async def _line(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        found = self.settings.get(request.path_params["id"])
        if found is None:
            return JSONResponse({"message": "no such line"}, status_code=404)
        return JSONResponse({"data": {"settings": found}}, headers={"ETag": f'"{self.version}"'})

    async def _power(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if request.headers.get("if-match", f'"{self.version}"') != f'"{self.version}"':
            return JSONResponse({"message": "the line has changed"}, status_code=412)
        body, key = json.loads(await request.body()), request.headers["idempotency-key"]
        self.asked.append({"line": request.path_params["id"], "key": key, **body})
        if self._honours:
            for name, job in self.jobs.items():
                if job["key"] == key:
                    return JSONResponse({"job": {"ref": name}}, status_code=202)
        name = f"J{len(self.jobs) + 1}"
        self.jobs[name] = {"key": key, "looks": 0, "line": request.path_params["id"], "db": body["db"]}
        return JSONResponse({"job": {"ref": name}}, status_code=202)

    async def _job(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            return JSONResponse({"message": "no such job"}, status_code=404)
        job["looks"] += 1
        if job["looks"] < self._polls:
            return JSONResponse({"phase": "working"})
        if self._fails:
            return JSONResponse({"phase": "broken", "why": self._fails})
        self.settings[job["line"]]["power"] = job["db"]
        self.version += 1
        return JSONResponse({"phase": "ready", "effect": {"gain_db": job["db"]}})

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if given == f"Bearer {TOKEN}":
            return None
        return JSONResponse({"message": f"no access with {given}"}, status_code=401)


@asynccontextmanager
async def serving(lines: Lines, *, token: str = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it with a token."""
    async with (
        running(lines.app(), free_port()) as address,
        httpx.AsyncClient(
            base_url=address, trust_env=False, timeout=20, headers={"Authorization": f"Bearer {token}"}
        ) as client,
    ):
        yield client


MAPPING = """
apiVersion: bellhop/v1
kind: HttpMapping
state:
  link: {path: "/lines/{{ inputs.target }}", settings: data.settings}
operations:
  link.set_power:
    method: PUT
    path: /lines/{{ inputs.target }}/power
    headers: {X-Act: "{{ inputs.operation }}"}
    body: {db: "{{ inputs.parameters.gain_db }}"}
    if_match: true
    job:
      id: job.ref
      poll: /jobs/{{ inputs.job }}
      every: 4s
      timeout: 10m
      done: {path: phase, equals: ready}
      failed: {path: phase, equals: broken}
      error: why
      result: effect
"""
