"""YAML files as people write them: safe, bounded, and every fault at its line and column.

Serves all of Bellhop's files: configuration, network, rules, runbooks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from remediation.errors import Fault, FileFaultsError, Severity
from remediation.source_nodes import Key, Position, Reader, compose, place_in
from remediation.source_words import alike, plain, shown

MAX_BYTES = 1 << 20
MAX_VALUES = 100_000
ENDINGS = (".yaml", ".yml")
"""What the names of YAML files end in, in capitals, too."""

Path_ = tuple[Key, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that does not fit its model: where it stands or is missing, pydantic's word for it, the fault."""

    path: Path_
    kind: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file: its data, and where each value stands (line and column from 1)."""

    file: str
    data: Any
    positions: Mapping[Path_, Position]
    faults: tuple[Fault, ...] = ()
    """Single values that cannot be read; `check` raises them together with what does not fit."""

    def fault(self, path: Iterable[Key], message: str, severity: Severity = Severity.ERROR) -> Fault:
        """A fault at `path`, or at the nearest enclosing value that the file has."""
        steps = tuple(path)
        while steps and steps not in self.positions:
            steps = steps[:-1]
        line, column = self.positions.get(steps, (1, 1))
        return Fault(file=self.file, line=line, column=column, message=shown(message), severity=severity)

    def check(self, model: type[ModelT]) -> ModelT:
        """The data as `model`; raises FileFaultsError with every misfit at its place."""
        found, misfits = self.fit(model, self.data)
        if found is None or self.faults:
            raise FileFaultsError((*self.faults, *(each.fault for each in misfits)))
        return found

    def fit(self, model: type[ModelT], data: Any) -> tuple[ModelT | None, tuple[Misfit, ...]]:  # noqa: ANN401 - YAML data
        """This file's data, or what is left of it, as `model`; or None and the misfits that are no faults already."""
        told = {(fault.line, fault.column) for fault in self.faults}
        try:
            return model.model_validate(data), ()
        except ValidationError as error:
            misfits = tuple(self._misfits(error, model))
        return None, tuple(each for each in misfits if (each.fault.line, each.fault.column) not in told)

    def _misfits(self, error: ValidationError, model: type[BaseModel]) -> Iterable[Misfit]:
        misfits = error.errors(include_url=False)
        for misfit in misfits:
            own = misfit["loc"]
            # Items that are wrong themselves are not counted: their own faults say it better.
            if misfit["type"] == "too_short" and any(
                each["loc"][: len(own)] == own and len(each["loc"]) > len(own) for each in misfits
            ):
                continue
            path = self._path(misfit["loc"], missing=misfit["type"] == "missing")
            name = ".".join(str(key) for key in path) or "file"
            told = plain(misfit)
            if misfit["type"] == "extra_forbidden":
                told += alike(str(path[-1]), model)
            yield Misfit(path, misfit["type"], self.fault(path, f"{name}: {told}"))

    def _path(self, location: tuple[Key, ...], *, missing: bool) -> Path_:
        """Pydantic's location less the names of union members, which stand in no file."""
        path: Path_ = ()
        for key in location:
            if (*path, key) in self.positions:
                path = (*path, key)
        return (*path, location[-1]) if missing and location[-1:] != path[-1:] else path


def files_in(folder: Path) -> list[Path]:
    """The YAML files of a folder by their names; none where there is no such folder."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)


def wanted() -> str:
    """The names that `files_in` looks for, as they are told to people."""
    return ", ".join(f"*{ending}" for ending in ENDINGS)


def read(path: Path, *, most_bytes: int = MAX_BYTES, most_values: int = MAX_VALUES) -> Document:
    """Parse a YAML file; raises FileFaultsError when it is unreadable, unsafe or no YAML."""
    try:
        if path.exists() and not path.is_file():
            raise FileFaultsError((Fault(str(path), 0, 0, "cannot be read: is no file"),))
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise FileFaultsError((Fault(str(path), 0, 0, f"cannot be read: {error.strerror}"),)) from None
    if len(content) > most_bytes:
        raise FileFaultsError((Fault(str(path), 0, 0, f"is larger than {most_bytes} bytes"),))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        place = place_in(content[: error.start].decode())
        raise FileFaultsError((Fault(str(path), *place, "cannot be read: is not UTF-8 text"),)) from None
    return parse(text, file=str(path), most_values=most_values)


def parse(text: str, *, file: str, most_values: int = MAX_VALUES) -> Document:
    """Parse YAML text; raises FileFaultsError where it is none, or has aliases, tags or absurd size or depth."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise FileFaultsError((Fault(file, 0, 0, f"is larger than {MAX_BYTES} bytes"),))
    root = compose(text, file=file, most_values=most_values)
    reader = Reader(file)
    data = reader.value(root, ())
    return Document(file=file, data=data, positions=reader.positions, faults=tuple(reader.faults))
