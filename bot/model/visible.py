"""Foreign text without what is not seen: control, escape and direction characters, which could rewrite a screen."""

import re

INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_INSIDE_LINES = re.compile(rf"(?![\t\n]){INVISIBLE.pattern}")


def clean_line(text: object) -> str:
    """`text` on one line, without control and direction characters."""
    return INVISIBLE.sub("", " ".join(str(text).split()))


def clean_text(text: str) -> str:
    """`text` with its line breaks and tabs, without other control and direction characters."""
    return _INSIDE_LINES.sub("", text)
