"""What a Prometheus has: names, labels, metadata and instant questions, through prometheus-api-client.

The client is synchronous and slow to import; it is loaded at the first question and runs in a thread, with the
configured timeout and without its own retries.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from bot.errors import TelemetryUnavailableError
from bot.far import basic_auth, request_headers
from bot.settings import Far

_T = TypeVar("_T")
_SHOWN: Final = 200


class Discovery:
    """Questions about a Prometheus rather than windows of it; all raise TelemetryUnavailableError."""

    def __init__(self, far: Far) -> None:
        self._far = far

    async def metrics(self) -> frozenset[str]:
        """The names of all metrics."""
        return frozenset(await self._ask(lambda client: [str(name) for name in client.all_metrics()]))

    async def label_values(self, label: str) -> tuple[str, ...]:
        """The values that a label has anywhere."""
        return tuple(await self._ask(lambda client: [str(value) for value in client.get_label_values(label)]))

    async def types(self) -> Mapping[str, str]:
        """Metric -> counter, gauge, histogram ..., as the exporters declare it."""
        return await self._ask(
            lambda client: {str(row["metric_name"]): str(row["type"]) for row in client.get_metric_metadata("")}
        )

    async def instant(self, query: str, *, at: float | None = None) -> tuple[tuple[dict[str, str], float], ...]:
        """The labels and values that answer a PromQL query at one instant (Unix seconds; None: now)."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        return await self._ask(
            lambda client: tuple(
                (cast("dict[str, str]", row["metric"]), float(row["value"][1]))
                for row in client.custom_query(query, params=when)
            )
        )

    async def _ask(self, question: Callable[[Any], _T]) -> _T:
        return await asyncio.to_thread(self._ask_here, question)

    def _ask_here(self, question: Callable[[Any], _T]) -> _T:
        from prometheus_api_client.exceptions import PrometheusApiClientException  # noqa: PLC0415 - takes half a second
        from requests import RequestException  # noqa: PLC0415

        place = f"Prometheus at {self._far.url}"
        client = self._open()
        try:
            return question(client)
        except RequestException as error:
            raise TelemetryUnavailableError(f"{place} cannot be reached: {_line(error)}") from None
        except PrometheusApiClientException as error:
            raise TelemetryUnavailableError(f"{place} refused the question: {_line(error)}") from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise TelemetryUnavailableError(f"{place}: the answer is not that of Prometheus' API") from None
        finally:
            client.close()

    def _open(self) -> Any:  # noqa: ANN401 - the client ships no types
        from prometheus_api_client import PrometheusConnect  # noqa: PLC0415
        from requests import Session  # noqa: PLC0415
        from urllib3.util.retry import Retry  # noqa: PLC0415

        far, session, basic = self._far, Session(), basic_auth(self._far)
        session.trust_env = False
        session.verify = str(far.ca_file) if far.ca_file is not None else True
        if far.cert_file is not None:
            session.cert = str(far.cert_file) if far.key_file is None else (str(far.cert_file), str(far.key_file))
        return PrometheusConnect(
            url=far.url,
            headers=request_headers(far),
            auth=None if basic is None else tuple(part.encode() for part in basic),
            session=session,
            timeout=far.timeout,
            retry=Retry(total=0),
            method="POST",
        )


def _line(error: Exception) -> str:
    """The innermost reason: the libraries wrap it in the whole request."""
    wrapped = error.args[0] if error.args else None
    if isinstance(reason := getattr(wrapped, "reason", None), Exception):
        return str(reason).rpartition(": ")[2]
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
