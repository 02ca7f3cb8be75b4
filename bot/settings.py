"""bellhop.yaml as checked values, read once. Secrets stand in it only by reference: {env: NAME} or {file: PATH}."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from bot.controller_settings import ControllerSettings, RoutedControllerSettings
from bot.far_settings import Basic, Block, Far, HttpAddress, PositiveDuration, Secret, anchored
from bot.guard_settings import GuardSettings, ModeSettings
from bot.intake_settings import IntakeSettings
from bot.rota import RotaSettings
from remediation import source

Port = Annotated[int, Field(ge=0, le=65535)]


__all__ = ["Basic", "Far", "Secret", "Settings", "load_settings", "secrets_of"]


class StoreSettings(Block):
    """The database: a SQLite file or Postgres."""

    url: str = "sqlite:///bellhop-data/bellhop.db"
    password: Secret | None = None
    retention: PositiveDuration = 90 * 86400.0
    """How long ended workflows of closed incidents and used-up bookkeeping are kept; events are kept for ever."""

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return url


class HttpSettings(Block):
    """Where the bot listens."""

    host: str = "127.0.0.1"
    port: Port = 8480
    public_url: HttpAddress | None = None


class TelemetrySettings(Block):
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
    history_file: Path | None = None
    """Where `embedded` keeps its history over a restart; None: beside the SQLite file, else in bellhop-data."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "prometheus" and self.prometheus is None:
            raise ValueError("source prometheus needs the block prometheus: {url: ...}")
        if self.source == "embedded" and not self.exporters:
            raise ValueError("source embedded needs exporters: [http://...]")
        return self


class SlackSettings(Block):
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


class PersonSettings(Block):
    """Somebody who may drive Bellhop."""

    id: str
    name: str = ""
    roles: tuple[str, ...] = ()


class WebToken(Block):
    """A person or program that may use the pages and the API; a role other than `viewer` may act."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    token: Secret
    roles: Annotated[tuple[str, ...], Field(min_length=1)]


class WebSettings(Block):
    """The pages and the API, behind tokens."""

    tokens: Annotated[tuple[WebToken, ...], Field(min_length=1)]
    session: PositiveDuration = 43200.0
    """How long a sign-in on the pages lasts."""

    @field_validator("tokens")
    @classmethod
    def _apart(cls, tokens: tuple[WebToken, ...]) -> tuple[WebToken, ...]:
        for place, token in enumerate(tokens):
            for other in tokens[:place]:
                if other.name == token.name:
                    raise ValueError(f"{token.name} is named twice: every token has its own name")
                if other.token == token.token:
                    raise ValueError(
                        f"{other.name} and {token.name} have the same secret: give each a token of their own"
                    )
        return tokens


class IncidentSettings(Block):
    """How alerts become incidents, and how recovery is judged."""

    join_window: PositiveDuration = 600.0
    """Alerts on the same link, node or route within this time join one incident."""
    recovery_timeout: PositiveDuration = 900.0
    """How long after a run the metrics may take to look healthy."""
    recovery_hold: PositiveDuration = 60.0
    """How long they must stay so."""


class RunbookSettings(Block):
    """Which runbooks there are and whether they may start by themselves."""

    directory: Path | None = None
    """None: the runbooks that Bellhop ships."""
    rules: Path | None = None
    """A folder of diagnosis rules beside the shipped ones."""
    auto: bool = True
    """False: the mode of every runbook that `modes` does not name is suggest."""
    modes: tuple[ModeSettings, ...] = ()


class LogSettings(Block):
    """What the process writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(Block):
    """The whole of bellhop.yaml. Paths are relative to the file."""

    network: Path
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    telemetry: TelemetrySettings
    controller: ControllerSettings | None = None
    controllers: tuple[RoutedControllerSettings, ...] = ()
    """Several controllers: the first whose patterns fit an act carries it out, else the one under `controller`."""
    slack: SlackSettings | None = None
    web: WebSettings | None = None
    """None: the pages and the API are off."""
    incidents: IncidentSettings = IncidentSettings()
    runbooks: RunbookSettings = RunbookSettings()
    guards: GuardSettings = GuardSettings()
    people: tuple[PersonSettings, ...] = ()
    rota: RotaSettings | None = None
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
    whole = anchored(settings, folder)
    store = whole.store.model_copy(update={"url": _anchored_url(whole.store.url, folder)})
    telemetry = whole.telemetry.model_copy(update={"history_file": _history_file(whole, folder)})
    return whole.model_copy(update={"store": store, "telemetry": telemetry})


def _history_file(settings: Settings, folder: Path) -> Path:
    prefix, name = "sqlite:///", "telemetry-history.npz"
    if settings.telemetry.history_file is not None:
        return settings.telemetry.history_file
    if settings.store.url.startswith(prefix):
        return folder / Path(settings.store.url.removeprefix(prefix)).parent / name
    return folder / "bellhop-data" / name


def _anchored_url(url: str, folder: Path) -> str:
    prefix = "sqlite:///"
    return f"{prefix}{folder / url.removeprefix(prefix)}" if url.startswith(prefix) else url
