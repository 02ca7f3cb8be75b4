"""`bellhop init DIR`: files to start from, commented, and valid as they are."""

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click


@click.command(epilog="Example: bellhop init my-network && bellhop serve --config my-network/bellhop.yaml")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def init(directory: Path) -> None:
    """Write a commented configuration, network, Slack manifest and runbooks to start from."""
    from bot.errors import RefusedError, UsageError

    files = starting_files()
    there = [name for name in files if (directory / name).exists()]
    if there:
        raise RefusedError(f"{directory} already has {', '.join(there)}", hint="choose an empty folder")
    try:
        for name, text in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            with (directory / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {len(files)} files to {directory}. Next: edit network.yaml and bellhop.yaml, then")
    click.echo(f"  bellhop doctor --config {directory / 'bellhop.yaml'}")


def template(name: str) -> str:
    """The text of a file that ships for `init`: bellhop.yaml or network.yaml."""
    return (resources.files("bot.cli") / "templates" / name).read_text(encoding="utf-8")


def starting_files() -> Mapping[str, str]:
    """Everything that `init` writes: path under the folder -> text."""
    from bot.chat.manifest import manifest_yaml

    own = {name: template(name) for name in ("bellhop.yaml", "network.yaml")}
    shipped = resources.files("runbooks")
    copies = dict(_copies("runbooks", shipped)) | dict(_copies("runbooks/playbooks", shipped / "playbooks"))
    return own | {"slack-manifest.yaml": manifest_yaml()} | copies


def _copies(place: str, folder: Traversable) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith((".yaml", ".md")):
            yield f"{place}/{entry.name}", entry.read_text(encoding="utf-8")
