"""What a model server does with one request, as one value.

Written as `first_token=0.2,rate=50,error=0.3,error_in_200` on the command line and in
the header `x-misbehave`, or as JSON at `POST /_behave`. Later words win.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, TypeAlias, cast

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}

Word: TypeAlias = str | float | bool | None


class BehaviourError(ValueError):
    """A behaviour that cannot be read; the message names the word and the known ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One way to answer. Times in seconds, sizes in bytes; None switches a thing off."""

    # Pace
    first_token: float = 0.0  # before the first event, or before a whole answer
    interval: float = 0.0  # between events; `rate=50` is a way to write 0.02
    early_head: bool = False  # the head goes out at once, before first_token
    read_rate: int | None = None  # request bodies are read this slowly, per second
    slow: float = 0.0  # share of answers whose first byte comes later, by slow_by
    slow_by: float = 0.0
    cold: float = 0.0  # the first answer to each x-user-id comes later, by so much
    spread: float = 0.0  # sigma of lognormal factors on first_token and on the length
    # Shape of the answer
    events: int = 20  # chunks before [DONE]: the role first, the finish reason last
    text_bytes: int = 40  # length of the text of an answer that is not streamed
    usage: str = "asked"  # or always, never, misplaced, running: see README.md
    finish: str = "stop"
    no_finish: bool = False  # no finish_reason anywhere
    no_done: bool = False  # no [DONE]; the chunked end still comes
    role_only: bool = False  # no event has content
    says: str = "tokens"  # or loop, empty, json, broken_json, misfit_json
    refusal: bool = False  # the text declines
    refusals: float = 0.0  # share of answers whose text does
    wrong: float = 0.0  # share of answers that are bad in `wrong_in`, for judge_server
    is_wrong: bool = False  # this one is
    wrong_in: str = "hallucination"  # a score of judge_truth
    adds: str = ""  # said at the beginning of each text
    declines: bool = False  # it stands where the protocol has refusals
    tool: str = ""  # a tool is called: valid, invalid, misfit, unknown
    big_event: int | None = None  # the first text is so many bytes long
    gzip: bool = False  # coded, whatever the client accepts
    stamp: bool = False  # each event carries `sent`: CLOCK_MONOTONIC, nanoseconds
    crlf: bool = False  # lines end in CRLF
    comment: bool = False  # a `: keep-alive` comment before each event
    split: int | None = None  # each event leaves in pieces of so many bytes
    # Failures
    status: int = 200
    error: float = 0.0  # share of requests, 0 to 1, that fail by seeded dice
    beyond: int = 0  # only requests of so many bytes fail, are slow, or refused
    error_status: int = 500  # how they fail, unless error_in_200
    error_in_200: bool = False  # failing answers say 200, then bring the error
    error_after: int = 3  # events before that error event
    garbage: int | None = None  # after so many events one that is no JSON
    bad_utf8: int | None = None  # this text is no UTF-8
    cut: int | None = None  # TCP close after so many events, no final chunk
    reset: bool = False  # the cut is a RST instead of a FIN
    stall: int | None = None  # silent for ever after so many events
    hang: bool = False  # never answers
    huge: int | None = None  # so many bytes of answer, with flow control
    close_idle: float | None = None  # closes so long after an answer, unannounced
    close_on_reuse: bool = False  # a second request on a connection is never answered
    unhealthy: bool = False  # /health says 503

    @property
    def varies(self) -> bool:
        """Whether two answers may differ in more than failing."""
        return bool(
            self.slow or self.spread or self.refusals or self.wrong or self.beyond
        )


_DEFAULT = Behaviour()
_NAMES = frozenset(field.name for field in fields(Behaviour))
_SIZES = frozenset({"beyond", "big_event", "huge", "read_rate", "text_bytes"})
_COUNTS = frozenset({"events", "status", "error_status", "error_after"}) | frozenset({
    "bad_utf8",
    "cut",
    "garbage",
    "stall",
    "split",
})
_SECONDS = frozenset({"first_token", "interval", "close_idle", "error"}) | frozenset({
    "cold",
    "refusals",
    "slow",
    "slow_by",
    "spread",
    "wrong",
})
_WORDS: Mapping[str, tuple[str, ...] | None] = {
    "adds": None,  # whatever one likes
    "finish": None,
    "says": ("tokens", "loop", "empty", "json", "broken_json", "misfit_json"),
    "tool": ("", "valid", "invalid", "misfit", "unknown"),
    "usage": ("asked", "always", "never", "misplaced", "running"),
    "wrong_in": None,
}


def parse(text: str, onto: Behaviour = _DEFAULT) -> Behaviour:
    """Read `name=value,flag,...` on top of `onto`; raise BehaviourError."""
    pairs = (word.strip().partition("=") for word in text.split(",") if word.strip())
    given = {name.strip(): value if equals else True for name, equals, value in pairs}
    return from_mapping(given, onto)


parse_cached = lru_cache(maxsize=1024)(parse)


def from_mapping(given: Mapping[str, Word], onto: Behaviour = _DEFAULT) -> Behaviour:
    """Read parsed JSON on top of `onto`; null gives a field its default back."""
    changes = dict(_read(name, value) for name, value in given.items())
    # replace() is typed per field; _read() has checked each name and type.
    return replace(onto, **cast("dict[str, Any]", changes))


def _read(name: str, value: Word) -> tuple[str, Word]:
    if name == "rate":
        return "interval", 1.0 / _number(name, value)
    if name not in _NAMES:
        known = ", ".join(sorted(_NAMES | {"rate"}))
        message = f"unknown behaviour {name!r}. Known: {known}."
        raise BehaviourError(message)
    if value is None:
        return name, cast("Word", getattr(_DEFAULT, name))
    return name, _value(name, value)


def _value(name: str, value: Word) -> Word:
    if name in _SIZES:
        return _size(name, value)
    if name in _COUNTS:
        return int(_number(name, value))
    if name in _SECONDS:
        return 0.0 if value is True else _number(name, value)
    return _word(name, value) if name in _WORDS else _flag(name, value)


def _word(name: str, value: Word) -> str:
    known = _WORDS[name]
    if known is not None and value not in known:
        message = f"{name}={value}: unknown word. Known: {', '.join(known)}."
        raise BehaviourError(message)
    return str(value)


def _flag(name: str, value: Word) -> bool:
    match str(value).lower():
        case "true" | "1" | "yes":
            return True
        case "false" | "0" | "no":
            return False
        case other:
            message = f"{name}={other}: expected a flag. Write {name} or {name}=0."
            raise BehaviourError(message)


def _number(name: str, value: Word) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if number < 0 or (name == "rate" and number == 0):
        message = f"{name}={value}: expected a number. Write {name}=5."
        raise BehaviourError(message)
    return number


def _size(name: str, value: Word) -> int:
    found = _SIZE.fullmatch(str(value))
    if found is None:
        message = f"{name}={value}: expected a size. Write {name}=100MB."
        raise BehaviourError(message)
    return int(float(found[1]) * _UNITS[found[2].lower()])
