"""A real Prometheus on a free loopback port, scraping targets or serving a backfilled database."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

START_TIMEOUT_S = 30.0


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def backfill(openmetrics: str, folder: Path) -> Path:
    """Write OpenMetrics text with timestamps as blocks of a database below `folder`; returns the database."""
    promtool = shutil.which("promtool")
    assert promtool is not None, "mark the test with needs('prometheus')"
    source, database = folder / "samples.om", folder / "data"
    source.write_text(openmetrics, encoding="utf-8")
    arguments = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(source), str(database)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return database


@asynccontextmanager
async def running_prometheus(
    folder: Path,
    *,
    targets: Sequence[str] = (),
    database: Path | None = None,
    rules: str = "",
    alertmanagers: Sequence[str] = (),
    scrape_interval: str = "1s",
    external: str = "",
) -> AsyncIterator[str]:
    """Start Prometheus in `folder` and yield its address once it is ready; it is stopped at the end.

    `targets` and `alertmanagers` are host:port; `rules` the text of a rule file; `external` text added to the
    configuration's top level.
    """
    program = shutil.which("prometheus")
    assert program is not None, "mark the test with needs('prometheus')"
    port = free_port()
    config = _config(
        folder, targets=targets, rules=rules, alertmanagers=alertmanagers, interval=scrape_interval, external=external
    )
    arguments = [
        f"--config.file={config}",
        f"--storage.tsdb.path={database or folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _ready(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _config(
    folder: Path, *, targets: Sequence[str], rules: str, alertmanagers: Sequence[str], interval: str, external: str
) -> Path:
    lines = ["global:", f"  scrape_interval: {interval}", f"  evaluation_interval: {interval}", external]
    if rules:
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        lines += ["rule_files:", f"  - {folder / 'rules.yml'}"]
    if alertmanagers:
        lines += ["alerting:", "  alertmanagers:", f"    - static_configs: [{{targets: {list(alertmanagers)}}}]"]
    if targets:
        lines += ["scrape_configs:", "  - job_name: qnet", f"    static_configs: [{{targets: {list(targets)}}}]"]
    config = folder / "prometheus.yml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


async def _ready(process: asyncio.subprocess.Process, address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(START_TIMEOUT_S):
        while process.returncode is None:
            try:
                if (await client.get(f"{address}/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"Prometheus ended with {process.returncode} before it was ready")
