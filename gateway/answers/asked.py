"""What a request asks for, in one form for all dialects."""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.answers.json_reader import parts_of

MOST_TOOLS: Final = 128
"""Tools of a request that are remembered; calls of others are not checked."""

MOST_PASSAGES: Final = 64
"""Passages of a request's context that are read, the last ones."""

LONGEST_TOOLS: Final = 256 * 1024
"""Bytes of a request's list of tools; calls are not checked against a longer one."""

LONGEST_PASSAGE: Final = 16 * 1024
"""Characters that are kept of each passage, and of the prompt."""


class Asked(msgspec.Struct, kw_only=True):
    """What the gateway needs to know of a request's body. Unknown is None or empty.

    Attributes:
        model: The model's name as the client wrote it.
        is_stream: Whether the client asked for a stream.
        wants_json: Whether the answer's text must be a JSON text.
        schema: JSON Schema, as JSON text, that the answer's text must fit.
        tools: Name to JSON Schema of the parameters (JSON text; b"" when there is none).
        conversation: State that lives on one server: `previous_response_id`, or the id
            of a `conversation`.
        max_tokens: The limit the client set for the answer.
        choices: How many answers were asked for.
        prompt: The last thing the user said, bounded; read only where `needs_prompt`
            was asked.
        context: Retrieved passages the request carries; read as `prompt` is.
        reference: The right answer, where an application knows it and a configuration
            says where; read of what is judged.

    """

    model: str | None = None
    is_stream: bool = False
    wants_json: bool = False
    schema: bytes | None = None
    tools: dict[str, bytes] = {}
    conversation: str | None = None
    max_tokens: int | None = None
    choices: int = 1
    prompt: str | None = None
    context: tuple[str, ...] = ()
    reference: str | None = None


NOTHING: Final = Asked()
"""What is known of a request whose body was not read. Never changed."""


def prompt_of(text: str) -> str | None:
    """Bound what the user said; None when it is nothing."""
    return text[:LONGEST_PASSAGE] or None


def text_of(content: object) -> str:
    """Give a message's text: its content is text, or a list of parts, some with text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else parts_of(content)
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def texts_in(found: bytes | msgspec.Raw | None) -> list[str]:
    """Give the texts of a JSON value: a text, or a list of texts or of objects.

    Of an object, its `text` or `content` counts. What is anything else is left out.
    """
    if found is None:
        return []
    try:
        value = msgspec.json.decode(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [_text_in(item) for item in (value if isinstance(value, list) else [value])]


def _text_in(item: object) -> str:
    if isinstance(item, dict):
        item = item.get("text") or text_of(item.get("content"))
    return item if isinstance(item, str) else ""


def passages(texts: Iterable[str]) -> tuple[str, ...]:
    """Bound a context, and leave out what is empty."""
    found = [text[:LONGEST_PASSAGE] for text in texts if text]
    return tuple(found[-MOST_PASSAGES:])
