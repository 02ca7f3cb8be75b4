"""How fast one window of all signals comes from a real Prometheus, as ratios to prometheus-api-client, in one run.

    python benchmarks/telemetry.py [--json] [--links N] [--repeats N]

Needs prometheus and promtool on PATH. Every contender asks the same queries (one per signal, for all links), one hour
in steps of 15 s, in a fresh process, in turn with the others; told are the shortest time, the CPU time of that
process, and by how much its memory peak rose above that before the first question. prometheus-api-client stops at
parsed JSON; Bellhop's numbers include the arrays, and the judgement of every value.
"""

import argparse
import asyncio
import json
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot.settings import Far
from bot.telemetry.catalogue import BUCKETS, CATALOGUE, METRICS, promql
from bot.telemetry.prometheus import PrometheusTelemetry

START, HOUR_S, STEP_S, LEAD_S = 1_767_225_600 + 1200, 3600, 15, 600
"""The window begins 20 minutes into a day, so that one block of the database holds it and what comes before."""
BOUNDS = ("0.001", "0.01", "0.05", "0.1", "0.5", "1", "2.5", "10", "+Inf")
LINKS_PER_NODE, PATIENCE_S = 4, 300.0
Told = dict[str, float]


def write_samples(path: Path, links: int) -> int:
    """OpenMetrics of every metric of the contract that a signal reads; returns the number of samples. Seed 1."""
    draw = np.random.default_rng(1)
    instants = np.arange(START - LEAD_S, START + HOUR_S + 1, STEP_S)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for metric, of in METRICS.items():
            for subject in range(links if of == "link" else max(2, links // LINKS_PER_NODE)):
                for name, labels, mean in _series(metric):
                    values = _values(draw, name, mean, instants.size)
                    head = f'{name}{{{of}="{of}-{subject:05}"{labels}}} '
                    file.writelines(f"{head}{value:.9g} {at}\n" for value, at in zip(values, instants, strict=True))
                    count += instants.size
        file.write("# EOF\n")
    return count


def _series(metric: str) -> Iterator[tuple[str, str, float]]:
    """(name, further labels, mean increment per scrape, 0 for gauges) of a subject's series."""
    if metric in BUCKETS:
        yield from ((f"{metric}_bucket", f',le="{bound}"', 20.0 * place) for place, bound in enumerate(BOUNDS, 1))
    elif metric == "qnet_logical_transfers_total":
        yield from ((metric, f',result="{result}"', 100.0) for result in ("success", "failure"))
    elif metric == "qnet_firmware_info":
        yield metric, ',version="2.3.1"', 0.0
    else:
        whole = metric in {
            "qnet_entanglement_attempts_total",
            "qnet_physical_qubits_sent_total",
            "qnet_syndrome_rounds_total",
        }
        yield metric, "", (500.0 if whole else 100.0) if metric.endswith("_total") else 0.0


def _values(draw: np.random.Generator, name: str, mean: float, size: int) -> list[float]:
    if mean:
        return [float(value) for value in np.cumsum(draw.poisson(mean, size))]
    lift = 1.0 if name.endswith("_capacity_pairs") else 0.0
    return [float(value) + lift for value in np.round(draw.uniform(0.05, 0.95, size), 6)]


@contextmanager
def prometheus_with(links: int) -> Iterator[tuple[str, int]]:
    """A Prometheus on loopback with the samples of `links` links: its address, and how many samples it has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = write_samples(folder / "samples.om", links)
        made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
        subprocess.run([*made, str(folder / "samples.om"), str(folder / "data")], check=True, capture_output=True)
        (folder / "samples.om").unlink()
        with _running(folder) as address:
            yield address, count


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": "100y",
        "web.listen-address": f"127.0.0.1:{port}",
        "query.timeout": f"{PATIENCE_S:g}s",
        "log.level": "error",
    }
    with subprocess.Popen(["prometheus", *(f"--{name}={value}" for name, value in options.items())]) as process:
        try:
            _await_ready(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _await_ready(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def bellhop(address: str) -> Callable[[], Told]:
    """The window as the bot reads it."""

    async def read() -> Told:
        source = PrometheusTelemetry(Far(url=address, timeout=PATIENCE_S))
        try:
            window = await source.window(list(CATALOGUE), start=START, end=START + HOUR_S, step=STEP_S)
        finally:
            await source.aclose()
        values = [signal.values for signal in window.signals.values()]
        return {"samples": float(sum(np.isfinite(each).sum() for each in values))}

    return lambda: asyncio.run(read())


def api_client(address: str, headers: Mapping[str, str] | None = None) -> Callable[[], Told]:
    """The same queries through prometheus-api-client; like Bellhop it keeps all answers until the last is there."""
    from prometheus_api_client import PrometheusConnect  # noqa: PLC0415 - half a second that is not measured

    client = PrometheusConnect(url=address, headers=dict(headers or {}), timeout=PATIENCE_S)
    span = (datetime.fromtimestamp(START, UTC), datetime.fromtimestamp(START + HOUR_S, UTC))
    queries = [promql(signal, rate_window_s=300.0, names={}, matchers={}) for signal in CATALOGUE.values()]

    def read() -> Told:
        answers = [client.custom_query_range(query, *span, f"{STEP_S}s") for query in queries]
        return {"samples": float(sum(len(series["values"]) for answer in answers for series in answer))}

    return read


CONTENDERS: Mapping[str, Callable[[str], Callable[[], Told]]] = {
    "bellhop": bellhop,
    "api_client": api_client,
    "api_client_uncompressed": lambda address: api_client(address, {"Accept-Encoding": "identity"}),
}


def measure(name: str, address: str) -> Told:
    """One reading in this process: wall and CPU seconds, rise of the memory peak in MB, samples."""
    read = CONTENDERS[name](address)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    told = read()
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return told | {"s": seconds, "cpu_s": cpu, "peak_mb": (after.ru_maxrss - before.ru_maxrss) / 1024}


def compare(address: str, repeats: int) -> Told:
    """All contenders in turn, each reading in a fresh process; all must have got the same number of samples."""
    runs: dict[str, list[Told]] = {name: [] for name in CONTENDERS}
    for _ in range(repeats):
        for name, readings in runs.items():
            command = [sys.executable, __file__, "--measure", name, "--address", address]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            readings.append(json.loads(answer.stdout))
    best = {name: {key: min(each[key] for each in readings) for key in readings[0]} for name, readings in runs.items()}
    if len({row["samples"] for row in best.values()}) != 1:
        raise SystemExit(f"the contenders did not read the same: {best}")
    told = {f"{name}_{key}": value for name, row in best.items() for key, value in row.items()}
    for name in ("api_client", "api_client_uncompressed"):
        told |= {
            f"{name}_over_bellhop_{key}": best[name][key] / best["bellhop"][key] for key in ("s", "cpu_s", "peak_mb")
        }
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    """Print every number, as text or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--links", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    if wanted.measure:
        print(json.dumps(measure(wanted.measure, wanted.address)))
        return
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        parser.error("prometheus and promtool must be on PATH")
    with prometheus_with(wanted.links) as (address, count):
        told = {"links": float(wanted.links), "samples_stored": float(count), **compare(address, wanted.repeats)}
    if wanted.json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:44} {value:14.6g}")


if __name__ == "__main__":
    main()
