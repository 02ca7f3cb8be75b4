"""An incident's title, from an alert that may come from anybody: bounded, printable, one line."""

from bot.model.alert import Alert

LONGEST_TITLE = 120


def title_of(alert: Alert) -> str:
    """The alert's name, and its summary where it has one."""
    summary = alert.annotations.get("summary", "")
    return one_line(f"{alert.name}: {summary}" if summary else alert.name)


def one_line(text: str, longest: int = LONGEST_TITLE) -> str:
    """Printable characters only, spaces folded, cut with an ellipsis."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * longest]).split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"
