"""HTTP connections to far sides: TLS, authentication, headers and patience from the configuration."""

import ssl

import httpx

from bot.errors import UsageError
from bot.settings import Far

POOL = 8


def open_client(far: Far) -> httpx.AsyncClient:
    """A client for `far`; raises UsageError when a secret, certificate or key cannot be read.

    Answers are asked for uncompressed: nearby, unpacking costs more than it saves. Proxies of the environment
    are not used.
    """
    return httpx.AsyncClient(
        base_url=far.url,
        headers=request_headers(far),
        auth=basic_auth(far),
        verify=tls_context(far),
        timeout=far.timeout,
        limits=httpx.Limits(max_connections=POOL, max_keepalive_connections=POOL),
        trust_env=False,
    )


def request_headers(far: Far) -> dict[str, str]:
    """Extra headers and the bearer token, with identity encoding."""
    headers = {**far.headers, "Accept-Encoding": "identity"}
    if far.bearer_token is not None:
        headers["Authorization"] = f"Bearer {far.bearer_token.read()}"
    return headers


def basic_auth(far: Far) -> tuple[str, str] | None:
    """User and password, where basic authentication is configured."""
    return None if far.basic is None else (far.basic.user, far.basic.password.read())


def tls_context(far: Far) -> ssl.SSLContext | bool:
    """Certificates to trust and to show; False without TLS, where nothing is to be verified."""
    if not far.url.startswith("https://"):
        return False
    try:
        context = ssl.create_default_context(cafile=None if far.ca_file is None else str(far.ca_file))
        if far.cert_file is not None:
            context.load_cert_chain(str(far.cert_file), None if far.key_file is None else str(far.key_file))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (far.ca_file, far.cert_file, far.key_file) if file is not None)
        raise UsageError(f"cannot use the TLS files {files} for {far.url}: {error}") from None
    return context
