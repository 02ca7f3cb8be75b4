"""The doors for alerts as settings: who may post, and how it is proved."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.far_settings import Basic, Block, Far, Secret


class AlertmanagerSettings(Block):
    """Who may post alerts, and where Alertmanager's own API answers for truncated groups."""

    bearer_token: Secret | None = None
    basic: Basic | None = None
    api: Far | None = None

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.bearer_token is None and self.basic is None:
            raise ValueError("needs bearer_token or basic: alerts from strangers are refused")
        return self


class GrafanaSettings(Block):
    """Who may post Grafana's alerts: a bearer token, or the secret of its HMAC signature."""

    bearer_token: Secret | None = None
    signing_secret: Secret | None = None
    signature_header: str = "X-Grafana-Alerting-Signature"
    timestamp_header: str = ""
    """The header with the time that is signed as well, where the contact point names one."""

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.bearer_token is None) == (self.signing_secret is None):
            raise ValueError("needs either bearer_token or signing_secret: alerts from strangers are refused")
        return self


class PagerDutySettings(Block):
    """The secrets of PagerDuty's webhook subscriptions; the old one beside the new while they are rotated."""

    secrets: Annotated[tuple[Secret, ...], Field(min_length=1, max_length=8)]


class GenericSettings(Block):
    """Who may post alerts and changes as CloudEvents or as the small JSON."""

    bearer_token: Secret


class IntakeSettings(Block):
    """The doors for alerts; a source without a block has none."""

    alertmanager: AlertmanagerSettings | None = None
    grafana: GrafanaSettings | None = None
    pagerduty: PagerDutySettings | None = None
    generic: GenericSettings | None = None
