"""Somebody who visits the pages or calls the API."""

import re
from collections.abc import Callable

import httpx

from tests.support.desk import MemoryDesk

TOKENS = {"alice": ("approver",), "bob": ("responder",), "carol": ("viewer",)}
Client = Callable[[MemoryDesk], httpx.AsyncClient]


def bearer(name: str) -> dict[str, str]:
    """The header of a person's token."""
    return {"authorization": f"Bearer token-of-{name}"}


async def sign_in(web: httpx.AsyncClient, name: str) -> None:
    """Through the form, as a person would."""
    answer = await web.post("/signin", data={"token": f"token-of-{name}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def form_token(web: httpx.AsyncClient) -> str:
    """The token that the incident's forms carry."""
    match = re.search(r'name="form_token" value="(\w+)"', (await web.get("/incidents/INC-1")).text)
    assert match is not None
    return match[1]
