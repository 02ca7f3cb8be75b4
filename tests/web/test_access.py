"""Who gets in by cookie and token: whatever somebody makes up is a stranger, and two people are never one."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bot.clock import FastClock
from bot.errors import UsageError
from bot.settings import Secret, WebSettings, load_settings
from bot.web import web_routes
from remediation.errors import FileFaultsError
from tests.support.desk import MemoryDesk
from tests.web.visitor import Client, sign_in

MADE_UP = [
    "alice|99999999999|é",
    "alice|99999999999|\udcff",
    "alice|99999999999",
    "alice|99999999999|",
    "alice||",
    "alice|²|a",
    "alice|-1|a",
    "alice|nan|a",
    "é|1|a",
    "|",
    "alice|9999999999999999999999|a",
    "nobody|99999999999|a",
    '"alice|99999999999|\\351"',
]


@pytest.mark.parametrize("value", MADE_UP)
async def test_a_cookie_that_was_made_up_is_simply_signed_out(client: Client, value: str) -> None:
    """Pages lead to the sign-in, the API says 401; nothing breaks, whatever bytes it holds."""
    web = client(MemoryDesk())
    cookie = b"bellhop_session=" + value.encode("utf-8", "surrogateescape")
    page = await web.get("/", headers={b"cookie": cookie})
    assert (page.status_code, page.headers["location"].partition("?")[0]) == (303, "/signin")
    assert (await web.get("/api/v1/incidents", headers={b"cookie": cookie})).status_code == 401


async def test_a_cookie_of_which_one_sign_is_changed_is_signed_out(client: Client) -> None:
    """The name, the expiry or the signature, in turn."""
    web = client(MemoryDesk())
    await sign_in(web, "alice")
    good = web.cookies["bellhop_session"].strip('"')
    web.cookies.clear()
    changed = [good.replace("alice", "bob"), good.replace("|1", "|2", 1), good[:-1], good + "0", good[:-1] + "é"]
    for value in (good, *changed):
        answer = await web.get("/", headers={b"cookie": b"bellhop_session=" + value.encode()})
        assert answer.status_code == (200 if value == good else 303)


def configuration(folder: Path, *tokens: str) -> Path:
    """A bellhop.yaml with these web tokens."""
    path = folder / "bellhop.yaml"
    listed = "\n".join(f"    - {token}" for token in tokens)
    telemetry = "telemetry: {source: embedded, exporters: ['http://127.0.0.1:1']}"
    path.write_text(f"network: network.yaml\n{telemetry}\nweb:\n  tokens:\n{listed}\n")
    return path


def test_two_tokens_of_one_name_are_refused(tmp_path: Path) -> None:
    """The first would silently be worth nothing."""
    path = configuration(
        tmp_path,
        "{name: alice, token: {env: ONE}, roles: [viewer]}",
        "{name: bob, token: {env: TWO}, roles: [viewer]}",
        "{name: alice, token: {env: THREE}, roles: [approver]}",
    )
    with pytest.raises(FileFaultsError, match="alice is named twice: every token has its own name"):
        load_settings(path)


def test_two_names_for_the_same_secret_are_refused(tmp_path: Path) -> None:
    """Nobody could tell who of the two it was."""
    path = configuration(
        tmp_path,
        "{name: alice, token: {env: ONE}, roles: [viewer]}",
        "{name: bob, token: {env: ONE}, roles: [approver]}",
    )
    with pytest.raises(FileFaultsError, match="alice and bob have the same secret: give each a token of their own"):
        load_settings(path)


def test_two_secrets_with_the_same_value_are_refused(tmp_path: Path, clock: FastClock) -> None:
    """Told when they are read, at the start, without the value."""
    for name in ("one", "two"):
        (tmp_path / name).write_text("the-same-value\n")
    tokens = [
        {"name": "alice", "token": Secret(file=tmp_path / "one"), "roles": ("viewer",)},
        {"name": "bob", "token": Secret(file=tmp_path / "two"), "roles": ("approver",)},
    ]
    settings = WebSettings.model_validate({"tokens": tokens})
    with pytest.raises(UsageError) as caught:
        web_routes(settings, MemoryDesk(), clock)
    assert caught.value.message == "the web tokens of alice and bob are equal"
    assert caught.value.hint == "give each a token of their own"
    (tmp_path / "two").write_text("another\n")
    app = Starlette(routes=web_routes(settings, MemoryDesk(), clock))
    assert httpx.ASGITransport(app) is not None
