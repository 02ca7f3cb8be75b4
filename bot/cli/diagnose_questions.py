"""The questions of `bellhop diagnose --batch`, read from JSON lines; every fault of the file at its place."""

import json
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from bot.flow.batch import Question
from bot.model.time import format_instant, parse_instant
from remediation.errors import Fault, FileFaultsError

_SHOWN = 60
"""Characters of a wrong value that a fault repeats."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the id under which its answer goes back."""

    id: str | int
    question: Question


def read_questions(lines: IO[bytes], links: Container[str], now: float) -> tuple[Asked, ...]:
    """Every question {"id", "link", "at"}; one without `at` is asked about `now`, Unix seconds.

    Empty lines are left out. Raises FileFaultsError with all faults of the file.
    """
    reader = _Reader(lines.name, links, now)
    asked = [each for number, line in enumerate(lines, 1) if (each := reader.question(number, line)) is not None]
    if reader.faults:
        raise FileFaultsError(tuple(reader.faults))
    return tuple(asked)


class _Reader:
    def __init__(self, file: str, links: Container[str], now: float) -> None:
        self._file, self._links, self._now = file, links, now
        self.faults: list[Fault] = []

    def question(self, number: int, line: bytes) -> Asked | None:
        """The question on one line, or None where there is none or faults were found."""
        before = len(self.faults)
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            self._fault(number, error.start + 1, "is not UTF-8 text")
            return None
        if not text.strip():
            return None
        try:
            content = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            self._fault(number, error.colno, f"is not JSON: {error.msg}")
        except (ValueError, RecursionError) as error:
            self._fault(number, 1, f"is not JSON: {error}")
        else:
            asked = self._checked(number, text, content)
            return asked if len(self.faults) == before else None
        return None

    def _checked(self, number: int, text: str, content: Any) -> Asked | None:  # noqa: ANN401 - any JSON
        if not isinstance(content, dict):
            self._fault(number, 1, 'is no question {"id", "link", "at"}')
            return None
        wrong = {
            field: reason
            for field, reason in (
                ("id", _wrong_id(content)),
                ("link", self._wrong_link(content)),
                ("at", _wrong_instant(content.get("at"))),
            )
            if reason
        }
        for field, reason in wrong.items():
            self._fault(number, _column(text, field), f"{field}: {reason}")
        if wrong:
            return None
        at = content.get("at")
        instant = self._now if at is None else parse_instant(at)
        return Asked(content["id"], Question(link=content["link"], at=instant))

    def _wrong_link(self, content: dict[str, Any]) -> str:
        link = content.get("link")
        if link is None:
            return "is missing"
        if not isinstance(link, str):
            return f"{_shown(link)} is no text"
        return "" if link in self._links else f"the network has no link {_shown(link)}"

    def _fault(self, line: int, column: int, message: str) -> None:
        self.faults.append(Fault(self._file, line, column, message))


def _wrong_id(content: dict[str, Any]) -> str:
    given = content.get("id")
    if given is None:
        return "is missing"
    fits = isinstance(given, str | int) and not isinstance(given, bool)
    return "" if fits else f"{_shown(given)} is neither text nor a whole number"


def _wrong_instant(at: Any) -> str:  # noqa: ANN401 - any JSON
    if at is None:
        return ""
    if not isinstance(at, str):
        return f"{_shown(at)} is not an RFC 3339 time such as 2026-01-05T12:00:00Z"
    try:
        format_instant(parse_instant(at))
    except (ValueError, OverflowError):
        return f"{_shown(at)} is not an RFC 3339 time such as 2026-01-05T12:00:00Z"
    return ""


def _column(text: str, field: str) -> int:
    """Where the value of a field stands, as far as it does: the end of the last key of that name, as JSON reads it."""
    found = [match.end() + 1 for match in re.finditer(rf'"{field}"\s*:\s*', text)]
    return found[-1] if found else 1


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    said = ascii(value)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
