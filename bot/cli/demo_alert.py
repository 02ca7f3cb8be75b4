"""The demo's stand-in for Prometheus' rule and Alertmanager: the burn of a link's objective, and their message."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from bot.model.network import Network
from bot.model.telemetry import Window
from bot.model.time import format_instant
from bot.slo import BURN_WINDOWS

FAST_BURN = BURN_WINDOWS[0].factor
"""The page threshold of the rules that `bellhop slo rules` writes."""


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast a link spends its error budget, over the telemetry's rate window (five minutes)."""

    link: str
    objective: float
    failing: float

    @property
    def rate(self) -> float:
        """Failing share over the share that the objective allows."""
        return self.failing / (1 - self.objective)

    @staticmethod
    def worst(window: Window, network: Network) -> "Burn | None":
        """The link that burns fastest, if any burns fast enough to page."""
        signal = window.signals["logical_success_ratio"]
        burns = [
            Burn(link=link, objective=network.links[link].slo.logical_success, failing=1 - float(value))
            for link, value in zip(signal.subjects, signal.values[:, -1], strict=True)
            if link in network.links and np.isfinite(value)
        ]
        worst = max(burns, key=lambda burn: burn.rate, default=None)
        return worst if worst is not None and worst.rate >= FAST_BURN else None


def alert_body(burn: Burn, *, at: float) -> bytes:
    """The webhook message, version 4, that Alertmanager would post."""
    labels = {"alertname": "LogicalSuccessBurnsFast", "link": burn.link, "severity": "critical"}
    fingerprint = hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{burn.link} spends its error budget at {burn.rate:.0f} times the allowed rate"},
        "startsAt": format_instant(at),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint,
    }
    group = {"alertname": labels["alertname"], "link": burn.link}
    message = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{labels["alertname"]}", link="{burn.link}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "bellhop",
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": alert["annotations"],
        "externalURL": "",
        "alerts": [alert],
    }
    return json.dumps(message).encode()
