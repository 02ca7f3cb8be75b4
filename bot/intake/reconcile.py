"""When a delivery was cut, Alertmanager's own API says which alerts of the group are truly active."""

import re
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from bot.errors import UnavailableError
from bot.model.alert import Alert, Delivery
from bot.model.time import parse_instant
from bot.settings import Far

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class _ApiAlert(msgspec.Struct, kw_only=True, rename="camel"):
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str
    generator_url: str = msgspec.field(default="", name="generatorURL")


def reconciler(far: Far) -> Callable[[Delivery], Awaitable[tuple[Alert, ...]]]:
    """A function that completes a cut delivery; it raises UnavailableError, so that the delivery waits."""

    async def reconcile(delivery: Delivery) -> tuple[Alert, ...]:
        active = await _active(far, delivery.group_key)
        known = {alert.fingerprint for alert in active}
        over = tuple(
            alert for alert in delivery.alerts if alert.status == "resolved" and alert.fingerprint not in known
        )
        return (*active, *over)

    return reconcile


async def _active(far: Far, group_key: str) -> tuple[Alert, ...]:
    filters = [("filter", f'{name}="{value}"') for name, value in _LABEL.findall(group_key.rpartition("}:{")[2])]
    headers = dict(far.headers)
    if far.bearer_token is not None:
        headers["Authorization"] = f"Bearer {far.bearer_token.read()}"
    basic = httpx.BasicAuth(far.basic.user, far.basic.password.read()) if far.basic else None
    verify = str(far.ca_file) if far.ca_file else True
    try:
        async with httpx.AsyncClient(timeout=far.timeout, auth=basic, verify=verify, trust_env=False) as client:
            parameters: list[tuple[str, str | int | float | bool | None]] = [
                ("active", "true"),
                ("silenced", "true"),
                ("inhibited", "true"),
                *filters,
            ]
            answer = await client.get(f"{far.url}/api/v2/alerts", params=parameters, headers=headers)
            answer.raise_for_status()
            alerts = msgspec.json.decode(answer.content, type=list[_ApiAlert])
    except httpx.HTTPStatusError as error:
        raise UnavailableError(f"Alertmanager at {far.url} answers {error.response.status_code}") from None
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        raise UnavailableError(f"Alertmanager at {far.url} cannot be asked: {type(error).__name__}") from None
    return tuple(_alert(each) for each in alerts)


def _alert(wire: _ApiAlert) -> Alert:
    return Alert(
        fingerprint=wire.fingerprint,
        name=wire.labels.get("alertname", "unnamed alert"),
        status="firing",
        starts_at=parse_instant(wire.starts_at),
        labels=wire.labels,
        annotations=wire.annotations,
        generator_url=wire.generator_url,
    )
