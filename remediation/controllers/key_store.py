"""How many keys an ETSI GS QKD 014 key manager holds. Only `status` is ever asked: fetching keys consumes them."""

from dataclasses import asdict, dataclass

import httpx

from remediation.controllers.lenient import member, number
from remediation.controllers.sendable import segment
from remediation.controllers.wire import Wire
from remediation.errors import ControllerError


@dataclass(frozen=True, slots=True)
class KeyStoreStatus:
    """Keys in store, how many fit, and the default length of one in bits; None is what the server does not say."""

    stored_key_count: float | None
    max_key_count: float | None
    key_size: float | None

    def to_json(self) -> dict[str, float | None]:
        """Plain JSON."""
        return asdict(self)


class KeyStore:
    """One key manager; the client brings its address and the certificate that it knows us by."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._wire = Wire(client, "the key manager")

    async def status(self, application: str) -> KeyStoreStatus:
        """The store that is shared with another application (SAE id); raises ControllerError."""
        what = f"the key store of {application}"
        answer = await self._wire.ask("GET", f"/api/v1/keys/{segment(application)}/status", acts=False)
        if answer.status != httpx.codes.OK:
            raise self._wire.refusal(answer, what, acts=False)
        content = answer.json_object("the key manager")
        inner = member(content, "status") if isinstance(member(content, "status"), dict) else content
        status = KeyStoreStatus(
            stored_key_count=_count(member(inner, "stored_key_count")),
            max_key_count=_count(member(inner, "max_key_count")),
            key_size=_count(member(inner, "key_size")),
        )
        if status.stored_key_count is None:
            raise ControllerError(f"{what}: the answer has no stored_key_count", retryable=True, happened=False)
        return status


def _count(value: object) -> float | None:
    found = number(value)
    return found if found is not None and found >= 0 else None
