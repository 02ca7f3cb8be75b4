"""The mapped HTTP controller and a real Apache that wants our certificate: each fault is one clear line, and no act."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bot.far import open_client
from bot.far_settings import Far
from bot.http import free_port
from remediation.contract import Target
from remediation.controllers.mapping import load_mapping
from remediation.controllers.wire import Wire
from remediation.errors import ControllerError
from tests.remediation.apache_side import MAPPING, Side
from tests.remediation.misbehaving import Misbehaving, listening, resets
from tests.support.apache import Apache, running_apache
from tests.support.certificates import write_certificates

pytestmark = [pytest.mark.needs("apache"), pytest.mark.needs("openssl")]
LINK = Target("link", "ams-utr")
HOST = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLProtocol {protocol}
    SSLCertificateFile {{folder}}/{far}.pem
    SSLCACertificateFile {{folder}}/authority.pem
    {wants}
</VirtualHost>
"""
ALWAYS = "SSLVerifyClient require"
AT_JOBS = f"<Location /jobs>\n{ALWAYS}\n</Location>"
HOSTS = {
    "TLSv1.3": ("TLSv1.3", "far", ALWAYS),
    "TLSv1.2": ("TLSv1.2", "far", ALWAYS),
    "late": ("all", "late-far", ALWAYS),
    "TLSv1.3 jobs": ("TLSv1.3", "far", AT_JOBS),
    "TLSv1.2 jobs": ("TLSv1.2", "far", AT_JOBS),
    "ticketless jobs": ("TLSv1.3", "far", f"SSLOpenSSLConfCmd NumTickets 0\n{AT_JOBS}"),
}
"""Protocol, certificate, and where Apache wants ours."""
NONE = "it wants a certificate of ours and got none; check cert_file and key_file"
LATE = "(SSLV3_ALERT_CERTIFICATE_EXPIRED): our certificate is out of date; check cert_file"
STRANGE = "(TLSV1_ALERT_UNKNOWN_CA): it does not know the authority of our certificate; check cert_file"


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The port of each host."""
    return {host: free_port() for host in HOSTS}


@pytest.fixture(scope="module")
def apache(ports: dict[str, int]) -> Iterator[Apache]:
    """Hosts that want a certificate of the authority; the own one of the host `late` has run out."""
    hosts = (
        HOST.format(port=ports[name], protocol=how, far=far, wants=wants) for name, (how, far, wants) in HOSTS.items()
    )
    with running_apache("".join(("SSLSessionCache none", *hosts)), write_certificates) as running:
        yield running


Asking = Callable[..., Awaitable[None]]


@pytest.fixture
def ask(apache: Apache, ports: dict[str, int], tmp_path: Path) -> Asking:
    """Asks for a job, with `shown` as our certificate and `known` as the authority that we trust; `warm`: not first."""
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")

    async def asking(host: str, shown: str | None, key: str, *, known: str = "authority", warm: bool = False) -> None:
        shows = None if shown is None else apache.folder / f"{shown}.pem"
        url, knows = f"https://127.0.0.1:{ports[host]}", apache.folder / f"{known}.pem"
        async with open_client(Far(url=url, ca_file=knows, cert_file=shows, timeout=5)) as client:
            side = Side(client, load_mapping(tmp_path / "mapping.yaml"), apache)
            if warm:
                await client.get("/none")
            await side.controller.submit("http.located", LINK, {}, key=key)

    return asking


async def refusal(ask: Asking, host: str, shown: str | None, *, warm: bool = False) -> ControllerError:
    """What is said of a refusal that arrives; a reset that overtakes it leaves all open, and names the files."""
    for turn in range(30):
        with pytest.raises(ControllerError) as caught:
            await ask(host, shown, f"refused-{turn}", warm=warm)
        if "broke off" not in str(caught.value):
            return caught.value
        assert (caught.value.retryable, caught.value.happened) == (True, None)
        assert host != "TLSv1.3" or str(caught.value).endswith("it may not trust us, check cert_file and key_file")
    raise AssertionError("no refusal arrives")


@pytest.mark.parametrize("host", ["TLSv1.3", "TLSv1.2", "TLSv1.3 jobs", "TLSv1.2 jobs", "ticketless jobs"])
async def test_both_sides_know_each_other(apache: Apache, ask: Asking, host: str) -> None:
    """The yardstick, also where Apache asks for our certificate only at the path of the jobs."""
    await ask(host, "own", f"known-{host}".replace(" ", "-"))
    assert apache.begun().count(f"known-{host}".replace(" ", "-")) == 1


@pytest.mark.parametrize(
    ("host", "shown", "said"),
    [
        ("TLSv1.3", None, f"does not trust us (TLSV13_ALERT_CERTIFICATE_REQUIRED): {NONE}"),
        ("TLSv1.3", "late-own", f"does not trust us {LATE}"),
        ("TLSv1.3", "stranger", f"does not trust us {STRANGE}"),
        ("TLSv1.2", "late-own", f"does not trust us {LATE}"),
        ("TLSv1.2", "stranger", f"does not trust us {STRANGE}"),
    ],
)
async def test_certificate_of_ours_that_apache_refuses_means_that_nothing_was_done(
    apache: Apache, ask: Asking, host: str, shown: str | None, said: str
) -> None:
    """Missing, out of date or of another authority: said in one line, and trying again does not help.

    The program at Apache's end was not run.
    """
    told = await refusal(ask, host, shown)
    assert (str(told), told.retryable, told.happened) == (f"the controller {said}", False, False)
    assert list(apache.jobs.glob("refused-*")) == []


async def test_handshake_without_the_certificate_that_apache_wants_names_it(apache: Apache, ask: Asking) -> None:
    """TLS 1.2 has no word of its own for it."""
    with pytest.raises(ControllerError) as caught:
        await ask("TLSv1.2", None, "refused-none")
    assert str(caught.value) == (
        "the controller refuses the TLS handshake (SSLV3_ALERT_HANDSHAKE_FAILURE): "
        "it may want a certificate of ours, or other ciphers; check cert_file and key_file"
    )
    assert (caught.value.retryable, caught.value.happened) == (True, False)


@pytest.mark.parametrize("host", ["TLSv1.3 jobs", "TLSv1.2 jobs", "ticketless jobs"])
@pytest.mark.parametrize(("shown", "said"), [("late-own", LATE), ("stranger", STRANGE)])
@pytest.mark.parametrize("warm", [False, True])
async def test_certificate_that_is_refused_after_the_request_leaves_open_whether_it_was_done(
    apache: Apache, ask: Asking, *, host: str, shown: str, said: str, warm: bool
) -> None:
    """Apache read what was asked before it asked for the certificate, and only Apache knows that it went no further."""
    told = await refusal(ask, host, shown, warm=warm)
    assert (str(told), told.retryable, told.happened) == (f"the controller does not trust us {said}", False, None)
    assert list(apache.jobs.glob("refused-*")) == []


async def test_refusal_of_one_far_side_is_not_told_of_the_next(ask: Asking, apache: Apache) -> None:
    """Which is asked while the first one's error is still being handled."""
    async with listening(Misbehaving(submit=resets)) as address, open_client(Far(url=address, timeout=5)) as client:
        try:
            await ask("TLSv1.2", "stranger", "refused-first")
        except ControllerError:
            with pytest.raises(ControllerError, match="the controller broke off") as caught:
                await Wire(client).ask("POST", "/jobs/start", acts=True)
    assert (caught.value.retryable, caught.value.happened) == (True, None)
    assert list(apache.jobs.glob("refused-*")) == []


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
