"""How many alerts per second are accepted, each on disk before its answer, as ratios to Alertmanager, in one run.

    python benchmarks/intake.py [--json] [--seconds S] [--rounds N]

Needs prometheus-alertmanager (or alertmanager) on PATH, and Linux for the CPU time. Both get the same alerts over the
same client and number of connections, in turn, round by round: Alertmanager at POST /api/v2/alerts, which keeps them in
memory, Bellhop at its webhook, which commits them to SQLite first. Told are the medians of the rounds. At the end both
are killed, and it is counted what Bellhop's inbox holds.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from bot.clock import SystemClock
from bot.far_settings import Secret
from bot.http import free_port, running
from bot.intake.counters import IntakeCounters
from bot.intake.door import intake_routes
from bot.intake.inbox import Inbox
from bot.intake_settings import AlertmanagerSettings, IntakeSettings
from bot.model.time import format_instant
from bot.store import Store

MOST_REQUESTS_PER_S = {1: 30_000, 10: 10_000, 100: 2_500}
"""Alerts per request -> requests made ready per second of a measurement: more than either has answered."""
SIZES, CONNECTIONS, START_TIMEOUT_S = tuple(MOST_REQUESTS_PER_S), 32, 30.0
TOKEN = "benchmark"
CONFIG = "route: {receiver: nobody, group_by: [alertname]}\nreceivers: [{name: nobody}]\n"
Told = dict[str, float]


@dataclass
class Contender:
    """A server that accepts alerts."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    accepted: int = 0

    def cpu_s(self) -> float:
        """CPU time of its process so far, s."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(contender: str, first: int, size: int, now: str) -> bytes:
    """One HTTP request with `size` alerts, the same for both but for what stands around them."""
    alerts: list[dict[str, Any]] = [
        {
            "labels": {
                "alertname": "LogicalSuccessBurn",
                "link": f"link-{number:08}",
                "network": "metro",
                "severity": "critical",
            },
            "annotations": {"summary": "Logical success rate 0.91 below SLO 0.99"},
            "startsAt": now,
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=x",
        }
        for number in range(first, first + size)
    ]
    if contender == "alertmanager":
        path, body = "/api/v2/alerts", json.dumps(alerts).encode()
    else:
        wire = [each | {"status": "firing", "fingerprint": each["labels"]["link"]} for each in alerts]
        message = {"version": "4", "groupKey": "{}:{}", "receiver": "bellhop", "status": "firing", "alerts": wire}
        path, body = "/alerts/alertmanager", json.dumps(message).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def post(port: int, requests: Iterator[bytes]) -> int:
    """Send requests one after another on one connection; how many were answered with 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    for each in requests:
        writer.write(each)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"port {port} answers {head.splitlines()[0].decode()}")
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


async def measure(contender: Contender, size: int, seconds: float, first: int) -> tuple[float, float, int]:
    """(alerts per second, CPU s per alert, alerts) for requests of `size` alerts, made beforehand."""
    now = format_instant(time.time())
    most = int(seconds * MOST_REQUESTS_PER_S[size])
    prepared = [request(contender.name, first + place * size, size, now) for place in range(most)]
    requests, until = iter(prepared), time.perf_counter() + seconds
    cpu, start = contender.cpu_s(), time.perf_counter()

    def in_time() -> Iterator[bytes]:
        while time.perf_counter() < until and (each := next(requests, None)) is not None:
            yield each

    answered = await asyncio.gather(*(post(contender.port, in_time()) for _ in range(CONNECTIONS)))
    took, alerts = time.perf_counter() - start, sum(answered) * size
    contender.accepted += sum(answered)
    return alerts / took, (contender.cpu_s() - cpu) / alerts, len(prepared) * size


async def serve(folder: Path, port: int) -> None:
    """Bellhop's door over a SQLite file, as `bellhop serve` opens it, until killed."""
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    settings = AlertmanagerSettings(bearer_token=Secret(file=folder / "token"))
    routes = intake_routes(IntakeSettings(alertmanager=settings), Inbox(store), SystemClock(), IntakeCounters())
    async with running(Starlette(routes=routes), port):
        await asyncio.Event().wait()


@contextmanager
def contenders(folder: Path) -> Iterator[list[Contender]]:
    """Both servers, each in its own process; killed at the end."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        raise SystemExit("prometheus-alertmanager is not on PATH")
    (folder / "alertmanager.yml").write_text(CONFIG)
    (folder / "token").write_text(TOKEN)
    ports = free_port(), free_port()
    commands = {
        "alertmanager": [program, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'am'}",
                         "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{ports[0]}"],
        "bellhop": [sys.executable, __file__, "--serve", str(folder), str(ports[1])],
    }  # fmt: skip
    quiet = subprocess.DEVNULL
    started = [
        Contender(name, subprocess.Popen(command, stdout=quiet, stderr=quiet), port)
        for (name, command), port in zip(commands.items(), ports, strict=True)
    ]
    try:
        for each in started:
            wait_for(each)
        yield started
    finally:
        for each in started:
            each.process.kill()
            each.process.wait()


def wait_for(contender: Contender) -> None:
    """Until it accepts connections."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and contender.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", contender.port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{contender.name} does not start")


async def kept(folder: Path) -> int:
    """How many bodies the inbox holds."""
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    rows = await store.read(lambda transaction: transaction.inbox_take(10_000_000))
    await store.close()
    return len(rows)


def compare(seconds: float, rounds: int) -> Told:
    """Every number."""
    told: Told = {}
    with tempfile.TemporaryDirectory() as place:
        folder, first = Path(place), 0
        with contenders(folder) as servers:
            for size in SIZES:
                seen: dict[str, list[tuple[float, float]]] = {each.name: [] for each in servers}
                for _ in range(rounds):
                    for server in servers:
                        rate, cpu, used = asyncio.run(measure(server, size, seconds, first))
                        seen[server.name].append((rate, cpu))
                        first += used
                for name, pairs in seen.items():
                    told[f"{name}_{size}_per_s"] = statistics.median(rate for rate, _ in pairs)
                    told[f"{name}_{size}_cpu_us"] = 1e6 * statistics.median(cpu for _, cpu in pairs)
                for unit in ("per_s", "cpu_us"):
                    told[f"ratio_{size}_{unit}"] = told[f"bellhop_{size}_{unit}"] / told[f"alertmanager_{size}_{unit}"]
        told["accepted"] = servers[1].accepted
        told["kept_after_kill"] = asyncio.run(kept(folder))
    return told


def main() -> None:
    """Print a small table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        asyncio.run(serve(Path(wanted.serve[0]), int(wanted.serve[1])))
        return
    told = compare(wanted.seconds, wanted.rounds)
    if wanted.json:
        print(json.dumps(told))
        return
    print(f"{'alerts per request':>18} {'alertmanager/s':>15} {'bellhop/s':>12} {'ratio':>7} {'CPU ratio':>10}")
    for size in SIZES:
        rates = f"{told[f'alertmanager_{size}_per_s']:15.0f} {told[f'bellhop_{size}_per_s']:12.0f}"
        print(f"{size:18} {rates} {told[f'ratio_{size}_per_s']:7.2f} {told[f'ratio_{size}_cpu_us']:10.2f}")
    print(f"after kill -9: {told['kept_after_kill']:.0f} of {told['accepted']:.0f} accepted deliveries are kept")


if __name__ == "__main__":
    main()
