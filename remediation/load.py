"""Runbooks from files: one, or a folder of them, with every fault of every file at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from remediation import source
from remediation.errors import Fault, FileFaultsError, UnknownNameError
from remediation.schema import Runbook

MOST_BYTES = 1 << 16
MOST_VALUES = 5_000
"""Of a runbook: far more than people can read, and little enough that looking at it takes no time."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A runbook and the file it came from."""

    runbook: Runbook
    document: source.Document


@dataclass(frozen=True, slots=True)
class Library:
    """All runbooks at hand."""

    loaded: tuple[Loaded, ...]

    @property
    def runbooks(self) -> tuple[Runbook, ...]:
        """The runbooks, by file name."""
        return tuple(each.runbook for each in self.loaded)

    def get(self, name: str) -> Runbook:
        """A runbook by its name; raises UnknownNameError."""
        for runbook in self.runbooks:
            if runbook.metadata.name == name:
                return runbook
        known = ", ".join(runbook.metadata.name for runbook in self.runbooks)
        raise UnknownNameError(f"there is no runbook {name}; there are {known}")


def load_file(path: Path) -> Loaded:
    """One runbook; raises FileFaultsError."""
    document = read(path)
    return Loaded(document.check(Runbook), document)


def read(path: Path) -> source.Document:
    """The YAML of one runbook, bounded in size; raises FileFaultsError."""
    return source.read(path, most_bytes=MOST_BYTES, most_values=MOST_VALUES)


def load_library(folder: Path | None = None) -> Library:
    """Every .yaml and .yml of a folder, or the runbooks that are shipped; raises FileFaultsError."""
    return Library(tuple(_load(paths_of(folder))))


def paths_of(folder: Path | None) -> list[Path]:
    """The runbook files of a folder, or those that are shipped; raises FileFaultsError when there is none."""
    place = folder or Path(str(resources.files("runbooks")))
    paths = source.files_in(place)
    if not paths:
        raise FileFaultsError((Fault(str(place), 0, 0, f"has no runbooks ({source.wanted()})"),))
    return paths


def _load(paths: Iterable[Path]) -> list[Loaded]:
    loaded: list[Loaded] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            loaded.append(load_file(path))
        except FileFaultsError as error:
            faults += error.faults
    faults += same_names(loaded)
    if faults:
        raise FileFaultsError(tuple(faults))
    return loaded


def same_names(loaded: Iterable[Loaded]) -> Iterator[Fault]:
    """A fault for each runbook whose name another one has, too."""
    seen: dict[str, str] = {}
    for each in loaded:
        name = each.runbook.metadata.name
        if name in seen:
            yield each.document.fault(("metadata", "name"), f"{name} is also in {seen[name]}")
        seen.setdefault(name, each.document.file)
