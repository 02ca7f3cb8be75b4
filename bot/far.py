"""HTTP connections to far sides: TLS, authentication, headers and patience from the configuration."""

import base64
import ssl
from collections.abc import Callable, Generator

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
        headers=_plain_headers(far),
        auth=_authentication(far),
        verify=tls_context(far),
        timeout=far.timeout,
        limits=httpx.Limits(max_connections=POOL, max_keepalive_connections=POOL),
        trust_env=False,
    )


def request_headers(far: Far) -> dict[str, str]:
    """Extra headers and the bearer token, with identity encoding."""
    headers = _plain_headers(far)
    if far.bearer_token is not None:
        headers["Authorization"] = f"Bearer {far.bearer_token.read()}"
    return headers


def fresh(read: Callable[[], str]) -> Callable[[], str]:
    """A secret that is read anew each time, so that a rotated one counts at once.

    Raises UsageError now when it cannot be read; later the last one goes on while it cannot, as in mid-rotation.
    """
    last = read()

    def newest() -> str:
        nonlocal last
        try:
            last = read()
        except UsageError:
            return last
        return last

    return newest


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
            context.post_handshake_auth = True  # TLS 1.3: it may be asked for at some paths only
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (far.ca_file, far.cert_file, far.key_file) if file is not None)
        raise UsageError(f"cannot use the TLS files {files} for {far.url}: {error}") from None
    return context


class _Authorization(httpx.Auth):
    """Writes the Authorization header of each request as it is sent."""

    def __init__(self, value: Callable[[], str]) -> None:
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._value()
        yield request


def _authentication(far: Far) -> httpx.Auth | None:
    if far.basic is not None:
        user, password = far.basic.user, fresh(far.basic.password.read)
        return _Authorization(lambda: f"Basic {base64.b64encode(f'{user}:{password()}'.encode()).decode()}")
    if far.bearer_token is not None:
        token = fresh(far.bearer_token.read)
        return _Authorization(lambda: f"Bearer {token()}")
    return None


def _plain_headers(far: Far) -> dict[str, str]:
    return {**far.headers, "Accept-Encoding": "identity"}
