"""Every kind of controller: certificates on both sides, rotated tokens, redirects that lead credentials away."""

import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from bot.far import open_client
from bot.far_settings import Basic, Far, Secret
from remediation.contract import Ports
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, Misbehaving, NoReadings, answers, listening
from tests.remediation.simulated import START, Messages
from tests.remediation.test_misbehaving_far_sides import KEY, KINDS, known

needs_openssl = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two certificates for 127.0.0.1 that sign themselves, `far` and `own`, each in one file with its key."""
    folder, made = tmp_path_factory.mktemp("certificates"), {}
    for name in ("far", "own"):
        made[name] = folder / f"{name}.pem"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        key = str(folder / f"{name}.key")
        subprocess.run(
            [*command.split(), *subject, "-keyout", key, "-out", str(made[name])], check=True, capture_output=True
        )
        made[name].write_text(made[name].read_text() + Path(key).read_text())
    return made


def well(name: str) -> Misbehaving:
    """A far side of this kind that does what it is asked."""
    kind = KINDS[name]
    looks = [*[kind.running] * kind.looks_before, kind.done]
    return Misbehaving(state=kind.state, submit=kind.accepted, status=looks)


async def done(name: str, far: Far) -> dict[str, Any]:
    """The envelope of an act, through a client as the bot opens it."""
    async with acting(name, far) as act:
        return await act(KEY)


@asynccontextmanager
async def acting(name: str, far: Far) -> AsyncIterator[Callable[[str], Awaitable[dict[str, Any]]]]:
    """A function that does the act under a key, all through one client."""
    kind, clock = KINDS[name], LeapingTime(START)
    async with open_client(far) as client:
        ports = Ports(kind.build(client, clock.now), NoReadings(), Messages(), clock)

        async def act(key: str) -> dict[str, Any]:
            asked = Act("step", "Step", "run", 1, kind.action, kind.parameters, key, LONGEST_ACT_S)
            return await perform(asked, ports, ACTIONS)

        yield act


def context(pems: dict[str, Path], *, asks: bool) -> ssl.SSLContext:
    """TLS of the far side; `asks`: it takes only who shows `own`."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pems["far"])
    if asks:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(pems["own"])
    return tls


@needs_openssl
@pytest.mark.parametrize("name", KINDS)
async def test_far_side_and_bot_know_each_other_by_their_certificates(name: str, pems: dict[str, Path]) -> None:
    """The yardstick."""
    server = well(name)
    async with listening(server, context(pems, asks=True)) as address:
        envelope = await done(name, Far(url=address, ca_file=pems["far"], cert_file=pems["own"]))
    assert (envelope["error"], *known(envelope)) == ("", True, False, True)


@needs_openssl
@pytest.mark.parametrize("name", KINDS)
async def test_far_side_with_a_wrong_certificate_is_asked_nothing(name: str, pems: dict[str, Path]) -> None:
    """It may be somebody else: nothing is sent, nothing has happened, and trying again does not help."""
    server = well(name)
    async with listening(server, context(pems, asks=False)) as address:
        envelope = await done(name, Far(url=address, ca_file=pems["own"]))
    assert known(envelope) == (False, False, False)
    assert "is not trusted: self-signed certificate; check ca_file and the address" in envelope["error"]
    assert server.requests == []


@needs_openssl
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shown", [None, "far"])
async def test_far_side_that_does_not_know_our_certificate_did_nothing(
    name: str, shown: str | None, pems: dict[str, Path]
) -> None:
    """It says so only where its first answer is due, sometimes through a bare error of TLS, sometimes by a reset."""
    server = well(name)
    async with listening(server, context(pems, asks=True)) as address:
        far = Far(url=address, ca_file=pems["far"], cert_file=pems[shown] if shown else None)
        for _ in range(5):
            envelope = await done(name, far)
            assert (envelope["ok"], envelope["happened"]) == (False, False)
            assert "does not trust us" in envelope["error"] or "broke off" in envelope["error"]
    assert server.requests == []


@pytest.mark.parametrize("name", KINDS)
async def test_token_that_is_rotated_counts_from_the_next_request_on(name: str, tmp_path: Path) -> None:
    """While its file is away, in the middle of a rotation, the last one goes on."""
    file, server = tmp_path / "token", well(name)
    file.write_text("the-first-token\n", encoding="utf-8")
    async with listening(server) as address, acting(name, Far(url=address, bearer_token=Secret(file=file))) as act:
        seen = []
        for at, token in enumerate(("the-first-token", "the-second-token", None)):
            file.write_text(token, encoding="utf-8") if token else file.unlink()
            server.requests.clear()
            await act(f"{KEY}-{at}")
            seen.append({request.headers["authorization"] for request in server.requests})
    assert seen == [{"Bearer the-first-token"}, {"Bearer the-second-token"}, {"Bearer the-second-token"}]


async def test_password_that_is_rotated_counts_too_and_must_be_there_at_the_start(tmp_path: Path) -> None:
    """A start without it is refused in one line."""
    file, server = tmp_path / "password", well("http")
    far = Far(url="http://127.0.0.1:9", basic=Basic(user="bell", password=Secret(file=file)))
    with pytest.raises(UsageError, match="password cannot be read"):
        open_client(far)
    file.write_text("first", encoding="utf-8")
    async with listening(server) as address, acting("http", far.model_copy(update={"url": address})) as act:
        await act(KEY)
        file.write_text("second", encoding="utf-8")
        await act(f"{KEY}-2")
    sent = [request.headers["authorization"] for request in server.requests]
    assert (sent[0], sent[-1]) == ("Basic YmVsbDpmaXJzdA==", "Basic YmVsbDpzZWNvbmQ=")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_to_another_host_is_not_followed_and_takes_no_credentials_along(
    name: str, status: int, tmp_path: Path
) -> None:
    """Neither before the act nor for it."""
    file = tmp_path / "token"
    file.write_text("the-token", encoding="utf-8")
    other = Misbehaving()
    async with listening(other) as elsewhere:
        away = answers({}, status=status, more=f"Location: {elsewhere}/")
        for what in ("state", "submit", "status"):
            server = well(name)
            server.scripts[what] = [away]
            async with listening(server) as address:
                envelope = await done(name, Far(url=address, bearer_token=Secret(file=file)))
            assert envelope["ok"] is False
            assert f"answers {status}" in envelope["error"]
    assert other.requests == []
