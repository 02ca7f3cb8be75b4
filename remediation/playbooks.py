"""Playbooks: decision guides for people, in Markdown, where a runbook cannot decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Playbook:
    """A guide: `name` as in `bellhop runbook show NAME`, its title, and the whole text."""

    name: str
    title: str
    text: str


def load_playbooks(folder: Path | None = None) -> tuple[Playbook, ...]:
    """The guides in `playbooks/` below a folder of runbooks; those that are shipped where it has none."""
    own = () if folder is None else _within(folder)
    return own or _within(Path(str(resources.files("runbooks"))))


def named(playbooks: Sequence[Playbook], name: str) -> Playbook | None:
    """The guide of this name, if there is one."""
    return next((each for each in playbooks if each.name == name), None)


def _within(folder: Path) -> tuple[Playbook, ...]:
    return tuple(_read(path) for path in sorted((folder / "playbooks").glob("*.md")))


def _read(path: Path) -> Playbook:
    text = path.read_text(encoding="utf-8")
    first = next((line for line in text.splitlines() if line.startswith("# ")), f"# {path.stem}")
    return Playbook(name=path.stem, title=first.removeprefix("# ").strip(), text=text)
