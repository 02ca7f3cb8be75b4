"""The names of links, nodes and flows that lint of a configuration's runbooks may know."""

from collections.abc import Collection, Mapping
from pathlib import Path

import click


def known_names(config: Path | None) -> Mapping[str, Collection[str]]:
    """The names of the configuration's network by kind; none, and a word about it, where it cannot be read.

    Raises UsageError when the configuration itself is at fault.
    """
    from bot.errors import BellhopError
    from bot.lint_facts import place_names
    from bot.network_file import load_network
    from bot.settings import load_settings
    from remediation.errors import RemediationError

    if config is None:
        return {}
    path = load_settings(config).network
    try:
        return place_names(load_network(path))
    except (BellhopError, RemediationError) as error:
        why = str(error).partition("\n")[0]
        click.echo(f"warning: names of links, nodes and flows are not looked at: {why}", err=True)
        return {}
