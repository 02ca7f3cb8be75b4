"""Makes foreign text harmless in Markdown: alert text, labels and people's notes are shown, never obeyed."""

import re

from markupsafe import Markup

from bot.model.visible import clean_line

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&@]|(?<!\w)_|_(?!\w))")
_LEADING = re.compile(r"^(\d*)([#+=-]|(?<=\d)[.)])(?=\s|$|[#+=-])")
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)


def markdown(value: object) -> str:
    """`value` as one line of Markdown that shows exactly its text; Markup passes as it is.

    Line breaks become spaces, control and direction characters go, and nothing turns into markup, a link, a
    table cell or a heading. Escapes are those of CommonMark 0.31, section 2.4.
    """
    if isinstance(value, Markup):
        return str(value)
    line = _SPECIAL.sub(r"\\\1", clean_line(value).strip())
    line = _ADDRESS.sub(_broken_address, line)
    return _LEADING.sub(r"\1\\\2", line)


def _broken_address(match: re.Match[str]) -> str:
    return ":\\//" if match[0] == "://" else f"{match[0][:-1]}\\."
