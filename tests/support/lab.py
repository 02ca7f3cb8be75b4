"""A laboratory for whole-system tests: the simulated network over HTTP, and `bellhop serve` as a process beside it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import yaml

from bot.clock import FastClock
from bot.http import free_port, running
from bot.simulator.scenarios import demo_network, demo_network_path
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation

BELLHOP = Path(sys.executable).with_name("bellhop")
TOKEN = "alert-token"
SPEED = 10.0
"""Simulated seconds in a real one: a minute's realignment takes six."""
PATIENCE_S = 120.0


@dataclass
class Lab:
    """The network and where it is."""

    simulation: Simulation
    address: str

    @property
    def done(self) -> list[str]:
        """The operations that the controller was ever asked for, in order."""
        return [job.request.operation for job in self.simulation.ledger.jobs]


@asynccontextmanager
async def running_lab(*, seed: int = 3) -> AsyncIterator[Lab]:
    """The demo network, alive at SPEED."""
    clock = FastClock(start=float(int(time.time())), speed=SPEED)
    simulation = Simulation(demo_network(), seed=seed, start=clock.now())
    async with running(create_app(simulation, clock), free_port()) as address:
        yield Lab(simulation, address)


def quick_runbooks(folder: Path) -> Path:
    """The shipped runbooks with short verification: what they hold for a minute, these hold for two seconds."""
    target = folder / "runbooks"
    target.mkdir()
    for source in Path(str(resources.files("runbooks"))).glob("*.yaml"):
        text = source.read_text(encoding="utf-8").replace("for: 1m", "for: 2s")
        (target / source.name).write_text(text, encoding="utf-8")
    return target


def configuration(folder: Path, lab: Lab, **blocks: Any) -> dict[str, Any]:
    """bellhop.yaml for a bot on the lab, time windows a thirtieth of the usual."""
    shutil.copy(demo_network_path(), folder / "network.yaml")
    return {
        "network": "network.yaml",
        "store": {"url": "sqlite:///data/bellhop.db"},
        "http": {"port": free_port()},
        "intake": {"alertmanager": {"bearer_token": {"env": "ALERT_TOKEN"}}},
        "telemetry": {
            "source": "embedded",
            "exporters": [lab.address],
            "scrape_interval": "1s",
            "rate_window": "10s",
            "step": "1s",
            "history": "5m",
        },
        "controller": {"kind": "simulator", "url": lab.address},
        "people": [{"id": f"cli:{_user()}", "name": "tester", "roles": ["approver"]}],
        "incidents": {"recovery_hold": "2s"},
        "runbooks": {"directory": str(quick_runbooks(folder))},
        **blocks,
    }


def _user() -> str:
    import getpass

    return getpass.getuser()


@dataclass
class BotProcess:
    """`bellhop serve` on a folder's bellhop.yaml."""

    folder: Path
    content: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.content['http']['port']}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        (self.folder / "bellhop.yaml").write_text(yaml.safe_dump(dict(self.content)), encoding="utf-8")
        await asyncio.to_thread(self._spawn)
        await until(self._listens, "the bot listens", log=self.folder / "serve.log")

    def _spawn(self) -> None:
        arguments: list[str | Path] = [BELLHOP, "serve", "--config", self.folder / "bellhop.yaml"]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, env=self._environment())

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A bellhop command on the same configuration, whether the bot runs or not."""
        return subprocess.run(
            [BELLHOP, *arguments, "--config", self.folder / "bellhop.yaml"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self._environment(),
        )

    def shows(self, *words: str) -> bool:
        """Whether `bellhop incident show INC-1` says all of these."""
        told = self.command("incident", "show", "INC-1").stdout
        return all(word in told for word in words)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "ALERT_TOKEN": TOKEN, "COLUMNS": "200", **self.secrets}

    async def _listens(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError((self.folder / "serve.log").read_text(encoding="utf-8")[-2000:])
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.address}/healthz")).is_success
        except httpx.TransportError:
            return False


async def until(
    condition: Callable[[], Any], what: str, *, patience_s: float = PATIENCE_S, log: Path | None = None
) -> None:
    """Wait for a condition, plain or async, looked at again and again; fails with `what` and the end of `log`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.1)
    told = await asyncio.to_thread(log.read_text, encoding="utf-8") if log else ""
    raise AssertionError(f"waited {patience_s:g} s in vain: {what}\n{told[-3000:]}")


async def shown(bot: BotProcess, *words: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until `bellhop incident show INC-1` says all of these."""

    async def look() -> bool:
        return await asyncio.to_thread(bot.shows, *words)

    await until(look, f"incident show says {words}", patience_s=patience_s, log=bot.folder / "serve.log")
