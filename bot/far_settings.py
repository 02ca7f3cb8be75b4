"""How far sides are reached, as settings: addresses, credentials by reference, TLS and patience.

The only place that reads the environment, and only for secrets that the configuration names.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.errors import UsageError
from remediation.duration import Duration


def _http_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http_address)]
PositiveDuration = Annotated[Duration, Field(gt=0)]


ModelT = TypeVar("ModelT", bound=BaseModel)


class Block(BaseModel):
    """Unknown settings are faults: a typing error must not go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Block):
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


class Basic(Block):
    """HTTP basic authentication."""

    user: str
    password: Secret


class Far(Block):
    """How to reach an HTTP far side: address, authentication, TLS, patience."""

    url: HttpAddress
    bearer_token: Secret | None = None
    basic: Basic | None = None
    headers: Mapping[str, str] = {}
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout: PositiveDuration = 10.0


def anchored(block: ModelT, folder: Path) -> ModelT:
    """The same settings with every path in them counted from `folder`, at any depth; an absolute one stays."""
    return block.model_copy(update={name: _anchored(getattr(block, name), folder) for name in type(block).model_fields})


def _anchored(value: object, folder: Path) -> object:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, BaseModel):
        return anchored(value, folder)
    if isinstance(value, tuple):
        return tuple(_anchored(each, folder) for each in value)
    if isinstance(value, Mapping):
        return {name: _anchored(each, folder) for name, each in value.items()}
    return value
