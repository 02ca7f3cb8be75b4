"""YAML text into plain data in one bounded pass; remembers where each value stands."""

import re
from collections.abc import Iterable
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent, CollectionStartEvent, Event, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.reader import ReaderError

from remediation.errors import Fault, FileFaultsError
from remediation.source_words import shown

MAX_DEPTH = 24

Key = str | int
Position = tuple[int, int]

_CORE = "tag:yaml.org,2002:"
_TAGS = frozenset({f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null")})
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing, halves of characters: what is shown would mislead."""
_SURPRISING = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*_[0-9_]*|[0-9][0-9_]*(:[0-9_.]+)+)(\.[0-9_]*)?")
"""Numbers that YAML reads otherwise than people: 010 is 8, 5:00 is 300, 1_0 is 10."""
_LONGEST_NUMBER = 100


class _Loader(yaml.SafeLoader):
    """Refuses while it reads, so that nothing is built of what is too much."""

    def __init__(self, text: str, file: str, most_values: int) -> None:
        super().__init__(text)
        self._file = file
        self._left = most_values
        self._most = most_values
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # noqa: ANN401 - PyYAML's own
        """One value with all that is in it."""
        self._refuse(self.peek_event())  # type: ignore[no-untyped-call]
        self._depth += 1
        try:
            node: Node | None = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        return node

    def _refuse(self, event: Event) -> None:
        told = ""
        self._left -= 1
        if isinstance(event, AliasEvent):
            told = "aliases (*name) are not allowed; write it out"
        elif isinstance(event, CollectionStartEvent) and self._depth >= MAX_DEPTH:
            told = f"is nested deeper than {MAX_DEPTH} levels"
        elif self._left < 0:
            told = f"has over {self._most} values"
        elif isinstance(event, CollectionStartEvent | ScalarEvent) and event.tag is not None:
            known = isinstance(event, ScalarEvent) and event.tag in _TAGS
            told = "" if known else f"the tag {event.tag} is not allowed; write the plain value"
        if told:
            raise FileFaultsError((_fault(self._file, event, told),))


def compose(text: str, *, file: str, most_values: int) -> Node:
    """The nodes of YAML text; raises FileFaultsError when it is none, or too much."""
    try:
        loader = _Loader(text, file, most_values)
    except ReaderError as error:
        raise _unreadable(file, text, error) from None
    try:
        root: Node | None = loader.get_single_node()
    except ReaderError as error:
        raise _unreadable(file, text, error) from None
    except yaml.MarkedYAMLError as error:
        raise _ill_formed(file, error) from None
    except (ValueError, OverflowError):
        mark = loader.get_mark()
        told = "is not YAML: the escape names no character"
        raise FileFaultsError((Fault(file, mark.line + 1, mark.column + 1, told),)) from None
    if root is None:
        raise FileFaultsError((Fault(file, 1, 1, "is empty"),))
    return root


def _unreadable(file: str, text: str, error: ReaderError) -> FileFaultsError:
    told = f"is not YAML: the character U+{ord(text[error.position]):04X} is not allowed"
    return FileFaultsError((Fault(file, *place_in(text[: error.position]), told),))


def _ill_formed(file: str, error: yaml.MarkedYAMLError) -> FileFaultsError:
    mark = error.problem_mark or error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    second = isinstance(error, ComposerError) and "single document" in str(error.context)
    told = "has a second document (---)" if second else shown(f"is not YAML: {error.problem}")
    return FileFaultsError((Fault(file, *place, told),))


def place_in(before: str) -> Position:
    """Line and column of what comes after this text."""
    lines = before.removeprefix("\ufeff").splitlines(keepends=True) or [""]
    ended = lines[-1].endswith(("\n", "\r"))
    return (len(lines) + 1, 1) if ended else (len(lines), len(lines[-1]) + 1)


def _fault(file: str, where: Node | Event, message: str) -> Fault:
    mark = where.start_mark
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Fault(file, *place, shown(message))


class Reader:
    """Turns composed nodes into plain data and remembers where each stood."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.positions: dict[tuple[Key, ...], Position] = {}
        self._scalars = yaml.SafeLoader("")

    def value(self, node: Node, path: tuple[Key, ...]) -> Any:  # noqa: ANN401 - YAML data is of any shape
        """The data of a node; what is wrong with it is added to the faults."""
        self.positions[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _entries(self, node: MappingNode, path: tuple[Key, ...]) -> Iterable[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = self._key(key_node, seen)
            if key is None:
                continue
            seen.add(key)
            yield key, self.value(value_node, (*path, key))
            if not isinstance(value_node, ScalarNode):
                self.positions[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)

    def _key(self, node: Node, seen: set[str]) -> str | None:
        """A key as it is written, or None and a fault."""
        if not isinstance(node, ScalarNode):
            self._fault(node, "a key must be plain text")
        elif node.tag == f"{_CORE}merge":
            self._fault(node, "merge keys (<<) are not allowed; write it out")
        elif _HIDDEN.search(node.value):
            self._fault(node, f"the key {node.value} has characters that cannot be shown")
        elif node.value in seen:
            self._fault(node, f"{node.value} stands here twice")
        else:
            return str(node.value)
        return None

    def _scalar(self, node: ScalarNode) -> Any:  # noqa: ANN401
        kind = node.tag.removeprefix(_CORE)
        if kind in ("int", "float") and len(node.value) > _LONGEST_NUMBER:
            self._fault(node, "is too large a number")
            return None
        try:
            value = self._scalars.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError, LookupError, AttributeError, OverflowError):
            self._fault(node, f"{node.value} is no {kind}")
            return None
        if isinstance(value, str) and (hidden := _HIDDEN.search(value)):
            self._fault(node, f"text has the character U+{ord(hidden[0]):04X}, which cannot be shown")
        if kind in ("int", "float") and _SURPRISING.fullmatch(node.value):
            self._fault(node, f"YAML reads {node.value} as {value}: write it so, or in quotes")
        return value

    def _fault(self, node: Node, message: str) -> None:
        self.faults.append(_fault(self.file, node, message))
