"""Alert accepted to diagnosis stored and to diagnosis posted: median, 99th percentile, and Prometheus' share.

A real Prometheus with forty backfilled minutes of the demo network, a local Slack over HTTP, a SQLite store; alerts
come one after another, each opening an incident of its own. Run: `python -m benchmarks.response [--alerts N]`.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bot.app import Bellhop
from bot.cli.demo_alert import Burn, alert_body
from bot.http import free_port, http_app, running
from bot.model.event import DiagnosisMade
from bot.model.telemetry import Window
from bot.settings import Settings
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import demo_network, demo_network_path
from bot.simulator.simulation import Simulation
from tests.support.prometheus import backfill, running_prometheus
from tests.support.slack.workspace import Workspace, running_workspace

HISTORY_S, STEP_S = 2400.0, 15.0
GAP_S = 1.3
"""Between alerts: Slack takes about one message a second in a channel."""


class TimedTelemetry:
    """A telemetry source that notes how long its answers take, s."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - either source
        self._inner = inner
        self.spent = 0.0

    async def window(self, signals: Sequence[str], **question: Any) -> Window:  # noqa: ANN401
        """As the source, timed."""
        began = time.perf_counter()
        try:
            window: Window = await self._inner.window(signals, **question)
            return window
        finally:
            self.spent += time.perf_counter() - began

    async def latest(self, signals: Sequence[str], **question: Any) -> Window:  # noqa: ANN401
        """As the source, untimed: no diagnosis asks for it."""
        window: Window = await self._inner.latest(signals, **question)
        return window

    async def aclose(self) -> None:
        """As the source."""
        await self._inner.aclose()


async def measure(folder: Path, alerts: int) -> None:
    """Run and print the table."""
    database = backfill("".join(_history()), folder)
    async with running_workspace() as slack, running_prometheus(folder, database=database) as prometheus:
        channel = slack.add_channel("incidents", slack.add_user("alice"))
        os.environ.update(BENCH_ALERTS="token", BENCH_SLACK=slack.bot_token, BENCH_SIGNING=slack.signing_secret)
        bellhop = Bellhop(_settings(folder, prometheus, slack, channel.id))
        timed = TimedTelemetry(bellhop.telemetry)
        bellhop.observer.telemetry = timed
        try:
            await bellhop.start()
            async with running(http_app(bellhop), free_port()) as address:
                print(_table(await _rounds(bellhop, timed, slack, address, alerts)))
        finally:
            await bellhop.close()


async def _rounds(
    bellhop: Bellhop, timed: TimedTelemetry, slack: Workspace, address: str, alerts: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = []
    async with httpx.AsyncClient(headers={"Authorization": "Bearer token"}, trust_env=False) as client:
        for number in range(1, alerts + 2):
            timed.spent = 0.0
            body = alert_body(Burn(link="ams-rtm", objective=0.99, failing=0.2 + number / 1e4), at=time.time())
            answer = await client.post(
                f"{address}/alerts/alertmanager",
                content=body.replace(b'fingerprint": "', f'fingerprint": "{number:04x}'.encode()),
            )
            answer.raise_for_status()
            accepted = time.perf_counter()
            await _diagnosed(bellhop, f"INC-{number}")
            stored, asked = time.perf_counter(), timed.spent
            await slack.until(lambda number=number: _posted(slack, number), timeout=20)
            rows.append((stored - accepted, time.perf_counter() - accepted, asked))
            await asyncio.sleep(GAP_S)
    return np.array(rows[1:])  # the first warms up: imports, connections


async def _diagnosed(bellhop: Bellhop, incident: str) -> None:
    while True:
        if incident in {view.id for view in await bellhop.journal.incidents(open_only=False)} and any(
            isinstance(event.body, DiagnosisMade) for event in await bellhop.journal.events(incident)
        ):
            return
        await bellhop.store.wait_for_change(0.05)


def _posted(slack: Workspace, number: int) -> bool:
    return any(
        f"INC-{number}" in message.everything_said and "excess loss" in message.everything_said
        for message in slack.messages()
    )


def _history() -> list[str]:
    end = float(int(time.time()))
    simulation = Simulation(demo_network(), seed=5, start=end - HISTORY_S)
    lines = []
    simulation.inject("F1", "ams-rtm", severity=0.7, delay_s=HISTORY_S - 300)
    lines += openmetrics_history(simulation, start=end - HISTORY_S, end=end, step=STEP_S)
    return lines


def _settings(folder: Path, prometheus: str, slack: Workspace, channel: str) -> Settings:
    return Settings.model_validate(
        {
            "network": demo_network_path(),
            "store": {"url": f"sqlite:///{folder / 'bench.db'}"},
            "intake": {"alertmanager": {"bearer_token": {"env": "BENCH_ALERTS"}}},
            "telemetry": {"prometheus": {"url": prometheus}, "scrape_interval": 60},
            "slack": {
                "mode": "http",
                "bot_token": {"env": "BENCH_SLACK"},
                "signing_secret": {"env": "BENCH_SIGNING"},
                "channel": channel,
                "api_url": slack.base_url,
            },
            "incidents": {"join_window": 0.001},
            "runbooks": {"auto": False},
            "postmortems": folder,
        }
    )


def _table(rows: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    stored, posted, asked = (1000 * rows[:, column] for column in range(3))
    lines = [f"{len(rows)} alerts, ms                     median      p99"]
    for name, values in (("accepted -> diagnosis stored", stored), ("accepted -> diagnosis posted", posted)):
        lines.append(f"{name:32} {np.median(values):8.1f} {np.quantile(values, 0.99):8.1f}")
    lines.append(f"{'of it in Prometheus':32} {np.median(asked):8.1f} {np.quantile(asked, 0.99):8.1f}")
    lines.append(f"Prometheus' share of the way to the stored diagnosis: {np.median(asked / stored):.0%}")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), arguments.alerts))


if __name__ == "__main__":
    main()
