"""Set values inside a JSON text without rewriting the rest of it.

A decode-encode round trip would turn big integers into floats, drop duplicate keys and
reorder; here only the bytes of the value change. Tokens are found with regular
expressions, so that the cost is C's and not Python's.
"""

import re
from typing import Final

import orjson

from gateway.domain.errors import Refused

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR: Final = re.compile(rb"[^,\]}\s]+")
_BRACKET_OR_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_QUOTE: Final = b'"'

Span = tuple[int, int]


def splice(body: bytes, steps: tuple[str, ...], value: bytes) -> bytes:
    """Give *body* with *value* at the place named by *steps*.

    A missing last key is added to its object; a missing parent is an error.

    Args:
        body: A whole JSON text.
        steps: JSON pointer, cut into steps, at least one.
        value: JSON text.

    Raises:
        Refused: 415 when *body* is not JSON; 400 when the place cannot be set.

    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(
            415,
            f"The request body is not JSON ({error.msg}).",
            remedy="Send a JSON body: this version's settings are written into it.",
        ) from None
    start, _end = _value_at(body, 0)
    for step in steps[:-1]:
        start = _member(body, start, step, steps)[0]
    return _set_member(body, start, steps, value)


def _set_member(body: bytes, start: int, steps: tuple[str, ...], value: bytes) -> bytes:
    try:
        begin, end = _member(body, start, steps[-1], steps)
    except _Missing:
        return _add_member(body, start, steps, value)
    return body[:begin] + value + body[end:]


def _add_member(body: bytes, start: int, steps: tuple[str, ...], value: bytes) -> bytes:
    if body[start : start + 1] != b"{":
        raise _no_place(steps)
    after = _skip(body, start + 1)
    comma = b"" if body[after : after + 1] == b"}" else b","
    added = orjson.dumps(steps[-1]) + b":" + value + comma
    return body[: start + 1] + added + body[start + 1 :]


class _Missing(Refused):
    """The object has no such key, or the array no such place."""


def _no_place(steps: tuple[str, ...]) -> _Missing:
    return _Missing(
        400,
        f"The request body has no place for /{'/'.join(steps)}.",
        remedy="Send the objects above it: this version's settings go there.",
    )


def _member(body: bytes, start: int, step: str, steps: tuple[str, ...]) -> Span:
    opening = body[start : start + 1]
    if opening == b"{":
        return _in_object(body, start, step, steps)
    if opening == b"[" and step.isdecimal():
        return _in_array(body, start, int(step), steps)
    raise _no_place(steps)


def _in_object(body: bytes, start: int, step: str, steps: tuple[str, ...]) -> Span:
    found: Span | None = None
    position = _skip(body, start + 1)
    while body[position : position + 1] == _QUOTE:
        key_start, key_end = _value_at(body, position)
        value = _value_at(body, _skip(body, key_end) + 1)
        if orjson.loads(body[key_start:key_end]) == step:
            if found is not None:
                raise Refused(
                    400,
                    f"The request body has the key '{step}' twice.",
                    remedy="Send it once.",
                )
            found = value
        position = _skip(body, _skip(body, value[1]) + 1)
    if found is None:
        raise _no_place(steps)
    return found


def _in_array(body: bytes, start: int, index: int, steps: tuple[str, ...]) -> Span:
    position = _skip(body, start + 1)
    while body[position : position + 1] != b"]":
        value = _value_at(body, position)
        if not index:
            return value
        index -= 1
        position = _skip(body, value[1])
        if body[position : position + 1] == b",":
            position = _skip(body, position + 1)
    raise _no_place(steps)


def _skip(body: bytes, position: int) -> int:
    blanks = _BLANKS.match(body, position)
    return position if blanks is None else blanks.end()


def _value_at(body: bytes, position: int) -> Span:
    """Give the span of the value that begins at or after *position*; body is valid."""
    start = _skip(body, position)
    first = body[start : start + 1]
    if first in {b"{", b"["}:
        return start, _container_end(body, start)
    pattern = _STRING if first == _QUOTE else _SCALAR
    scalar = pattern.match(body, start)
    return start, start if scalar is None else scalar.end()


def _container_end(body: bytes, start: int) -> int:
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(body, start):
        bracket = token.group()
        if bracket in {b"{", b"["}:
            depth += 1
        elif bracket in {b"}", b"]"}:
            depth -= 1
            if not depth:
                return token.end()
    return len(body)
