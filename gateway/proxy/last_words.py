"""What a client is told in a stream that its endpoint broke off: an error, as an event.

In the client's dialect, and only where its last event is whole: behind half an event
nothing can be said that would be understood. The stream is cut all the same.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import orjson

from gateway.answers.dialect import Framing
from gateway.domain.errors import GatewayError
from gateway.proxy.observe import Observation
from gateway.proxy.refuse import shaped

_WITHOUT_END_MARK: Final = frozenset({"kserve"})
_RESPONSES: Final = "openai_responses"


def last_words(seen: Observation, error: GatewayError, request_id: bytes) -> bytes:
    """Give what may still be written of a stream that ends too early; b"" for nothing."""
    reading = seen.reading
    if reading is None or not reading.is_between_events:
        return b""
    dialect = reading.dialect
    if reading.answer.is_terminated and dialect.family not in _WITHOUT_END_MARK:
        return b""  # the client has stopped listening
    write = _EVENTS.get(dialect.name, _SHAPES.get(dialect.family, _data))
    told = shaped(dialect.family, error, request_id)
    if dialect.framing is Framing.LINES:
        write = _line
    rest = b"" if seen.strip is None else seen.strip.rest()
    return rest + write(error, told)


def _data(_error: GatewayError, told: dict[str, object]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(told)


def _line(_error: GatewayError, told: dict[str, object]) -> bytes:
    return orjson.dumps(told) + b"\n"


def _named(_error: GatewayError, told: dict[str, object]) -> bytes:
    """As Anthropic sends it (https://docs.claude.com/en/docs/build-with-claude/streaming)."""
    return b"event: error\ndata: %b\n\n" % orjson.dumps(told)


def _of_responses(error: GatewayError, _told: dict[str, object]) -> bytes:
    """As OpenAI does (https://platform.openai.com/docs/api-reference/responses-streaming)."""
    told = {
        "type": "error",
        "code": error.type,
        "message": str(error),
        "param": None,
        "sequence_number": 0,  # of those before nobody here knows
    }
    return b"event: error\ndata: %b\n\n" % orjson.dumps(told)


_Writer = Callable[[GatewayError, dict[str, object]], bytes]
_EVENTS: Final[Mapping[str, _Writer]] = MappingProxyType({_RESPONSES: _of_responses})
_SHAPES: Final[Mapping[str, _Writer]] = MappingProxyType({"anthropic": _named})
