"""Alerts as Bellhop sees them, whoever sent them. Instants are Unix seconds."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from bot.model.network import Subject


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of a delivery. (fingerprint, starts_at) names its episode."""

    fingerprint: str
    name: str
    status: Literal["firing", "resolved"]
    starts_at: float
    ends_at: float | None = None
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = {}
    generator_url: str = ""

    @property
    def episode(self) -> str:
        """The key of this episode: a later firing of the same rule is another one."""
        return f"{self.fingerprint}@{self.starts_at:.3f}"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done to the network on purpose: firmware, configuration, calibration, maintenance."""

    id: str
    subject: Subject
    kind: str
    description: str
    at: float


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted message from an alert source, parsed.

    `truncated` counts alerts that the sender cut off; above 0 the group's own status means nothing.
    """

    source: Literal["alertmanager", "grafana", "pagerduty", "generic"]
    group_key: str
    receiver: str = ""
    alerts: tuple[Alert, ...]
    changes: tuple[Change, ...] = ()
    truncated: int = 0
    external_url: str = ""
