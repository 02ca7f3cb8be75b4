"""Playbooks as HTML: headings, lists, tables and links between playbooks; nothing in them becomes markup or script."""

import re
from collections.abc import Sequence
from typing import cast

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_PLAYBOOK = re.compile(r"^(?:\./)?([A-Za-z0-9][A-Za-z0-9_.-]*)\.md$")
_WEB = re.compile(r"^https?://")


def markdown_html(text: str) -> Markup:
    """CommonMark with tables as HTML.

    HTML in the text is shown as text and images are not loaded. `name.md` becomes a link to that playbook, addresses
    of the web stay links; any other link loses its address.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)
        _settle(token.children or [])
    html = cast("RendererHTML", parser.renderer).render(tokens, parser.options, {})
    return Markup(html)  # noqa: S704 - the renderer escapes everything that is not its own markup


def _settle(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type == "link_open":
            token.attrs = _address(str(token.attrs.get("href", "")))


def _address(href: str) -> dict[str, str | int | float]:
    if (match := _PLAYBOOK.match(href)) is not None:
        return {"href": f"/playbooks/{match[1]}"}
    return {"href": href, "rel": "noreferrer noopener"} if _WEB.match(href) else {}
