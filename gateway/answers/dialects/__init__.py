"""Every dialect there is, and which one a request speaks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.answers.dialect import Dialect
from gateway.answers.dialects.anthropic import ANTHROPIC
from gateway.answers.dialects.openai_chat import OPENAI_CHAT
from gateway.answers.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.answers.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.answers.dialects.openai_responses import OPENAI_RESPONSES
from gateway.answers.dialects.plain import PLAIN

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        OPENAI_COMPLETIONS,
        OPENAI_EMBEDDINGS,
        OPENAI_RESPONSES,
        ANTHROPIC,
        PLAIN,
    )
})

AUTO: Final = "auto"

FAMILIES: Final = tuple(dict.fromkeys(d.family for d in DIALECTS.values()))
"""What a configuration may name besides `auto`."""


def _endings_of(setting: str) -> tuple[tuple[bytes, Dialect], ...]:
    """Give the endings of paths that mean something under a setting, longest first."""
    found = [
        (ending, dialect)
        for dialect in DIALECTS.values()
        if setting in {AUTO, dialect.family}
        for ending in dialect.paths
    ]
    return tuple(sorted(found, key=lambda each: len(each[0]), reverse=True))


_ENDINGS: Final = {setting: _endings_of(setting) for setting in (AUTO, *FAMILIES)}


def dialect_of(setting: str, path: bytes) -> Dialect:
    """Choose the dialect of a request.

    The longest ending that fits the path wins, among the dialects of the family that
    is set. None fits: plain.

    Args:
        setting: `auto` or a family.
        path: The request's path, without its query.

    """
    path = path.rstrip(b"/")
    for ending, dialect in _ENDINGS.get(setting, ()):
        if path.endswith(ending):
            return dialect
    return PLAIN
