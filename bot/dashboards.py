"""Grafana dashboards from the telemetry catalogue: the network at a glance, one link, one device, and the bot itself.

Every panel's query is the one that diagnosis asks, so that people and Bellhop look at the same numbers. The JSON is
Grafana's dashboard model (schema version 39, Grafana 10 and later); the data source is chosen on the dashboard.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.telemetry.catalogue import CATALOGUE, Signal, promql

Json = dict[str, Any]
_SCHEMA, _COLUMNS, _HEIGHT = 39, 24, 8
_UNITS = {"ratio": "percentunit", "s": "s", "K": "kelvin", "bit/s": "bps", "bool": "bool"}
_DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_AT_A_GLANCE = (
    "logical_success_ratio",
    "delivered_logical_per_second",
    "entanglement_pool_level",
    "entanglement_rate",
    "physical_loss_ratio",
    "decode_latency_p99",
    "transfer_queue_length",
    "device_temperature",
)
_BOT = {
    "Alerts accepted per minute": "sum(rate(bellhop_alerts_accepted_total[5m])) * 60",
    "Deliveries per minute, by answer": "sum by (answer) (rate(bellhop_deliveries_total[5m])) * 60",
}


def dashboards(
    *, rate_window_s: float, names: Mapping[str, str] | None = None, matchers: Mapping[str, str] | None = None
) -> Mapping[str, Json]:
    """File name -> dashboard. `names` and `matchers` are those of the telemetry settings."""

    def query(signal: Signal, *, one: bool) -> str:
        picked = dict(matchers or {}) | ({signal.of: f"${signal.of}"} if one else {})
        return promql(signal, rate_window_s=rate_window_s, names=names or {}, matchers=picked)

    def of(kind: str) -> list[Json]:
        chosen = [signal for signal in CATALOGUE.values() if signal.of == kind and signal.kind != "info"]
        return [_panel(signal, query(signal, one=True)) for signal in chosen]

    glance = [_panel(CATALOGUE[name], query(CATALOGUE[name], one=False)) for name in _AT_A_GLANCE]
    firmware = CATALOGUE["firmware_version"]
    versions = _plain(
        "Firmware", query(firmware, one=True), unit="dateTimeAsIso", legend="{{version}}", panel="state-timeline"
    )
    own = [_plain(title, text, unit="short", legend="{{answer}}") for title, text in _BOT.items()]
    return {
        "bellhop-network.json": _dashboard("bellhop-network", "Quantum network", glance),
        "bellhop-link.json": _dashboard("bellhop-link", "Quantum link", of("link"), choice=_choice("link", names)),
        "bellhop-node.json": _dashboard(
            "bellhop-node", "Quantum device", [*of("node"), versions], choice=_choice("node", names)
        ),
        "bellhop-bot.json": _dashboard("bellhop-bot", "Bellhop itself", own),
    }


def _panel(signal: Signal, query: str) -> Json:
    unit = _UNITS.get(signal.unit, f"suffix: {signal.unit}")
    panel = _plain(signal.name.replace("_", " "), query, unit=unit, legend=f"{{{{{signal.of}}}}}")
    panel["description"] = f"Signal `{signal.name}`, as Bellhop's diagnosis reads it."
    return panel


def _plain(title: str, query: str, *, unit: str, legend: str, panel: str = "timeseries") -> Json:
    return {
        "type": panel,
        "title": title,
        "datasource": _DATA_SOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": query, "legendFormat": legend, "datasource": _DATA_SOURCE}],
    }


def _choice(kind: str, names: Mapping[str, str] | None) -> Json:
    """A variable with every link or node that the metrics know."""
    metric = "qnet_logical_transfers_total" if kind == "link" else "qnet_device_up"
    query = f"label_values({(names or {}).get(metric, metric)}, {kind})"
    return {
        "name": kind,
        "type": "query",
        "datasource": _DATA_SOURCE,
        "query": {"query": query, "refId": "A"},
        "refresh": 2,
        "sort": 1,
    }


def _dashboard(uid: str, title: str, panels: Iterable[Json], *, choice: Json | None = None) -> Json:
    variables: list[Json] = [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
    return {
        "uid": uid,
        "title": title,
        "tags": ["bellhop"],
        "schemaVersion": _SCHEMA,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [*variables, *([choice] if choice else [])]},
        "panels": _placed(list(panels)),
    }


def _placed(panels: Sequence[Json]) -> list[Json]:
    """Two panels beside each other, row under row."""
    width = _COLUMNS // 2
    return [
        {
            **panel,
            "id": place + 1,
            "gridPos": {"x": place % 2 * width, "y": place // 2 * _HEIGHT, "w": width, "h": _HEIGHT},
        }
        for place, panel in enumerate(panels)
    ]
