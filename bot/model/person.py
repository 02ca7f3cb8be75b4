"""Who asks, and what Bellhop answers."""

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who drives Bellhop: `id` is `slack:U123` or `cli:alice`; roles come from the configuration."""

    id: str
    name: str
    roles: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A typed decision for a person: done or refused, and the one line that says why."""

    done: bool
    message: str
