"""The official Kubernetes client behind one bounded exchange; the only file that knows it, an optional extra."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remediation.controllers.plain import LARGEST_ANSWER, line, parsed, reason, secrets_in
from remediation.errors import ControllerError, RemediationError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_WHO = "the Kubernetes API"


@dataclass(frozen=True, slots=True)
class Cluster:
    """How a cluster is reached: an address with credentials, a kubeconfig file, or the pod's own account (neither)."""

    url: str = ""
    token: str = ""
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
        self._places = asyncio.Semaphore(4)

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

    async def _ask(
        self, method: str, path: str, what: str, content: bytes = b"", media_type: str = ""
    ) -> dict[str, Any]:
        acts = method != "GET"
        unknown = None if acts else False
        async with self._places:
            try:
                async with asyncio.timeout(3 * self._timeout_s):
                    status, raw, secrets = await asyncio.to_thread(self._exchange, method, path, content, media_type)
            except TimeoutError:
                raise ControllerError(f"{_WHO} answers too slowly", retryable=True, happened=unknown) from None
            except _BrokenError as error:
                happened = False if error.before_sending else unknown
                raise ControllerError(f"{_WHO} {error}", retryable=True, happened=happened) from None
        if not 200 <= status < 300:
            happened = False if 307 <= status < 500 else unknown
            said = reason(raw, secrets)
            advice = "; check its credentials and role in the configuration" if status in (401, 403) else ""
            told = f"{what}: {_WHO} answers {status}{said and f': {said}'}{advice}"
            again = status >= 500 or status in (408, 409, 429)
            raise ControllerError(told, retryable=again, happened=happened)
        return _object(raw, happened=unknown)

    def _exchange(self, method: str, path: str, content: bytes, media_type: str) -> tuple[int, bytes, frozenset[str]]:
        import urllib3  # noqa: PLC0415 - comes with the extra

        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if media_type:
            headers["Content-Type"] = media_type
        self._api.update_params_for_auth(headers, [], ["BearerToken"])
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
                raw = answer.read(LARGEST_ANSWER + 1, decode_content=False)
            finally:
                answer.close()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise _BrokenError(f"cannot be reached: {type(error).__name__}", before_sending=True) from None
        except urllib3.exceptions.SSLError as error:
            raise _BrokenError(f"is not trusted, or does not trust us: {line(error)}", before_sending=True) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _BrokenError(f"broke off: {type(error).__name__}", before_sending=False) from None
        return answer.status, raw, secrets_in(headers)


class _BrokenError(Exception):
    """No whole answer came."""

    def __init__(self, message: str, *, before_sending: bool) -> None:
        super().__init__(message)
        self.before_sending = before_sending


def _object(raw: bytes, *, happened: bool | None) -> dict[str, Any]:
    if len(raw) > LARGEST_ANSWER:
        message = f"{_WHO}'s answer is longer than {LARGEST_ANSWER} bytes"
        raise ControllerError(message, retryable=False, happened=happened)
    try:
        content = parsed(raw)
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
    if cluster.token:
        configuration.api_key = {"authorization": f"Bearer {cluster.token}"}
