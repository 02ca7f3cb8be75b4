"""What `bellhop simulate` does: choose a network, write its past, then serve its present until interrupted."""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from bot.clock import FastClock
from bot.errors import BadPayloadError, NotFoundError, UsageError
from bot.model.network import Network
from bot.network_file import load_network
from bot.settings import Secret, load_settings
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from remediation.duration import parse_duration

_FAULT = re.compile(r"^(?P<mode>F\d+):(?P<subject>[^@\s]+)(?:@(?P<delay>\S+))?$")
_SCRAPE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    network: Path | None
    config: Path | None
    host: str
    port: int
    speed: float
    seed: int
    faults: tuple[str, ...]
    token_env: str | None
    ready_file: Path | None
    history: Path | None
    hours: float


def serve(options: Options, *, say: Callable[[str], None]) -> None:
    """Serve until interrupted; raises UsageError for anything the command line asks that cannot be done."""
    token = None if options.token_env is None else Secret(env=options.token_env).read()
    network = _network(options)
    wanted = [parse_fault(text) for text in options.faults]
    now = float(int(time.time()))
    past_s = options.hours * 3600 if options.history is not None else 0.0
    simulation = Simulation(network, seed=options.seed, start=now - past_s)
    for mode, subject, delay_s in wanted:
        _inject(simulation, mode, subject, past_s + delay_s)
    if options.history is not None:
        _write_history(simulation, options.history, now - past_s, now)
        say(f"wrote {options.hours:g} h of history to {options.history}")
    clock = FastClock(start=now, speed=options.speed)
    with _listen(options.host, options.port) as listener:
        port: int = listener.getsockname()[1]
        address = f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}"
        config = uvicorn.Config(create_app(simulation, clock, token), log_config=None, access_log=False, lifespan="off")
        asyncio.run(_serve(uvicorn.Server(config), listener, address, options.ready_file, say))


def parse_fault(text: str) -> tuple[str, str, float]:
    """`F1:LINK@60s` as (mode, subject, delay in s); raises UsageError."""
    match = _FAULT.match(text)
    hint = "write MODE:SUBJECT or MODE:SUBJECT@DELAY, for example F1:ams-rtm@60s"
    if match is None:
        raise UsageError(f"--fault {text!r} is not understood", hint=hint)
    try:
        delay_s = parse_duration(match["delay"]) if match["delay"] else 0.0
    except ValueError as wrong:
        raise UsageError(f"--fault {text!r}: {wrong}", hint=hint) from wrong
    return match["mode"], match["subject"], delay_s


def _inject(simulation: Simulation, mode: str, subject: str, delay_s: float) -> None:
    try:
        simulation.inject(mode, subject, delay_s=delay_s)
    except BadPayloadError as wrong:
        raise UsageError(f"--fault: {wrong.message}") from wrong
    except NotFoundError as wrong:
        raise UsageError(f"--fault: {wrong.message}", hint=f"there are {wrong.hint}") from wrong


def _network(options: Options) -> Network:
    if options.network is not None and options.config is not None:
        raise UsageError("give --network or --config, not both")
    if options.network is not None:
        return load_network(options.network)
    if options.config is not None:
        return load_network(load_settings(options.config).network)
    return demo_network()


def _write_history(simulation: Simulation, path: Path, start: float, end: float) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(openmetrics_history(simulation, start=start, end=end, step=_SCRAPE_S))
    except OSError as wrong:
        raise UsageError(f"--history {path}: {wrong.strerror}") from wrong


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as wrong:
        raise UsageError(f"cannot listen on {host}:{port}: {wrong.strerror}", hint="choose another --port") from wrong


async def _serve(
    server: uvicorn.Server, listener: socket.socket, address: str, ready_file: Path | None, say: Callable[[str], None]
) -> None:
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers no event for this
        await asyncio.sleep(0.01)
    if server.started:
        if ready_file is not None:
            await asyncio.to_thread(ready_file.write_text, address + "\n", encoding="utf-8")
        say(f"simulated network: {address}/metrics, controller {address}/api/v1")
    await task
