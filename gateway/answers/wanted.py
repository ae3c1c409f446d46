"""What a request wanted to be JSON, and whether an answer got far enough to be judged."""

from typing import Final

import msgspec

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked

_CUT: Final = frozenset({None, Finish.LENGTH, Finish.CONTENT_FILTER, Finish.PAUSED})

_skim: Final = msgspec.json.Decoder(msgspec.Raw).decode  # checks all, builds nothing
_parse: Final = msgspec.json.Decoder().decode

NOT_JSON: Final = object()
"""What `parse` gives for text that is no JSON."""


def is_cut(answer: Answer) -> bool:
    """Whether an answer, or one choice of it, ended before the model meant it to."""
    finishes = answer.finishes
    return not finishes or answer.has_error or not _CUT.isdisjoint(finishes.values())


def wanted_json(asked: Asked, answer: Answer) -> str | None:
    """Give the text that must be JSON.

    None when no JSON was wanted, when the answer was cut or is longer than what is kept,
    when the model refused, and when it called a tool in place of a text.
    """
    if not asked.wants_json and asked.schema is None:
        return None
    text = answer.text
    if answer.has_refusal or not text.is_whole or is_cut(answer):
        return None
    if answer.calls and not text.length:
        return None
    return text.kept


def is_kept(asked: Asked, answer: Answer) -> bool:
    """Whether length is no reason for `wanted_json` to give None."""
    if answer.text.is_whole or is_cut(answer):
        return True
    return not asked.wants_json and asked.schema is None


def is_json(text: str) -> bool:
    """Whether a text is JSON (RFC 8259), at most about a thousand levels deep."""
    try:
        _skim(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def parse(text: str) -> object:
    """Give the value of a JSON text; NOT_JSON when it is none."""
    try:
        return _parse(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return NOT_JSON
