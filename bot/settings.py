"""bellhop.yaml as checked values, read once. Secrets stand in it only by reference: {env: NAME} or {file: PATH}."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.errors import UsageError
from remediation import source
from remediation.duration import Duration

Port = Annotated[int, Field(ge=0, le=65535)]


def _http_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http_address)]
PositiveDuration = Annotated[Duration, Field(gt=0)]


class _Block(BaseModel):
    """Unknown settings are faults: a typing error must not go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Block):
    """Where a secret is to be found; its value is read when it is needed and never shown."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_reference(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError("a secret does not belong in this file; write {env: NAME} or {file: PATH}")
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name exactly one of env and file")
        return self

    def read(self) -> str:
        """The secret; raises UsageError when the variable or file is not there."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            place = f"environment variable {self.env}"
        else:
            place = f"file {self.file}"
            try:
                value = Path(str(self.file)).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise UsageError(f"the secret in {place} cannot be read: {error.strerror}") from None
        if not value:
            raise UsageError(f"the secret in {place} is empty or missing", hint="set it and start again")
        return value


class Basic(_Block):
    """HTTP basic authentication."""

    user: str
    password: Secret


class Far(_Block):
    """How to reach an HTTP far side: address, authentication, TLS, patience."""

    url: HttpAddress
    bearer_token: Secret | None = None
    basic: Basic | None = None
    headers: Mapping[str, str] = {}
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout: PositiveDuration = 10.0


class StoreSettings(_Block):
    """The database: a SQLite file or Postgres."""

    url: str = "sqlite:///bellhop-data/bellhop.db"
    password: Secret | None = None

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return url


class HttpSettings(_Block):
    """Where the bot listens."""

    host: str = "127.0.0.1"
    port: Port = 8480
    public_url: HttpAddress | None = None


class AlertmanagerSettings(_Block):
    """Who may post alerts, and where Alertmanager's own API answers for truncated groups."""

    bearer_token: Secret | None = None
    basic: Basic | None = None
    api: Far | None = None

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.bearer_token is None and self.basic is None:
            raise ValueError("needs bearer_token or basic: alerts from strangers are refused")
        return self


class IntakeSettings(_Block):
    """The doors for alerts."""

    alertmanager: AlertmanagerSettings | None = None


class TelemetrySettings(_Block):
    """Where metrics come from and how they are read."""

    source: Literal["prometheus", "embedded"] = "prometheus"
    prometheus: Far | None = None
    exporters: tuple[HttpAddress, ...] = ()
    scrape_interval: PositiveDuration = 15.0
    rate_window: PositiveDuration = 300.0
    step: PositiveDuration = 15.0
    history: PositiveDuration = 3600.0
    metrics: Mapping[str, str] = {}
    """Other names for the contract's metrics: {contract name: your name}."""
    matchers: Mapping[str, str] = {}
    """Extra label equalities added to every selector, e.g. {job: qnet}."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "prometheus" and self.prometheus is None:
            raise ValueError("source prometheus needs the block prometheus: {url: ...}")
        if self.source == "embedded" and not self.exporters:
            raise ValueError("source embedded needs exporters: [http://...]")
        return self


class SlackSettings(_Block):
    """Slack through slack-bolt; Socket Mode needs app_token, HTTP mode signing_secret."""

    mode: Literal["socket", "http"] = "socket"
    bot_token: Secret
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    channel: str
    api_url: HttpAddress = "https://slack.com/api"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("Socket Mode needs app_token")
        if self.mode == "http" and self.signing_secret is None:
            raise ValueError("HTTP mode needs signing_secret")
        return self


class ControllerSettings(Far):
    """What carries out actions."""

    kind: Literal["simulator"] = "simulator"


class PersonSettings(_Block):
    """Somebody who may drive Bellhop."""

    id: str
    name: str = ""
    roles: tuple[str, ...] = ()


class WebToken(_Block):
    """A person or program that may use the pages and the API; a role other than `viewer` may act."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    token: Secret
    roles: Annotated[tuple[str, ...], Field(min_length=1)]


class WebSettings(_Block):
    """The pages and the API, behind tokens."""

    tokens: Annotated[tuple[WebToken, ...], Field(min_length=1)]
    session: PositiveDuration = 43200.0
    """How long a sign-in on the pages lasts."""


class IncidentSettings(_Block):
    """How alerts become incidents, and how recovery is judged."""

    join_window: PositiveDuration = 600.0
    """Alerts on the same link, node or route within this time join one incident."""
    recovery_timeout: PositiveDuration = 900.0
    """How long after a run the metrics may take to look healthy."""
    recovery_hold: PositiveDuration = 60.0
    """How long they must stay so."""


class RunbookSettings(_Block):
    """Which runbooks there are and whether they may start by themselves."""

    directory: Path | None = None
    """None: the runbooks that Bellhop ships."""
    rules: Path | None = None
    """A folder of diagnosis rules beside the shipped ones."""
    auto: bool = True


class LogSettings(_Block):
    """What the process writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(_Block):
    """The whole of bellhop.yaml. Paths are relative to the file."""

    network: Path
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    telemetry: TelemetrySettings
    controller: ControllerSettings | None = None
    slack: SlackSettings | None = None
    web: WebSettings | None = None
    """None: the pages and the API are off."""
    incidents: IncidentSettings = IncidentSettings()
    runbooks: RunbookSettings = RunbookSettings()
    people: tuple[PersonSettings, ...] = ()
    postmortems: Path = Path("postmortems")
    logs: LogSettings = LogSettings()


def load_settings(path: Path) -> Settings:
    """Read and check bellhop.yaml; raises `remediation.errors.FileFaultsError` with every fault at its place."""
    settings = source.read(path).check(Settings)
    return _anchored(settings, path.resolve().parent)


def secrets_of(block: BaseModel) -> tuple[Secret, ...]:
    """Every secret that a block names, at any depth."""
    found: list[Secret] = []
    for name in type(block).model_fields:
        value = getattr(block, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Secret):
                found.append(each)
            elif isinstance(each, BaseModel):
                found += secrets_of(each)
    return tuple(found)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Paths in the file count from the file's own folder, wherever the command was started."""
    runbooks = settings.runbooks
    return settings.model_copy(
        update={
            "network": folder / settings.network,
            "postmortems": folder / settings.postmortems,
            "runbooks": runbooks.model_copy(
                update={
                    "directory": runbooks.directory and folder / runbooks.directory,
                    "rules": runbooks.rules and folder / runbooks.rules,
                },
            ),
            "store": settings.store.model_copy(update={"url": _anchored_url(settings.store.url, folder)}),
        },
    )


def _anchored_url(url: str, folder: Path) -> str:
    prefix = "sqlite:///"
    return f"{prefix}{folder / url.removeprefix(prefix)}" if url.startswith(prefix) else url
