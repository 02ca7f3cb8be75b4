"""Deliveries that Alertmanager cut, completed from its own API: against a real one."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bot.errors import UnavailableError, UsageError
from bot.http import free_port
from bot.intake.alertmanager import parse_delivery
from bot.intake.reconcile import reconciler
from bot.model.alert import Delivery
from bot.settings import Far, Secret
from bot.store import Store
from tests.intake.alertmanager import fire, running_alertmanager
from tests.intake.door import TOKEN, captured, open_door

PATIENCE_S = 30.0
LINKS = [{"alertname": "QberHigh", "link": f"l{number}", "hall": 'a"}:{b="\\c'} for number in range(5)]
"""Five alerts of one group; the value that groups them is hostile to whoever takes the group's key apart."""


async def delivery(store: Store, wanted: Callable[[Delivery], bool]) -> Delivery:
    """The first delivery in the inbox that is wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for row in await store.read(lambda transaction: transaction.inbox_take(100)):
                if wanted(parse_delivery(row.body)):
                    return parse_delivery(row.body)
            await store.wait_for_change(1.0)


async def silence(api: httpx.AsyncClient, link: str) -> None:
    """Silence one link's alerts for the rest of the test."""
    matcher = {"name": "link", "value": link, "isRegex": False, "isEqual": True}
    period = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
    content = {"matchers": [matcher], "createdBy": "test", "comment": "test", **period}
    (await api.post("/api/v2/silences", json=content)).raise_for_status()


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_cut_delivery_is_completed_from_alertmanagers_api(store: Store, tmp_path: Path) -> None:
    """Two of five come in, then all five are known, each by the episode that a whole delivery names, silenced ones not.

    The instant, from a captured delivery, has digits behind the millisecond that would round up; the API cuts them.
    """
    async with open_door(store, tmp_path) as door:
        webhook = f"{door.web.base_url}/alerts/alertmanager"
        group_by = ("alertname", "hall")
        async with running_alertmanager(tmp_path, webhook=webhook, token=TOKEN, max_alerts=2, group_by=group_by) as api:
            await silence(api, "l4")
            await fire(api, {"alertname": "Other", "link": "l9", "hall": "b"})
            await fire(api, *LINKS, startsAt="2026-11-23T03:33:13.191999057Z")
            cut = await delivery(store, lambda each: each.truncated == 2)
            completed = await reconciler(Far(url=str(api.base_url)))(cut)
    assert {alert.labels["link"] for alert in completed} == {"l0", "l1", "l2", "l3"}
    assert {alert.status for alert in completed} == {"firing"}
    episodes = {alert.fingerprint: alert.episode for alert in completed}
    assert {alert.fingerprint: alert.episode for alert in cut.alerts}.items() <= episodes.items()


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_resolved_alert_stays_over_unless_alertmanager_still_has_it(store: Store, tmp_path: Path) -> None:
    """The delivery's own word counts for what the API no longer lists."""
    async with (
        open_door(store, tmp_path) as door,
        running_alertmanager(
            tmp_path, webhook=f"{door.web.base_url}/alerts/alertmanager", token=TOKEN, max_alerts=2
        ) as api,
    ):
        await fire(api, *LINKS[:3])
        await delivery(store, lambda each: each.truncated == 1)
        await fire(api, LINKS[0], endsAt="2026-11-23T03:40:00Z", startsAt="2026-11-23T03:33:13Z")
        cut = await delivery(store, lambda each: any(alert.status == "resolved" for alert in each.alerts))
        completed = await reconciler(Far(url=str(api.base_url)))(cut)
    assert {(alert.labels["link"], alert.status) for alert in completed} == {
        ("l0", "resolved"),
        ("l1", "firing"),
        ("l2", "firing"),
    }


async def test_an_alertmanager_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    """UnavailableError, so that the delivery stays in the inbox; a missing secret is told at the start."""
    cut = parse_delivery(json.dumps(captured("truncated_max_alerts_3")).encode())
    ask = reconciler(Far(url=f"http://127.0.0.1:{free_port()}", timeout=1.0))
    with pytest.raises(UnavailableError, match="cannot be asked: ConnectError"):
        await ask(cut)
    with pytest.raises(UsageError, match="cannot be read"):
        reconciler(Far(url="http://127.0.0.1", bearer_token=Secret(file=tmp_path / "nothing")))
    with pytest.raises(UsageError, match="TLS files"):
        reconciler(Far(url="https://127.0.0.1", ca_file=tmp_path / "nothing"))
