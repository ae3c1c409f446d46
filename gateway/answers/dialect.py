"""Socket: a dialect knows how one API of model servers asks and answers.

To add one: write dialects/<name>.py with one constant, list it in dialects/__init__.py.
tests/contracts/test_every_dialect.py then holds it to the rules below, and
config/README.md must name its family.

A dialect keeps nothing between calls: what it has read stands in the Answer. It gets
whole events (framing is events.py's work), never changes a byte, and is total: whatever
a server sends, it raises nothing. What it cannot read it marks `is_garbled`, and what it
does not know (a new event, a new field) it ignores.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked


class Framing(Enum):
    """How a streamed answer is cut into events."""

    SSE = auto()  # text/event-stream (WHATWG HTML, 9.2)
    LINES = auto()  # newline-delimited JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One API of one family of model servers.

    Attributes:
        name: Unique, in snake_case; shown in the access log and in traces.
        family: What a configuration's `dialect` names: openai, anthropic, kserve,
            ollama, tgi or plain.
        paths: Endings of request paths that mean this API, b"/chat/completions"; a `*`
            in one, for what lies between: b"/v2/models/*/infer".
        shared_paths: The same, where the configuration names the family; otherwise
            other servers' APIs are meant by them as often.
        read_request: Reads a whole request body. The flag says whether prompt and
            context are wanted too. Of what is no JSON, or cannot be read, it gives
            asked.NOTHING itself.
        read_whole: Reads the body of a 2xx answer that is not streamed. It sets
            `is_terminated`, for such a body is whole.
        read_events: Reads events of a stream, in order, as often as there are some.
            An event is its data (SSE, lines joined) or its line (LINES).
        read_head: Reads the fields of a 2xx answer's head, by lower-case name, before
            its body; None where they say nothing.
        framing: Of streams.
        is_text: Whether answers are text that signals can read (an embedding is not).

    """

    name: str
    family: str
    paths: tuple[bytes, ...]
    read_request: Callable[[bytes, bool], Asked]
    read_whole: Callable[[Answer, bytes], None]
    read_events: Callable[[Answer, Sequence[bytes]], None]
    read_head: Callable[[Answer, Mapping[bytes, bytes]], None] | None = None
    framing: Framing = Framing.SSE
    is_text: bool = True
    shared_paths: tuple[bytes, ...] = ()
