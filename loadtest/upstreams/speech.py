"""What a model says, whatever the dialect: pieces of text, a call of a tool, tokens.

Pieces are JSON texts already, for streams of ten thousand events a second are made of
them. They are bytes and not text, because some of them are no UTF-8.
"""

import json
from collections.abc import Iterator, Mapping

from loadtest.judge_truth import marked
from loadtest.upstreams.behaviour import Behaviour

PROMPT_TOKENS = 12
CACHED_TOKENS = 4  # of those
TOOL = "get_weather"

_ARGUMENTS = '{"city":"Paris","days":3}'
_REFUSAL = "I'm sorry, but I can't help with that request. "
_FILLER = "The gate opens a little, the water is measured, the gate opens more. "
_LOOP = "and so it goes on "
_NO_UTF8 = b'"caf\xe9 "'  # as Latin-1 has it
_ENDS = 2  # events at the two ends of a stream, without text

_CALLS: Mapping[str, tuple[str, str]] = {
    "valid": (TOOL, _ARGUMENTS),
    "invalid": (TOOL, _ARGUMENTS[:-1]),  # the last bracket is missing
    "misfit": (TOOL, '{"days":"three"}'),  # JSON, but not what was asked for
    "unknown": ("get_wether", _ARGUMENTS),
}
_SAID: Mapping[str, str] = {
    "empty": "",
    "json": '{"name":"Ada","age":36}',
    "broken_json": '{"name":"Ada","age":',
    "misfit_json": '{"name":"Ada","age":"old"}',
}


def json_bytes(body: object) -> bytes:
    """Encode compactly, as the model servers do."""
    return json.dumps(body, separators=(",", ":")).encode()


def call_of(how: Behaviour) -> tuple[str, str]:
    """Give name and arguments of the tool that is called."""
    return _CALLS[how.tool]


def text_events(how: Behaviour) -> int:
    """Give how many events of a stream have text."""
    return max(0, how.events - _ENDS)


def pieces(how: Behaviour) -> Iterator[bytes]:
    """Give the text of a stream, piece by piece, each as a JSON string."""
    said = _SAID.get(how.says)
    if said is not None and not how.role_only:
        yield from map(json_bytes, cut(said, text_events(how)))
        return
    for index in range(1, text_events(how) + 1):
        yield _piece(index, how)


def _piece(index: int, how: Behaviour) -> bytes:
    if how.role_only:
        return b'""'
    if index == 1 and (how.refusal or how.big_event is not None):
        return json_bytes("x" * how.big_event if how.big_event else _REFUSAL)
    if index == how.bad_utf8:
        return _NO_UTF8
    if index == 1 and (how.is_wrong or how.adds):
        return json_bytes(_marked(how.adds + " ", how))
    return json_bytes(_LOOP) if how.says == "loop" else b'"tok%04d "' % (index % 10_000)


def _marked(text: str, how: Behaviour) -> str:
    return marked(text, how.wrong_in) if how.is_wrong else text


def cut(text: str, count: int) -> list[str]:
    """Cut a text into *count* pieces, at least 1; the last may be empty."""
    size = max(1, -(-len(text) // max(1, count)))
    return [text[at * size : (at + 1) * size] for at in range(max(1, count))]


def text(how: Behaviour) -> str:
    """Give the text of an answer that is not streamed."""
    if how.role_only:
        return ""
    said = _SAID.get(how.says)
    if said is not None:
        return said
    filler = _LOOP if how.says == "loop" else _FILLER
    repeats = how.text_bytes // len(filler) + 1
    said = ((_REFUSAL if how.refusal else "") + filler * repeats)[: how.text_bytes]
    return _marked(f"{how.adds} {said}" if how.adds else said, how)


def tokens(how: Behaviour, *, streamed: bool) -> tuple[int, int]:
    """Give the tokens of the prompt and of the whole answer."""
    return PROMPT_TOKENS, text_events(how) if streamed else how.text_bytes // 4
