"""What is wrong with the certificate of either side, found behind the errors in which HTTP libraries wrap it."""

import re
import ssl
from collections.abc import Iterator

from remediation.controllers.plain import line

_OURS = re.compile(r"ALERT_(?:\w*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)")
"""How TLS names the alerts by which a far side refuses the certificate that we show, or that we show none."""


def certificate_fault(error: BaseException) -> str | None:
    """What to tell people, where a certificate is the reason; None for any other.

    A far side that refuses ours says so only after the handshake, in place of an answer.
    """
    for behind in _chain(error):
        if isinstance(behind, ssl.SSLCertVerificationError):
            return f"is not trusted: {line(behind.verify_message)}; check ca_file and the address"
        if isinstance(behind, ssl.SSLError) and _OURS.search(str(behind)) is not None:
            return f"does not trust us: {line(behind.reason or behind)}; check cert_file and key_file"
    return None


def is_stranger(error: BaseException) -> bool:
    """Whether the far side's own certificate was refused, so that nothing was sent to it."""
    return any(isinstance(behind, ssl.SSLCertVerificationError) for behind in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    behind: BaseException | None = error
    while behind is not None:
        yield behind
        behind = behind.__cause__ or behind.__context__
