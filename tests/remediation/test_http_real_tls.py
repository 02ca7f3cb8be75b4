"""The mapped HTTP controller and a real Apache that wants our certificate: each fault is one clear line, and no act."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bot.far import open_client
from bot.far_settings import Far
from bot.http import free_port
from remediation.contract import Target
from remediation.controllers.mapping import load_mapping
from remediation.errors import ControllerError
from tests.remediation.apache_side import MAPPING, Side
from tests.support.apache import Apache, needs_apache, running_apache
from tests.support.certificates import write_certificates

pytestmark = [needs_apache, pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")]
LINK = Target("link", "ams-utr")
HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLProtocol {protocol}
    SSLCertificateFile {{folder}}/{far}.pem
    SSLCACertificateFile {{folder}}/authority.pem
    SSLVerifyClient require
</VirtualHost>
"""
HOSTS = {"TLSv1.3": ("TLSv1.3", "far"), "TLSv1.2": ("TLSv1.2", "far"), "late": ("all", "late-far")}
"""Protocol and certificate."""


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The port of each host."""
    return {host: free_port() for host in HOSTS}


@pytest.fixture(scope="module")
def apache(ports: dict[str, int]) -> Iterator[Apache]:
    """Three hosts that want a certificate of the authority; the own one of the host `late` has run out."""
    hosts = (HOST.format(port=ports[name], protocol=how, far=far) for name, (how, far) in HOSTS.items())
    with running_apache("".join(("SSLSessionCache none", *hosts)), write_certificates) as running:
        yield running


Asking = Callable[..., Awaitable[None]]


@pytest.fixture
def ask(apache: Apache, ports: dict[str, int], tmp_path: Path) -> Asking:
    """Asks for a job, with `shown` as our certificate and `known` as the authority that we trust."""
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")

    async def asking(host: str, shown: str | None, key: str, *, known: str = "authority") -> None:
        shows = None if shown is None else apache.folder / f"{shown}.pem"
        url, knows = f"https://127.0.0.1:{ports[host]}", apache.folder / f"{known}.pem"
        async with open_client(Far(url=url, ca_file=knows, cert_file=shows, timeout=5)) as client:
            side = Side(client, load_mapping(tmp_path / "mapping.yaml"), apache)
            await side.controller.submit("http.pump", LINK, {}, key=key)

    return asking


@pytest.mark.parametrize("host", ["TLSv1.3", "TLSv1.2"])
async def test_both_sides_know_each_other(apache: Apache, ask: Asking, host: str) -> None:
    """The yardstick."""
    await ask(host, "own", f"known-{host}")
    assert apache.begun().count(f"known-{host}") == 1


@pytest.mark.parametrize(
    ("host", "shown", "said"),
    [
        ("TLSv1.3", None, "does not trust us: TLSV13_ALERT_CERTIFICATE_REQUIRED; check cert_file and key_file"),
        ("TLSv1.3", "late-own", "does not trust us: SSLV3_ALERT_CERTIFICATE_EXPIRED; check cert_file and key_file"),
        ("TLSv1.3", "stranger", "does not trust us: TLSV1_ALERT_UNKNOWN_CA; check cert_file and key_file"),
        ("TLSv1.2", None, "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        ("TLSv1.2", "late-own", "does not trust us: SSLV3_ALERT_CERTIFICATE_EXPIRED; check cert_file and key_file"),
        ("TLSv1.2", "stranger", "does not trust us: TLSV1_ALERT_UNKNOWN_CA; check cert_file and key_file"),
    ],
)
async def test_certificate_of_ours_that_apache_refuses(
    apache: Apache, ask: Asking, host: str, shown: str | None, said: str
) -> None:
    """Missing, out of date or of another authority: said in one line, or as a reset that overtook the refusal."""
    key = f"refused-{host}-{shown}"
    with pytest.raises(ControllerError) as caught:
        await ask(host, shown, key)
    assert said in str(caught.value) or "broke off" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (apache.jobs / key).exists()


@pytest.mark.parametrize(
    ("host", "known", "said"),
    [
        ("TLSv1.3", "stranger-authority", "self-signed certificate in certificate chain"),
        ("TLSv1.2", "stranger-authority", "self-signed certificate in certificate chain"),
        ("late", "authority", "certificate has expired"),
    ],
)
async def test_certificate_of_apache_that_we_refuse(
    apache: Apache, ask: Asking, host: str, known: str, said: str
) -> None:
    """Nothing is sent, and trying again does not help."""
    with pytest.raises(ControllerError) as caught:
        await ask(host, "own", f"unsent-{host}", known=known)
    assert str(caught.value) == f"the controller is not trusted: {said}; check ca_file and the address"
    assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert not (apache.jobs / f"unsent-{host}").exists()
