"""The official Kubernetes client behind one bounded exchange; the only file that knows it, an optional extra."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remediation.controllers.plain import LARGEST_ANSWER, line, parsed, reason, secrets_in
from remediation.controllers.trust import certificate_fault, is_refusal, is_stranger
from remediation.errors import ControllerError, RemediationError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_WHO = "the Kubernetes API"
_PLACES = 4
_PATIENCE = 3
"""Connecting, the first byte and each further part may take the timeout; the whole answer so many of them."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How a cluster is reached: an address with credentials, a kubeconfig file, or the pod's own account (neither)."""

    url: str = ""
    token: Callable[[], str] | None = None
    """Asked before each request: tokens of service accounts are rotated."""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    kubeconfig: str = ""
    context: str = ""
    timeout_s: float = 10.0


class KubernetesClient:
    """JSON in, JSON out. Raises RemediationError without the extra, or where the account cannot be read."""

    def __init__(self, cluster: Cluster) -> None:
        self._timeout_s = cluster.timeout_s
        self._api = _api(cluster)
        self._places = asyncio.Semaphore(_PLACES)
        self._threads = ThreadPoolExecutor(_PLACES, "kubernetes")

    async def get(self, path: str, what: str) -> dict[str, Any]:
        """An object; raises ControllerError."""
        return await self._ask("GET", path, what)

    async def patch(self, path: str, change: Mapping[str, Any] | list[dict[str, Any]], what: str) -> dict[str, Any]:
        """The object after a merge patch, or after a list of JSON patch operations; raises ControllerError."""
        media_type = _JSON_PATCH if isinstance(change, list) else _MERGE_PATCH
        return await self._ask("PATCH", path, what, json.dumps(change).encode(), media_type)

    def close(self) -> None:
        """Give the connections back."""
        self._api.rest_client.pool_manager.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(
        self, method: str, path: str, what: str, content: bytes = b"", media_type: str = ""
    ) -> dict[str, Any]:
        acts = method != "GET"
        unknown = None if acts else False
        async with self._places:
            try:
                async with asyncio.timeout(_PATIENCE * self._timeout_s):
                    status, raw, secrets = await asyncio.get_running_loop().run_in_executor(
                        self._threads, self._exchange, method, path, content, media_type
                    )
            except TimeoutError:
                raise ControllerError(f"{_WHO} answers too slowly", retryable=True, happened=unknown) from None
            except _BrokenError as error:
                happened = False if error.before_sending else unknown
                raise ControllerError(f"{_WHO} {error}", retryable=error.retryable, happened=happened) from None
        if not 200 <= status < 300:
            happened = False if 307 <= status < 500 else unknown
            said = reason(raw, secrets)
            advice = "; check its credentials and role in the configuration" if status in (401, 403) else ""
            told = f"{what}: {_WHO} answers {status}{said and f': {said}'}{advice}"
            again = status >= 500 or status in (408, 409, 429)
            raise ControllerError(told, retryable=again, happened=happened)
        return _object(raw, secrets, happened=unknown)

    def _exchange(self, method: str, path: str, content: bytes, media_type: str) -> tuple[int, bytes, frozenset[str]]:
        import urllib3  # noqa: PLC0415 - comes with the extra

        headers = self._headers(media_type)
        until = time.monotonic() + _PATIENCE * self._timeout_s
        try:
            answer = self._api.rest_client.pool_manager.request(
                method,
                self._api.configuration.host + path,
                body=content or None,
                headers=headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=self._timeout_s, read=self._timeout_s),
            )
            try:
                raw = _read(answer, until)
            finally:
                answer.close()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise _BrokenError(f"cannot be reached: {type(error).__name__}", before_sending=True) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            told = certificate_fault(error) or f"broke off: {type(error).__name__}"
            again = not (is_stranger(error) or is_refusal(error))
            raise _BrokenError(told, before_sending=is_stranger(error), retryable=again) from None
        return answer.status, raw, secrets_in(headers)

    def _headers(self, media_type: str) -> dict[str, str]:
        from kubernetes.config import ConfigException  # noqa: PLC0415 - comes with the extra

        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if media_type:
            headers["Content-Type"] = media_type
        try:
            self._api.update_params_for_auth(headers, [], ["BearerToken"])
        except (ConfigException, OSError) as error:
            raise _BrokenError(f"cannot be asked, our account is gone: {line(error)}", before_sending=True) from None
        return headers


def _read(answer: Any, until: float) -> bytes:  # noqa: ANN401 - the client has no types
    """One byte more than is allowed at most, as it was sent, not unpacked; raises TimeoutError after `until`."""
    raw = bytearray()
    while len(raw) <= LARGEST_ANSWER and (part := answer.read1(LARGEST_ANSWER + 1 - len(raw), decode_content=False)):
        raw += part
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(raw)


class _BrokenError(Exception):
    """No whole answer came."""

    def __init__(self, message: str, *, before_sending: bool, retryable: bool = True) -> None:
        super().__init__(message)
        self.before_sending = before_sending
        self.retryable = retryable


def _object(raw: bytes, secrets: frozenset[str], *, happened: bool | None) -> dict[str, Any]:
    if len(raw) > LARGEST_ANSWER:
        message = f"{_WHO}'s answer is longer than {LARGEST_ANSWER} bytes"
        raise ControllerError(message, retryable=False, happened=happened)
    try:
        content = parsed(raw, secrets)
    except ValueError as error:
        message = f"{_WHO}'s answer is not JSON: {line(error)}"
        raise ControllerError(message, retryable=True, happened=happened) from None
    if not isinstance(content, dict):
        raise ControllerError(f"{_WHO}'s answer is not a JSON object", retryable=True, happened=happened)
    return content


def _api(cluster: Cluster) -> "ApiClient":
    try:
        from kubernetes import client, config  # noqa: PLC0415 - an optional extra
    except ImportError:
        message = "controllers of kind kubernetes need an extra: pip install 'bellhop-bot[kubernetes]'"
        raise RemediationError(message) from None
    configuration = client.Configuration()
    try:
        if cluster.url:
            _addressed(configuration, cluster)
        elif cluster.kubeconfig:
            config.load_kube_config(cluster.kubeconfig, cluster.context or None, configuration)
        else:
            config.load_incluster_config(configuration)
    except (config.ConfigException, OSError) as error:
        raise RemediationError(f"the Kubernetes account cannot be read: {line(error)}") from None
    configuration.proxy = None
    return client.ApiClient(configuration)


def _addressed(configuration: Any, cluster: Cluster) -> None:  # noqa: ANN401 - the client has no types
    configuration.host = cluster.url
    configuration.ssl_ca_cert = cluster.ca_file or None
    configuration.cert_file = cluster.cert_file or None
    configuration.key_file = cluster.key_file or None
    if (token := cluster.token) is not None:
        configuration.api_key = {"authorization": f"Bearer {token()}"}
        configuration.refresh_api_key_hook = lambda it: it.api_key.update(authorization=f"Bearer {token()}")
