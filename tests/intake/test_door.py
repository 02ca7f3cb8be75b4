"""The door for Alertmanager, over real HTTP: what gets in is on disk, what does not is told why."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.store import Store
from tests.intake.door import CAPTURED_AT, TOKEN, Door, captured, open_door
from tests.support.postgres import Cluster, password_of

NAMES = ("firing_bearer", "partial_resolve", "resolved", "truncated_max_alerts_3")
SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
Change = Callable[[dict[str, Any]], object]


def body(name: str = "firing_bearer", change: Change | None = None) -> bytes:
    """A captured body, changed or not."""
    message = captured(name)
    if change is not None:
        change(message)
    return json.dumps(message).encode()


def basic(text: str) -> str:
    """The header of HTTP basic authentication."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("name", NAMES)
async def test_what_alertmanager_sends_is_on_disk_before_the_answer(door: Door, url: str, name: str) -> None:
    """Another connection finds the very bytes once the 200 is here."""
    answer = await door.post(body(name))
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    beside = Store(url, password_of(url))
    await beside.open()
    rows = await beside.read(lambda transaction: transaction.inbox_take(10))
    await beside.close()
    assert [(row.source, row.body) for row in rows] == [("alertmanager", body(name))]
    assert rows[0].received_at == pytest.approx(CAPTURED_AT, abs=1.0)
    assert (door.counters.deliveries["accepted"], door.counters.alerts) == (1, len(captured(name)["alerts"]))


@SQLITE
@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("alertmanager:päss:word")], ids=["bearer", "scheme", "basic"]
)
async def test_token_and_basic_authentication_open_the_door(door: Door, shown: str) -> None:
    """The scheme's name is not case-sensitive; a password may hold a colon and letters beyond ASCII."""
    assert (await door.post(body(), authorization=shown)).status_code == 200


@SQLITE
@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        "Basic !",
        basic("alertmanager:wrong"),
        basic("alertmanager"),
        basic("other:päss:word"),
        f"Token {TOKEN}",
        "Bearer \xff",
    ],
)
async def test_a_wrong_token_is_401_and_leaves_only_a_count(door: Door, shown: str) -> None:
    """Nothing is read, nothing stored, and the answer does not tell what would be right."""
    headers = [(b"authorization", shown.encode("latin-1"))]
    answer = await door.web.post("/alerts/alertmanager", content=body(), headers=headers)
    assert answer.status_code == 401
    assert TOKEN not in answer.text
    assert await door.stored() == []
    assert door.counters.deliveries == {"unauthorised": 1}


def without(*path: str | int) -> Change:
    """Take a field away."""

    def change(message: Any) -> None:
        for part in path[:-1]:
            message = message[part]
        del message[path[-1]]

    return change


def to(value: object, *path: str | int) -> Change:
    """Set a field."""

    def change(message: Any) -> None:
        for part in path[:-1]:
            message = message[part]
        message[path[-1]] = value

    return change


@SQLITE
@pytest.mark.parametrize(
    ("change", "field"),
    [
        (without("version"), "version"),
        (without("groupKey"), "groupKey"),
        (without("alerts"), "alerts"),
        (without("alerts", 1, "fingerprint"), "alerts[1].fingerprint"),
        (without("alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (without("alerts", 0, "labels"), "alerts[0].labels"),
        (to("3", "version"), "version"),
        (to(4, "version"), "version"),
        (to([], "alerts"), "alerts"),
        (to({}, "alerts"), "alerts"),
        (to([{}] * 10_001, "alerts"), "alerts[0].status"),
        (to("open", "alerts", 0, "status"), "alerts[0].status"),
        (to(3, "alerts", 0, "labels", "link"), "alerts[0].labels[...]"),
        (to("", "alerts", 1, "fingerprint"), "alerts[1].fingerprint"),
        (to("\0", "alerts", 0, "fingerprint"), "alerts[0].fingerprint"),
        (to("f" * 129, "alerts", 0, "fingerprint"), "alerts[0].fingerprint"),
        (to(-1, "truncatedAlerts"), "truncatedAlerts"),
        (to(1.5, "truncatedAlerts"), "truncatedAlerts"),
        (to("yesterday", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("0001-01-01T00:00:00Z", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("1999-12-31T23:59:59Z", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("2028-01-01T00:00:00Z", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("9999-12-31T23:59:59-12:00", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("2026-02-30T00:00:00Z", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("2026-11-23T03:33:13.139", "alerts", 0, "startsAt"), "alerts[0].startsAt"),
        (to("2026-11-23T03:33:12Z", "alerts", 1, "endsAt"), "alerts[1].endsAt"),
        (to("2226-11-23T03:33:12Z", "alerts", 1, "endsAt"), "alerts[1].endsAt"),
    ],
)
async def test_what_does_not_fit_is_400_with_the_field_named(door: Door, change: Change, field: str) -> None:
    """Absurd times included; nothing is stored but a count."""
    answer = await door.post(body(change=change))
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert field.partition("[...]")[0] in answer.json()["error"]
    assert await door.stored() == []
    assert door.counters.deliveries == {"malformed": 1}


@SQLITE
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"version": "4", "groupKey": "\xff"}',
        body()[:-1] + b',"x":' + b"[" * 100_000,
        body()[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "cut", "null", "list", "text", "not UTF-8", "not UTF-8 inside", "deep and cut", "deep"],
)
async def test_what_is_no_message_is_400(door: Door, content: bytes) -> None:
    """The whole body is named."""
    answer = await door.post(content)
    assert (answer.status_code, answer.json()["field"]) == (400, "$")
    assert await door.stored() == []


@SQLITE
async def test_unknown_fields_are_ignored(door: Door) -> None:
    """Newer Alertmanagers add fields under the same version; those that may be missing may be missing."""

    def newer(message: dict[str, Any]) -> None:
        message |= {"notification_reason": "first", "routeLabels": {"a": "b"}, "deep": [[[{"x": [1e308, None]}]]]}
        message["alerts"][0]["weight"] = 3
        for name in ("receiver", "status", "groupLabels", "commonLabels", "commonAnnotations", "externalURL"):
            del message[name]
        del message["truncatedAlerts"], message["alerts"][1]["annotations"], message["alerts"][1]["generatorURL"]

    assert (await door.post(body(change=newer))).status_code == 200


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "in chunks"])
async def test_a_body_over_one_mebibyte_is_413(door: Door, *, announced: bool) -> None:
    """One byte over is refused, whether the sender says how much comes or not; exactly 1 MiB is taken."""
    full = body() + b" " * ((1 << 20) - len(body()))

    async def chunks() -> Any:
        for start in range(0, len(full) + 1, 1 << 16):
            yield (full + b" ")[start : start + (1 << 16)]

    headers = {"authorization": f"Bearer {TOKEN}"}
    content = full + b" " if announced else chunks()
    answer = await door.web.post("/alerts/alertmanager", content=content, headers=headers)
    assert answer.status_code == 413
    assert await door.stored() == []
    assert (await door.post(full)).status_code == 200


@SQLITE
async def test_only_post_is_answered(door: Door) -> None:
    """Other methods are 405."""
    assert (await door.web.get("/alerts/alertmanager")).status_code == 405


@SQLITE
async def test_while_the_sqlite_file_is_gone_the_answer_is_503(door: Door, tmp_path: Path) -> None:
    """Alertmanager sends it again; a 200 would have lost it with the deleted file."""
    assert (await door.post(body())).status_code == 200
    shutil.rmtree(tmp_path / "data")
    answer = await door.post(body("resolved"))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert str(tmp_path) not in answer.text
    assert door.counters.deliveries == {"accepted": 1, "store down": 1}


@pytest.mark.needs("postgres")
async def test_while_postgres_is_away_the_answer_is_503_and_then_200_again(cluster: Cluster, tmp_path: Path) -> None:
    """What was accepted before is still there, what was refused comes in when it is sent again."""
    url = cluster.database()
    store = Store(url, password_of(url))
    await store.open()
    async with open_door(store, tmp_path) as door:
        assert (await door.post(body())).status_code == 200
        cluster.stop()
        try:
            assert (await door.post(body("resolved"))).status_code == 503
        finally:
            cluster.start()
        assert (await door.post(body("resolved"))).status_code == 200
        assert await door.stored() == [body(), body("resolved")]
    await store.close()


async def test_a_closed_store_is_503(door: Door) -> None:
    """At shutdown no request hangs."""
    await door.store.close()
    assert (await door.post(body())).status_code == 503
