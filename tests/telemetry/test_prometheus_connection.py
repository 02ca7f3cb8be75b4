"""What the settings say about authentication, headers and TLS is what arrives at the far side."""

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import TelemetryUnavailableError, UsageError
from bot.settings import Basic, Far, Secret
from bot.telemetry.discovery import Discovery
from bot.telemetry.prometheus import PrometheusTelemetry
from tests.support.prometheus import Asked, Reply, far_side, matrix

AT = 1_767_225_600.0
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")


def answering(asked: Asked) -> Reply:
    """Empty answers in both forms."""
    vector = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
    return Reply(matrix([]) if asked.path.endswith("query_range") else vector)


async def ask(far: Far) -> None:
    """One window and one instant question."""
    source = PrometheusTelemetry(far)
    try:
        await source.latest(["qber"], at=AT)
    finally:
        await source.aclose()
    await Discovery(far).instant("up")


async def test_a_bearer_token_is_sent_with_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from the environment when the source is opened."""
    monkeypatch.setenv("TEST_PROMETHEUS_TOKEN", "s3cret")
    with far_side(answering) as side:
        await ask(Far(url=side.address, bearer_token=Secret(env="TEST_PROMETHEUS_TOKEN")))
        assert [each.headers["authorization"] for each in side.asked] == ["Bearer s3cret"] * 2


async def test_basic_authentication_is_sent_with_every_question(tmp_path: Path) -> None:
    """The password comes from a file, without its closing newline."""
    (tmp_path / "password").write_text("pä:ss\n", encoding="utf-8")
    with far_side(answering) as side:
        await ask(Far(url=side.address, basic=Basic(user="bell", password=Secret(file=tmp_path / "password"))))
        for each in side.asked:
            scheme, _, credentials = each.headers["authorization"].partition(" ")
            assert scheme == "Basic"
            assert base64.b64decode(credentials) == "bell:pä:ss".encode()


async def test_extra_headers_are_sent_with_every_question() -> None:
    """Mimir and Thanos choose a tenant by header; answers are asked for uncompressed."""
    with far_side(answering) as side:
        await ask(Far(url=side.address, headers={"X-Scope-OrgID": "quantum"}))
        assert [each.headers["x-scope-orgid"] for each in side.asked] == ["quantum"] * 2
        assert side.asked[0].headers["accept-encoding"] == "identity"


async def test_a_path_before_the_api_is_kept() -> None:
    """Mimir serves the API below /prometheus."""
    with far_side(answering) as side:
        await ask(Far(url=f"{side.address}/prometheus/"))
        paths = [each.path.partition("?")[0] for each in side.asked]
        assert paths == ["/prometheus/api/v1/query_range", "/prometheus/api/v1/query"]


async def test_a_missing_secret_is_a_usage_error() -> None:
    """Said when the source is opened, with the variable's name."""
    with pytest.raises(UsageError, match="TEST_ABSENT_TOKEN"):
        PrometheusTelemetry(Far(url="http://127.0.0.1:9", bearer_token=Secret(env="TEST_ABSENT_TOKEN")))


async def test_a_ca_file_that_is_no_certificate_is_a_usage_error(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    for name in ("ca.pem", "absent.pem"):
        with pytest.raises(UsageError, match=name):
            PrometheusTelemetry(Far(url="https://127.0.0.1:9", ca_file=tmp_path / name))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    names = [str(folder / "server.pem"), str(folder / "server.key")]
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    extra = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]]
    subprocess.run([*command.split(), *extra], check=True, capture_output=True)
    return names[0], names[1]


@needs_openssl
async def test_the_ca_file_decides_whom_to_trust(certificate: tuple[str, str]) -> None:
    """With the file both kinds of question arrive; without it the certificate is refused."""
    with far_side(answering, certificate=certificate) as side:
        await ask(Far(url=side.address, ca_file=Path(certificate[0])))
        assert len(side.asked) == 2
        stranger = Far(url=side.address)
        source = PrometheusTelemetry(stranger)
        try:
            with pytest.raises(TelemetryUnavailableError, match=r"cannot be reached.*certificate"):
                await source.latest(["qber"], at=AT)
        finally:
            await source.aclose()
        with pytest.raises(TelemetryUnavailableError, match="cannot be reached"):
            await Discovery(stranger).instant("up")
        assert len(side.asked) == 2, "nothing was sent to a stranger"


async def test_secrets_do_not_show_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The far side may fail; what was sent to it stays out of the line."""
    monkeypatch.setenv("TEST_PROMETHEUS_TOKEN", "s3cret")
    replies: list[Callable[[Asked], Reply]] = [lambda _: Reply(b"no", 401), lambda _: Reply(b"oops")]
    for reply in replies:
        with far_side(reply) as side, pytest.raises(TelemetryUnavailableError) as caught:
            await ask(Far(url=side.address, bearer_token=Secret(env="TEST_PROMETHEUS_TOKEN")))
        assert "s3cret" not in str(caught.value)
