"""YAML text to plain values: strict where YAML is generous, and bounded.

Refused: a key that is there twice, tags, an alias inside itself, more than one
document. Dates stay text, because 2024-08-06 is the name of a model; `on:` as a key
stays `on`. Merge keys (<<) and aliases work.
"""

from collections.abc import Callable
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.settings.problem import Problem, RejectedDocument

_DEEPEST: Final = 64
_STR: Final = "tag:yaml.org,2002:str"
_BOOL: Final = "tag:yaml.org,2002:bool"
_MERGE: Final = "tag:yaml.org,2002:merge"
_LEFT_AS_TEXT: Final = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
_LITERALLY_BOOL: Final = {"true", "false"}


_RESOLVERS: Final = {
    first: [pair for pair in pairs if pair[0] not in _LEFT_AS_TEXT]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Refused(yaml.YAMLError):
    """YAML that is well-formed, and not for us."""

    def __init__(self, what: str, remedy: str, where: Node | yaml.Event) -> None:
        super().__init__(what)
        self.problem_mark = where.start_mark
        self.what = what
        self.remedy = remedy


class _Loader(yaml.SafeLoader):
    """Composes nodes, no deeper than a stack can carry."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.yaml_implicit_resolvers = _RESOLVERS
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        peek: Callable[[], yaml.Event] = self.peek_event
        event = peek()
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _Refused(f"found the tag '{tag}'.", "Leave tags out.", event)
        if self._depth >= _DEEPEST:
            raise _Refused(
                f"nested more than {_DEEPEST} levels deep.",
                "Flatten it.",
                event,
            )
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns nodes into values, each once, so that aliases cost nothing."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._built: dict[int, object] = {}
        self._open: set[int] = set()
        self.errors: list[_Refused] = []

    def build(self, node: Node) -> object:
        identity = id(node)
        if identity in self._open:
            raise _Refused(
                "found an alias of what it stands in.",
                "Write the values out.",
                node,
            )
        if identity not in self._built:
            self._open.add(identity)
            self._built[identity] = self._build(node)
            self._open.remove(identity)
        return self._built[identity]

    def _build(self, node: Node) -> object:
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self.build(item) for item in node.value]
        try:
            return self._loader.construct_object(node)
        except ValueError:
            raise _Refused(
                f"found '{node.value[:20]}', a number that cannot be read.",
                "Correct it, or put it in quotes if it is text.",
                node,
            ) from None

    def _mapping(self, node: MappingNode) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._merge(merged, value_node)
                continue
            key = _key(key_node)
            if key in lines:
                self._report_double(key, lines[key], key_node)
            lines.setdefault(key, key_node.start_mark.line + 1)
            own[key] = self.build(value_node)
        return merged | own

    def _report_double(self, key: str, line: int, node: Node) -> None:
        what = f"the key '{key}' is there twice, first in line {line}."
        self.errors.append(_Refused(what, "Keep one of them.", node))

    def _merge(self, merged: dict[str, object], node: Node) -> None:
        found = self.build(node)
        for mapping in found if isinstance(found, list) else [found]:
            if not isinstance(mapping, dict):
                raise _Refused(
                    "found '<<' with something that is no mapping.",
                    "Write an alias of a mapping after it.",
                    node,
                )
            for key, value in mapping.items():
                merged.setdefault(key, value)


def _key(node: Node) -> str:
    if isinstance(node, ScalarNode):
        is_word = node.tag == _BOOL and node.value.lower() not in _LITERALLY_BOOL
        if node.tag == _STR or is_word:
            return str(node.value)
        what = f"found the key '{node.value[:60]}', which YAML does not read as text."
    else:
        what = "found a key that is a list or a mapping."
    raise _Refused(what, "Put keys in quotes.", node)


def parse_yaml(text: str, *, source: str) -> object:
    """Parse one YAML document; None when there is none.

    Raises:
        RejectedDocument: With the line and column of each error.

    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        builder = _Builder(loader)
        document = builder.build(node)
    except yaml.YAMLError as error:
        raise RejectedDocument(source, [_problem(text, error)]) from None
    if builder.errors:
        raise RejectedDocument(
            source, [_problem(text, error) for error in builder.errors]
        )
    return document


def _control_character(text: str, position: int) -> Problem:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return Problem(
        path=f"line {line}, column {column}",
        what=f"found the control character U+{ord(text[position]):04X}.",
        remedy="Take it out: a YAML file is plain text.",
    )


def _problem(text: str, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        return _control_character(text, error.position)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    path = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    if isinstance(error, _Refused):
        return Problem(path=path, what=error.what, remedy=error.remedy)
    found = getattr(error, "problem", None) or "it cannot be read"
    return Problem(
        path=path,
        what=f"this is not YAML: {found}.",
        remedy="Check the indentation (blanks only) and the quotes there; text that "
        "contains ': ', or begins with [ { * & ! % @, or ends in a colon, needs quotes.",
    )
