"""One thing that Slack tells an app, with what came back and when; and the signed HTTP form of it."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.support.slack.state import Json

DEADLINE_S = 3.0
"""Within this an app must acknowledge."""


@dataclass(frozen=True)
class Acknowledgement:
    """When an app acknowledged, in seconds after the latest delivery, through which connection, and with what."""

    after_s: float
    payload: Any
    connection: int = 0


@dataclass
class Delivery:
    """An envelope; `kind` is slash_commands, interactive or events_api, `failure` what the person was shown."""

    envelope_id: str
    kind: str
    payload: Json
    attempts: int = 0
    failure: str = ""
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    _sent_at: float = 0.0

    @property
    def acknowledged(self) -> bool:
        """Whether the app acknowledged at least once."""
        return bool(self.acknowledgements)

    @property
    def in_time(self) -> bool:
        """Whether the first acknowledgement came within Slack's three seconds."""
        return self.acknowledged and self.acknowledgements[0].after_s <= DEADLINE_S

    def sent(self, connection: int = 0) -> None:
        """Note that it goes out now; 0 stands for HTTP."""
        self.attempts += 1
        self.connections.append(connection)
        self._sent_at = time.perf_counter()

    def received(self, payload: Any, connection: int = 0) -> None:
        """Note an acknowledgement that comes now."""
        self.acknowledgements.append(Acknowledgement(time.perf_counter() - self._sent_at, payload, connection))

    def envelope(self) -> Json:
        """As Socket Mode carries it; events say which attempt this is."""
        takes_answer = self.kind == "slash_commands" or self.payload.get("type") == "view_submission"
        carried: Json = {"envelope_id": self.envelope_id, "type": self.kind, "payload": self.payload}
        carried["accepts_response_payload"] = takes_answer
        if self.kind == "events_api":
            retry = max(self.attempts - 1, 0)
            carried |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        return carried

    def body(self) -> tuple[bytes, str]:
        """As HTTP carries it: the body and its content type."""
        if self.kind == "events_api":
            return json.dumps(self.payload).encode(), "application/json"
        form = self.payload if self.kind == "slash_commands" else {"payload": json.dumps(self.payload)}
        return urlencode(form).encode(), "application/x-www-form-urlencoded"


def signed_headers(body: bytes, content_type: str, secret: str, timestamp: int) -> dict[str, str]:
    """The headers with which Slack proves that it sent this body at `timestamp` (seconds since 1970)."""
    digest = hmac.new(secret.encode(), b"v0:%d:%b" % (timestamp, body), hashlib.sha256).hexdigest()
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": f"v0={digest}",
    }


async def send_signed(delivery: Delivery, url: str, secret: str, timestamp: int) -> httpx.Response | None:
    """Send a delivery over HTTP and note the answer; None if nobody answered in time."""
    body, content_type = delivery.body()
    headers = signed_headers(body, content_type, secret, timestamp)
    if delivery.attempts and delivery.kind == "events_api":
        headers |= {"X-Slack-Retry-Num": str(delivery.attempts), "X-Slack-Retry-Reason": "http_timeout"}
    delivery.sent()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client:
            response = await client.post(url, content=body, headers=headers)
    except httpx.TimeoutException:
        delivery.failure = "operation_timeout"
        return None
    except httpx.TransportError:
        delivery.failure = "dispatch_failed"
        return None
    if response.status_code == httpx.codes.OK:
        delivery.received(_answer_of(response))
    else:
        delivery.failure = f"http_{response.status_code}"
    return response


def _answer_of(response: httpx.Response) -> Any:
    if not response.text:
        return None
    return response.json() if "json" in response.headers.get("content-type", "") else {"text": response.text}
