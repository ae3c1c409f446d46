"""Every dialect there is, and which one a request speaks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.answers.dialect import Dialect
from gateway.answers.dialects.openai_chat import OPENAI_CHAT
from gateway.answers.dialects.plain import PLAIN

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        PLAIN,
    )
})

AUTO: Final = "auto"

FAMILIES: Final = tuple(dict.fromkeys(d.family for d in DIALECTS.values()))
"""What a configuration may name besides `auto`."""


def dialect_of(setting: str, path: bytes) -> Dialect:
    """Choose the dialect of a request.

    The longest ending that fits the path wins, among the dialects of the family that
    is set. None fits: plain.

    Args:
        setting: `auto` or a family.
        path: The request's path, without its query.

    """
    path = path.rstrip(b"/")
    fits = [
        (len(ending), dialect)
        for dialect in DIALECTS.values()
        if setting in {AUTO, dialect.family}
        for ending in dialect.paths
        if path.endswith(ending)
    ]
    return max(fits, key=lambda fit: fit[0])[1] if fits else PLAIN
