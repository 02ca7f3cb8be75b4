"""What is wrong with the certificate of either side, found behind the errors in which HTTP libraries wrap it."""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from remediation.controllers.plain import line
from remediation.errors import ControllerError

_OURS = re.compile(r"ALERT_(?:\w*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)")
"""How TLS names the alerts by which a far side refuses the certificate that we show, or that we show none."""
_MEANINGS = {
    "CERTIFICATE_REQUIRED": "it wants a certificate of ours and got none; check cert_file and key_file",
    "CERTIFICATE_EXPIRED": "our certificate is out of date; check cert_file",
    "CERTIFICATE_REVOKED": "our certificate is revoked; check cert_file",
    "UNKNOWN_CA": "it does not know the authority of our certificate; check cert_file",
}
_OTHER = "it refuses our certificate; check cert_file and key_file"
_NO_AGREEMENT = "it may want a certificate of ours, or other ciphers; check cert_file and key_file"


class Handshake:
    """What HTTPX tells of one request's way: give it as the request's `trace` extension.

    A refusal of our certificate while the handshake is open means that the far side never read the request. A later
    one, as of a far side that asks for the certificate only at some paths, leaves open how far it went.
    """

    def __init__(self) -> None:
        self._tls: ssl.SSLObject | None = None
        self._finished: bytes | None = None

    async def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        """Take note of a new connection and of an answer."""
        if event == "connection.start_tls.complete":
            tls = about["return_value"].get_extra_info("ssl_object")
            self._tls = tls if tls is not None and tls.version() == "TLSv1.3" else None
            self._finished = _last_finished(self._tls)
        elif event == "http11.receive_response_headers.complete":
            self._tls = None

    def is_open(self) -> bool:
        """Whether nothing shows yet that the far side took our certificate: under TLS 1.3 we send before we know.

        It shows by a connection that was used before, by an answer, by a session ticket, which comes after the
        handshake, and by a second Finished message of ours, which answers a question for the certificate that came
        after the handshake.
        """
        if self._tls is None or _last_finished(self._tls) != self._finished:
            return False
        session = self._tls.session
        return session is None or not session.has_ticket


def _last_finished(tls: ssl.SSLObject | None) -> bytes | None:
    return None if tls is None else tls.get_channel_binding("tls-unique")


def certificate_fault(error: BaseException) -> str | None:
    """What to tell people, where a certificate is or may be the reason; None for any other.

    A far side that refuses ours may say so only after the handshake, in place of an answer.
    """
    for behind in _tls_errors(error):
        name = str(behind.reason or behind)
        if isinstance(behind, ssl.SSLCertVerificationError):
            return f"is not trusted: {line(behind.verify_message)}; check ca_file and the address"
        if _OURS.search(name) is not None:
            why = next((meaning for alert, meaning in _MEANINGS.items() if name.endswith(alert)), _OTHER)
            return f"does not trust us ({line(name)}): {why}"
        if name.endswith("ALERT_HANDSHAKE_FAILURE"):
            return f"refuses the TLS handshake ({line(name)}): {_NO_AGREEMENT}"
    return None


def is_stranger(error: BaseException) -> bool:
    """Whether the far side's own certificate was refused, so that nothing was sent to it."""
    return any(isinstance(behind, ssl.SSLCertVerificationError) for behind in _tls_errors(error))


def is_refusal(error: BaseException) -> bool:
    """Whether the far side refused our certificate, at whatever time; trying again does not help."""
    return any(_OURS.search(str(behind.reason or behind)) is not None for behind in _tls_errors(error))


def _tls_errors(error: BaseException) -> Iterator[ssl.SSLError]:
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, ControllerError):  # that one is of an exchange before
        if isinstance(behind, ssl.SSLError):
            yield behind
        behind = behind.__cause__ or behind.__context__
