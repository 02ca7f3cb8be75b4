"""From facts to text: Markdown for repositories, one self-contained page of HTML, JSON for programs."""

from functools import cache
from typing import Literal

import jinja2
import msgspec
from markupsafe import Markup

from bot.model.plan_wording import roles_words
from bot.model.time import format_clock, format_instant
from bot.postmortem import escape, figure, words
from bot.postmortem.facts import Facts
from remediation.duration import format_duration

Format = Literal["md", "html", "json"]


def render(facts: Facts, format: Format) -> str:  # noqa: A002 - the word that users type
    """The report; text from outside is escaped for the format and can never become markup."""
    if format == "json":
        return msgspec.json.format(msgspec.json.encode(_plain(facts)), indent=2).decode()
    return _environment(format).get_template(f"postmortem.{format}.j2").render(facts=facts)


@cache
def _environment(format_: Literal["md", "html"]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bot.postmortem"),
        autoescape=format_ == "html",  # noqa: S701 - `finalize` escapes Markdown
        finalize=escape.markdown if format_ == "md" else None,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        instant=format_instant,
        clock=format_clock,
        day=lambda seconds: format_instant(seconds)[:10],
        duration=format_duration,
        number=words.number,
        percent=words.percent,
        roles=roles_words,
        evidence=words.evidence,
        bullets=_bullets,
        drawing=figure.svg,
        sparkline=figure.sparkline,
    )
    return environment


def _bullets(items: tuple[str, ...], otherwise: str) -> Markup:
    """A Markdown list, or one sentence where it would be empty."""
    lines = [f"- {escape.markdown(item)}" for item in items] or [otherwise]
    return Markup("\n".join(lines))  # noqa: S704 - each item was escaped above


_INSTANTS = frozenset({"at", "start", "end", "onset", "starts_at", "ended_at", "started_at", "asked_at", "answered_at"})


def _plain(facts: Facts) -> object:
    return _with_instants(msgspec.to_builtins(facts)) | {"drafted_at": format_instant(facts.drafted_at)}


def _with_instants(value: object) -> dict[str, object]:
    """The same mapping with every instant as RFC 3339."""
    result = _converted("", value)
    assert isinstance(result, dict)
    return result


def _converted(key: str, value: object) -> object:
    match value:
        case dict():
            return {name: _converted(str(name), item) for name, item in value.items()}
        case list() | tuple():
            return [_converted("", item) for item in value]
        case float() if key in _INSTANTS:
            return format_instant(value)
        case _:
            return value
