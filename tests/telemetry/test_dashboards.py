"""Grafana dashboards: every query is one that Prometheus understands."""

import json
import re
from pathlib import Path

import httpx
import pytest

from bot.dashboards import dashboards
from bot.telemetry.catalogue import CATALOGUE
from tests.support.prometheus import running_prometheus


@pytest.mark.needs("prometheus")
async def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    """With the variables filled in as Grafana does it, renamed metrics and matchers included."""
    made = dashboards(rate_window_s=60, names={"qnet_qber_ratio": "my_qber"}, matchers={"job": 'q"net'})
    queries = [target["expr"] for each in made.values() for panel in each["panels"] for target in panel["targets"]]
    assert len(queries) > len(CATALOGUE)
    async with (
        running_prometheus(tmp_path) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        for query in queries:
            filled = re.sub(r"\$(link|node)\b", "x", query)
            assert "$" not in filled
            answer = await client.get("/api/v1/query", params={"query": filled})
            assert answer.json()["status"] == "success", (filled, answer.text)


def test_every_signal_is_on_a_dashboard() -> None:
    """Of a link or of a node, each once on the page of its kind."""
    made = dashboards(rate_window_s=300)
    shown = [panel["title"] for name in ("link", "node") for panel in made[f"bellhop-{name}.json"]["panels"]]
    expected = ["Firmware" if each == "firmware_version" else each.replace("_", " ") for each in CATALOGUE]
    assert sorted(shown) == sorted(expected)


def test_panels_do_not_overlap() -> None:
    """Each has its own place on Grafana's grid of 24 columns, and an id of its own."""
    for each in dashboards(rate_window_s=300).values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in each["panels"]]
        assert len(set(places)) == len(places) == len({panel["id"] for panel in each["panels"]})
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in each["panels"])
        json.dumps(each)
