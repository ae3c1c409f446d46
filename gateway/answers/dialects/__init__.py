"""Every dialect there is, and which one a request speaks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.answers.dialect import Dialect
from gateway.answers.dialects.anthropic import ANTHROPIC
from gateway.answers.dialects.kserve import KSERVE
from gateway.answers.dialects.kserve_generate import KSERVE_GENERATE
from gateway.answers.dialects.ollama import OLLAMA
from gateway.answers.dialects.ollama_embed import OLLAMA_EMBED
from gateway.answers.dialects.openai_chat import OPENAI_CHAT
from gateway.answers.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.answers.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.answers.dialects.openai_responses import OPENAI_RESPONSES
from gateway.answers.dialects.plain import PLAIN
from gateway.answers.dialects.tgi import TGI

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        OPENAI_COMPLETIONS,
        OPENAI_EMBEDDINGS,
        OPENAI_RESPONSES,
        ANTHROPIC,
        KSERVE,
        KSERVE_GENERATE,
        OLLAMA,
        OLLAMA_EMBED,
        TGI,
        PLAIN,
    )
})

AUTO: Final = "auto"

FAMILIES: Final = tuple(dict.fromkeys(d.family for d in DIALECTS.values()))
"""What a configuration may name besides `auto`."""


def _paths_in(dialect: Dialect, setting: str) -> tuple[bytes, ...]:
    return dialect.paths if setting == AUTO else dialect.paths + dialect.shared_paths


def _paths_of(setting: str) -> tuple[tuple[bytes, bytes, Dialect], ...]:
    """Give what a setting's paths must contain, how they end, and what they mean.

    The longest first.
    """
    found = [
        (path, dialect)
        for dialect in DIALECTS.values()
        if setting in {AUTO, dialect.family}
        for path in _paths_in(dialect, setting)
    ]
    found.sort(key=lambda each: len(each[0]), reverse=True)
    cut = [(path.rpartition(b"*"), dialect) for path, dialect in found]
    return tuple((before, ending, dialect) for (before, _, ending), dialect in cut)


_PATHS: Final = {setting: _paths_of(setting) for setting in (AUTO, *FAMILIES)}


def dialect_of(setting: str, path: bytes) -> Dialect:
    """Choose the dialect of a request.

    The longest of the dialects' paths that fits wins, among the dialects of the family
    that is set. None fits: plain.

    Args:
        setting: `auto` or a family.
        path: The request's path, without its query.

    """
    path = path.rstrip(b"/")
    for before, ending, dialect in _PATHS.get(setting, ()):
        if path.endswith(ending) and before in path[: -len(ending)]:
            return dialect
    return PLAIN
