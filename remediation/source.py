"""YAML files as people write them: safe, bounded, and every fault at its line and column.

Serves all of Bellhop's files: configuration, network, rules, runbooks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from remediation.errors import Fault, FileFaultsError, Severity

MAX_BYTES = 1 << 20
MAX_DEPTH = 24
MAX_NODES = 100_000

Key = str | int
Path_ = tuple[Key, ...]
Position = tuple[int, int]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file: its data, and where each value stands (line and column from 1)."""

    file: str
    data: Any
    positions: Mapping[Path_, Position]

    def fault(self, path: Iterable[Key], message: str, severity: Severity = Severity.ERROR) -> Fault:
        """A fault at `path`, or at the nearest enclosing value that the file has."""
        steps = tuple(path)
        while steps and steps not in self.positions:
            steps = steps[:-1]
        line, column = self.positions.get(steps, (1, 1))
        return Fault(file=self.file, line=line, column=column, message=message, severity=severity)

    def check(self, model: type[ModelT]) -> ModelT:
        """The data as `model`; raises FileFaultsError with every misfit at its place."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise FileFaultsError(tuple(self._misfits(error))) from None

    def _misfits(self, error: ValidationError) -> Iterable[Fault]:
        misfits = error.errors(include_url=False, include_context=False)
        for misfit in misfits:
            own = misfit["loc"]
            # Items that are wrong themselves are not counted: their own faults say it better.
            if misfit["type"] == "too_short" and any(
                each["loc"][: len(own)] == own and len(each["loc"]) > len(own) for each in misfits
            ):
                continue
            path = self._path(misfit["loc"], missing=misfit["type"] == "missing")
            name = ".".join(str(key) for key in path) or "file"
            yield self.fault(path, f"{name}: {_plain(misfit['type'], misfit['msg'])}")

    def _path(self, location: tuple[Key, ...], *, missing: bool) -> Path_:
        """Pydantic's location less the names of union members, which stand in no file."""
        path: Path_ = ()
        for key in location:
            if (*path, key) in self.positions:
                path = (*path, key)
        return (*path, location[-1]) if missing and location else path


def _plain(kind: str, message: str) -> str:
    plain = {"missing": "is missing", "extra_forbidden": "is not a known setting here"}
    return plain.get(kind, _lower(message.removeprefix("Value error, ")))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def read(path: Path) -> Document:
    """Parse a YAML file; raises FileFaultsError when it is unreadable, unsafe or no YAML."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FileFaultsError((Fault(str(path), 0, 0, f"is larger than {MAX_BYTES} bytes"),))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise FileFaultsError((Fault(str(path), 0, 0, f"cannot be read: {reason}"),)) from None
    return parse(text, file=str(path))


def parse(text: str, *, file: str) -> Document:
    """Parse YAML text; aliases, duplicate keys, custom tags and absurd depth are faults, not features."""
    if len(text.encode()) > MAX_BYTES:
        raise FileFaultsError((Fault(file, 0, 0, f"is larger than {MAX_BYTES} bytes"),))
    try:
        _refuse_aliases(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise FileFaultsError((Fault(file, line, column, f"is not YAML: {error.problem}"),)) from None
    except yaml.YAMLError as error:
        raise FileFaultsError((Fault(file, 1, 1, f"is not YAML: {error}"),)) from None
    if root is None:
        raise FileFaultsError((Fault(file, 1, 1, "is empty"),))
    reader = _Reader(file)
    data = reader.value(root, ())
    if reader.faults:
        raise FileFaultsError(tuple(reader.faults))
    return Document(file=file, data=data, positions=reader.positions)


def _refuse_aliases(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.AliasEvent):
            raise FileFaultsError((Fault(file, *place, "aliases (*name) are not allowed; write it out"),))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise FileFaultsError((Fault(file, *place, f"is nested deeper than {MAX_DEPTH} levels"),))


class _Reader:
    """Turns composed nodes into plain data and remembers where each stood."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.positions: dict[Path_, Position] = {}
        self._scalars = yaml.SafeLoader("")

    def value(self, node: Node, path: Path_) -> Any:  # noqa: ANN401 - YAML data is of any shape
        self.positions[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if len(self.positions) > MAX_NODES:
            raise FileFaultsError((Fault(self.file, *self.positions[path], f"has over {MAX_NODES} values"),))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None:
                self._fault(key_node, "a key must be plain text")
            elif key in result:
                self._fault(key_node, f"{key} stands here twice")
            else:
                result[key] = self.value(value_node, (*path, key))
                if isinstance(value_node, ScalarNode):
                    continue
                self.positions[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return result

    def _scalar(self, node: Node) -> Any:  # noqa: ANN401
        try:
            return self._scalars.construct_object(node)
        except yaml.MarkedYAMLError as error:
            self._fault(node, f"{error.problem}")
        except ValueError as error:
            self._fault(node, str(error))
        return None

    def _fault(self, node: Node, message: str) -> None:
        mark = node.start_mark
        self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, message))
