"""Log lines on standard error: text for people, JSON for machines, never a secret and no storm of repeats."""

import json
import logging
import sys
import time

from bot.settings import LogSettings

_NOISY = ("httpx", "httpcore", "uvicorn.access", "uvicorn.error", "alembic", "slack_bolt", "aiohttp.access")
_REPEAT_AFTER_S = 60.0


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object a line."""
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _OncePerMinute(logging.Filter):
    """Lets a library say the same thing once a minute; a database that is gone would fill the disk otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is new enough."""
        place = (record.pathname, record.lineno)
        last = self._said.get(place, -_REPEAT_AFTER_S)
        if record.name.startswith("bot") or record.created - last >= _REPEAT_AFTER_S:
            self._said[place] = record.created
            return True
        return False


def configure(settings: LogSettings) -> None:
    """Send every logger to standard error in the configured form."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonFormatter() if settings.format == "json" else plain)
    handler.addFilter(_OncePerMinute())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    dbos = logging.getLogger("dbos")
    dbos.setLevel(logging.WARNING)
    dbos.handlers[:] = [logging.NullHandler()]
    dbos.propagate = True
