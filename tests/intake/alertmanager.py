"""A real Alertmanager on a free loopback port that delivers to a webhook."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from bot.http import free_port

START_TIMEOUT_S = 30.0
CONFIG = """
route: {{receiver: bellhop, group_by: {group_by}, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: bellhop
    webhook_configs:
      - url: {webhook}
        max_alerts: {max_alerts}
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@asynccontextmanager
async def running_alertmanager(
    folder: Path, *, webhook: str, token: str, max_alerts: int = 0, group_by: Sequence[str] = ("alertname",)
) -> AsyncIterator[httpx.AsyncClient]:
    """Start it in `folder` and yield a client of its API; it is stopped at the end."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    assert program is not None, "mark the test with needs('alertmanager')"
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG.format(webhook=webhook, token=token, max_alerts=max_alerts, group_by=list(group_by)))
    port = free_port()
    arguments = [f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, *arguments, f"--web.listen-address=127.0.0.1:{port}", stdout=quiet, stderr=quiet
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as api:
            await _ready(process, api)
            yield api
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def fire(api: httpx.AsyncClient, *alerts: Mapping[str, str], **times: str) -> None:
    """Post alerts by their labels; `times` are startsAt and endsAt."""
    content: list[dict[str, Any]] = [{"labels": dict(labels), **times} for labels in alerts]
    (await api.post("/api/v2/alerts", json=content)).raise_for_status()


async def _ready(process: asyncio.subprocess.Process, api: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while process.returncode is None:
            try:
                if (await api.get("/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"Alertmanager ended with {process.returncode} before it was ready")
