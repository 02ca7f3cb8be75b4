"""The command `bellhop`: errors become one clear line and an exit code, never a traceback."""

import sys
from typing import NoReturn

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
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say("bellhop: stopped", 130)
    except FileFaultsError as error:
        return _say(str(error), 2)
    except BellhopError as error:
        return _say(f"bellhop: {error}", error.exit_code)
    except RemediationError as error:
        return _say(f"bellhop: {error}", 1)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _say(line: str, code: int) -> int:
    click.echo(line, err=True)
    return code


if __name__ == "__main__":
    main()
