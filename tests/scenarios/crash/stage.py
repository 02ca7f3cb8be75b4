"""One runbook on one store: the network warmed up and broken once, then as many stories from there as are asked for.

Everything here runs in one thread and without an event loop, so that it can fork: a new bot is a fork of this
process, with all modules loaded and telemetry's past in memory, as a Prometheus would have kept it.
"""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from bot.app import Bellhop
from bot.cli.demo_alert import Burn, alert_body
from bot.settings import Settings
from bot.simulator import exporter
from bot.simulator.scenarios import SCENARIOS, demo_network, demo_network_path
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.scenarios.crash.life import ASKER, PERSON, Life, Story
from tests.scenarios.crash.plant import SharedClock, serve_network
from tests.scenarios.crash.points import Fate
from tests.scenarios.crash.stores import Database

SPEED = 300.0
"""Simulated seconds in a real one, on an idle machine."""
_WARM_UP_S, _SCRAPE_S, _LONGEST_BURN_S = 2400.0, 15.0, 1800.0
_START = 1_790_000_000.0
"""Any Monday."""
_HEALTHY = "rtm-ein"
_ASKED_FOR = {"replenish-link": "ams-utr", "reroute-flow": "research", "restore-flow": "research"}
"""Runbooks that a person asks for when nothing is wrong, and about what."""


class Stage:
    """The network, simulated at `speed`, and the bot's constant parts."""

    def __init__(self, runbook: str, database: Database, folder: Path, speed: float = SPEED) -> None:
        self.runbook = runbook
        self.database = database
        self.folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.network = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._clock = SharedClock(start=_START, speed=speed)
        self._simulation = Simulation(demo_network(), seed=3, start=_START)
        self._bellhop = Bellhop(self._settings(), self._clock)
        self._live_through(_WARM_UP_S)
        self.story = Story(runbook, _ASKED_FOR.get(runbook, ""), self._trouble(), self.network, folder)
        self._began = self._clock.now()

    def _settings(self) -> Settings:
        return Settings.model_validate(
            {
                "network": demo_network_path(),
                "store": self.database.settings,
                "telemetry": {
                    "source": "embedded",
                    "exporters": [self.network],
                    "scrape_interval": _SCRAPE_S,
                    "history": _WARM_UP_S,
                },
                "controller": {"kind": "simulator", "url": self.network},
                "people": [{"id": each.id, "name": each.name, "roles": each.roles} for each in (PERSON, ASKER)],
                "postmortems": self.folder / "postmortems",
            }
        )

    @property
    def _telemetry(self) -> EmbeddedTelemetry:
        assert isinstance(self._bellhop.telemetry, EmbeddedTelemetry)
        return self._bellhop.telemetry

    def _live_through(self, seconds: float) -> None:
        for _ in range(int(seconds / _SCRAPE_S)):
            self._clock.set(self._clock.now() + _SCRAPE_S)
            self._simulation.advance_to(self._clock.now())
            self._telemetry.feed(self.network, self._clock.now(), exporter.exposition(self._simulation))

    def _trouble(self) -> bytes:
        """The fault, and the alert once the objective burns."""
        scenario = SCENARIOS.get(self.runbook[:2])
        if self.runbook in _ASKED_FOR:
            return b""
        if scenario is None:
            return alert_body(Burn(link=_HEALTHY, objective=0.99, failing=0.3), at=self._clock.now())
        self._simulation.inject(scenario.mode, scenario.subject, severity=scenario.severity, shape=scenario.shape)
        for _ in range(int(_LONGEST_BURN_S / _SCRAPE_S)):
            self._live_through(_SCRAPE_S)
            if burn := self._burning():
                return alert_body(burn, at=self._clock.now())
        raise AssertionError(f"{scenario.mode} on {scenario.subject} burns no objective")

    def _burning(self) -> Burn | None:
        latest = self._telemetry.latest(["logical_success_ratio"], at=self._clock.now())
        try:
            latest.send(None)
        except StopIteration as done:
            return Burn.worst(done.value, self._bellhop.network)
        raise AssertionError("embedded telemetry waits for nothing")

    def begin(self) -> None:
        """Go back to where every story starts; nobody uses the store now."""
        self.database.renew()
        for name in ("armed", "scrapes"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "postmortems", ignore_errors=True)
        self._clock.set(self._began)

    def serve(self, tell: Callable[[str], None]) -> None:
        """Be the network, until killed."""
        serve_network(self._simulation, clock=self._clock, listener=self._listener, folder=self.folder, tell=tell)

    def live(self, tell: Callable[[str], None], fate: Fate) -> None:
        """Be a bot, until killed or until the story is over."""
        Life(self._bellhop, self._clock, self.story).live(tell, fate)

    def look_back(self, scrapes: int) -> int:
        """Learn what earlier bots scraped, as a Prometheus would have kept it; how many scrapes that were in all."""
        path = self.folder / "scrapes"
        lines = path.read_bytes().splitlines() if path.exists() else []
        for at, text in (msgspec.json.decode(line, type=tuple[float, str]) for line in lines[scrapes:]):
            self._telemetry.feed(self.network, at, text)
        return len(lines)
