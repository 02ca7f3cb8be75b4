"""`bellhop simulate` as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.errors import UsageError
from bot.simulator.command import parse_fault


def told(ready: Path) -> str:
    """The address in the ready file, or nothing while its line is not complete."""
    text = ready.read_text(encoding="utf-8") if ready.exists() else ""
    return text.strip() if text.endswith("\n") else ""


@asynccontextmanager
async def simulating(ready: Path, *options: str) -> AsyncIterator[httpx.AsyncClient]:
    """The running command on a free port, and a client of it."""
    arguments = ["-m", "bot", "simulate", "--port", "0", "--ready-file", str(ready), *options]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(30):
            while not (address := told(ready)):
                assert process.returncode is None, (await process.communicate())[1].decode()
                await asyncio.sleep(0.02)
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def failing(*options: str) -> tuple[int | None, str]:
    """Exit code and standard error of a command line that is wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "simulate", *options, stdout=-3, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_it_serves_metrics_faults_and_the_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fault from the command line, a token from the environment, and its past written as OpenMetrics."""
    monkeypatch.setenv("TEST_SIMULATOR_TOKEN", "s3cret")
    past = tmp_path / "past.om"
    options = ("--fault", "F1:ams-rtm", "--token-env", "TEST_SIMULATOR_TOKEN", "--history", str(past), "--hours", "0.1")
    async with simulating(tmp_path / "ready", *options) as client:
        assert 'qnet_device_up{node="ams"} 1' in (await client.get("/metrics")).text
        assert [fault["mode"] for fault in (await client.get("/api/v1/faults")).json()] == ["F1"]
        assert (await client.post("/api/v1/operations")).status_code == 401
    text = past.read_text(encoding="utf-8")
    assert text.endswith("# EOF\n")
    assert text.count('qnet_device_up{node="ams"}') == 0.1 * 3600 / 15 + 1


WRONG = {
    "an unknown mode": (("--fault", "F9:ams-rtm"), "F9"),
    "an unknown link": (("--fault", "F1:nowhere"), "nowhere"),
    "no subject": (("--fault", "F1"), "MODE:SUBJECT"),
    "no delay": (("--fault", "F1:ams-rtm@soon"), "soon"),
    "no token": (("--token-env", "TEST_ABSENT_TOKEN"), "TEST_ABSENT_TOKEN"),
    "no network": (("--network", "absent.yaml"), "absent.yaml"),
    "two networks": (("--network", "a.yaml", "--config", "b.yaml"), "not both"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_command_line_is_one_clear_line(name: str) -> None:
    """Exit code 2, what was wrong, no traceback."""
    options, said = WRONG[name]
    code, errors = await failing("--port", "0", *options)
    assert code == 2
    assert said in errors
    assert "Traceback" not in errors


def test_faults_are_written_as_mode_subject_and_delay() -> None:
    """Colons and at signs part them."""
    assert parse_fault("F1:ams-rtm") == ("F1", "ams-rtm", 0.0)
    assert parse_fault("F8:ein@5m") == ("F8", "ein", 300.0)
    with pytest.raises(UsageError):
        parse_fault("F1@60s")
