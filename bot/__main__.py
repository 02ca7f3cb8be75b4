"""The command `bellhop`: errors become one clear line and an exit code, never a traceback."""

import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from bot.cli import bellhop
from bot.errors import BellhopError
from remediation.errors import FileFaultsError, RemediationError


def main() -> NoReturn:
    """Run the command line; exit 0 done, 1 the thing asked about is bad, 2 wrong usage or configuration."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with `arguments` and return its exit code."""
    try:
        code = bellhop.main(arguments, prog_name="bellhop", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        for family, answer in _ANSWERS.items():
            if isinstance(error, family):
                return answer(error)
        raise
    return code if isinstance(code, int) else 0


def _say(line: str, code: int) -> int:
    click.echo(line, err=True)
    return code


def _shown(error: click.ClickException) -> int:
    error.show()
    return error.exit_code


def _pipe_closed(error: BrokenPipeError) -> int:
    del error
    sys.stderr.close()
    return 0


def _defect(error: Exception) -> int:
    """What nobody foresaw: the traceback goes to a file for the report, one line to the person."""
    with tempfile.NamedTemporaryFile("w", prefix="bellhop-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    what = " ".join(str(error).split())[:200]
    return _say(
        f"bellhop: this is a defect of Bellhop: {type(error).__name__}: {what}; "
        f"please report it with {Path(file.name)}",
        1,
    )


_ANSWERS: Mapping[type[BaseException], Callable[[Any], int]] = {
    click.exceptions.Exit: lambda error: int(error.exit_code),
    click.Abort: lambda error: _say("bellhop: stopped", 130),
    KeyboardInterrupt: lambda error: _say("bellhop: stopped", 130),
    click.ClickException: _shown,
    FileFaultsError: lambda error: _say(str(error), 2),
    BellhopError: lambda error: _say(f"bellhop: {error}", error.exit_code),
    RemediationError: lambda error: _say(f"bellhop: {error}", 1),
    BrokenPipeError: _pipe_closed,
    Exception: _defect,
}
"""Error family -> what is said and the exit code; the first that fits."""


if __name__ == "__main__":
    main()
