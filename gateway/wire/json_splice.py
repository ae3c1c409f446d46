"""Set values inside a JSON text without rewriting the rest of it.

A decode-encode round trip would turn big integers into floats, drop duplicate keys and
reorder; here only the bytes of the value change. Every piece of the text is stepped over
once, in C; what could keep the one event loop busy is bounded and refused.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

import msgspec
import orjson

from gateway.domain.errors import Refused

MOST_MEMBERS: Final = 10_000
"""Members of an object, or items of an array, that a setting's pointer leads through."""

MOST_CONTAINERS: Final = 100_000
"""Objects and arrays in a body, its strings left aside."""

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_CHECK: Final = msgspec.json.Decoder(msgspec.Raw)  # reads all and builds nothing
# Steps over a value: numbers are not read, for a long one costs the square of its length.
_STEP_OVER: Final = json.JSONDecoder(parse_int=bool, parse_float=bool).raw_decode

Steps = tuple[str, ...]
Edit = tuple[int, int, str]
"""From where to where the text changes, and into what."""


def splice_all(body: bytes, settings: Iterable[tuple[Steps, bytes]]) -> bytes:
    """Give *body* with each value at its place, set one after the other.

    A missing last key is added to its object; a missing parent is an error.

    Args:
        body: A whole JSON text; checked once.
        settings: JSON pointers, cut into steps, at least one, and JSON texts.

    Raises:
        Refused: 415 when *body* is not JSON; 400 when a place cannot be set, or when
            finding it would take too long.

    """
    try:
        text = _checked(body)
        for steps, value in settings:
            start = _skip(text, 0)
            (begin, end, new), _ = _find(text, start, steps, value.decode())
            text = text[:begin] + new + text[end:]
    except RecursionError:
        raise _not_json("it is nested too deeply") from None
    return text.encode()


def _checked(body: bytes) -> str:
    try:
        _CHECK.decode(body)
        text = body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(str(error)) from None
    if _containers(body) > MOST_CONTAINERS:  # most often there are few in strings, too
        count = _containers(_STRINGS.sub(b"", body))
        if count > MOST_CONTAINERS:
            raise _too_much(f"{count} objects and arrays", MOST_CONTAINERS)
    return text


def _containers(body: bytes) -> int:
    return body.count(b"{") + body.count(b"[")


def _not_json(reason: str) -> Refused:
    return Refused(
        415,
        f"The request body is not JSON ({reason}).",
        remedy="Send a JSON body: this version's settings are written into it.",
    )


def _too_much(found: str, most: int) -> Refused:
    return Refused(
        400,
        f"The request body has {found}, and this version's settings are written into it.",
        remedy=f"Send {most} at most.",
    )


def _no_place(step: str) -> Refused:
    return Refused(
        400,
        f"The request body has no place for '{step}'.",
        remedy="Send the objects above it: this version's settings go there.",
    )


def _twice(step: str) -> Refused:
    return Refused(
        400, f"The request body has the key '{step}' twice.", remedy="Send it once."
    )


def _find(text: str, start: int, steps: Steps, value: str) -> tuple[Edit, int]:
    """Give the edit below the value at *start*, and where that value ends."""
    if not steps:
        end = _STEP_OVER(text, start)[1]
        return (start, end, value), end
    if text[start] == "{":
        return _in_object(text, start, steps, value)
    if text[start] == "[" and steps[0].isdecimal():
        return _in_array(text, start, steps, value)
    raise _no_place(steps[0])


def _in_object(text: str, start: int, steps: Steps, value: str) -> tuple[Edit, int]:
    step, *below = steps
    found: Edit | None = None
    position = _skip(text, start + 1)
    is_empty = text[position] == "}"
    for _ in range(MOST_MEMBERS):
        if text[position] == "}":
            return found or _added(start, steps, value, is_empty=is_empty), position + 1
        key, position = _STEP_OVER(text, position)
        position = _skip(text, _skip(text, position) + 1)
        if key != step:
            position = _STEP_OVER(text, position)[1]
        elif found is None:
            found, position = _find(text, position, tuple(below), value)
        else:
            raise _twice(step)
        position = _next(text, position)
    raise _too_much(f"an object of more than {MOST_MEMBERS} members", MOST_MEMBERS)


def _added(start: int, steps: Steps, value: str, *, is_empty: bool) -> Edit:
    if len(steps) > 1:
        raise _no_place(steps[0])
    comma = "" if is_empty else ","
    return start + 1, start + 1, f"{orjson.dumps(steps[0]).decode()}:{value}{comma}"


def _in_array(text: str, start: int, steps: Steps, value: str) -> tuple[Edit, int]:
    place, *below = steps
    found: Edit | None = None
    position = _skip(text, start + 1)
    for index in range(MOST_MEMBERS):
        if text[position] == "]":
            if found is None:
                raise _no_place(place)
            return found, position + 1
        if index == int(place):
            found, position = _find(text, position, tuple(below), value)
        else:
            position = _STEP_OVER(text, position)[1]
        position = _next(text, position)
    raise _too_much(f"an array of more than {MOST_MEMBERS} items", MOST_MEMBERS)


def _next(text: str, position: int) -> int:
    """Go past the comma after a member; stay at the bracket that ends them."""
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position


def _skip(text: str, position: int) -> int:
    if text[position] not in " \t\r\n":
        return position
    blanks = _BLANKS.match(text, position)
    return position if blanks is None else blanks.end()
