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
"""Characters that are kept of each passage, and of the prompt, from the beginning."""

LONGEST_END: Final = 4 * 1024
"""Characters that are kept besides of a longer prompt, from its end."""


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
        prompt_end: What a prompt that is longer ends with: the question often stands
            behind what it is about. "" where `prompt` is whole.
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
    prompt_end: str = ""
    context: tuple[str, ...] = ()
    reference: str | None = None


NOTHING: Final = Asked()
"""What is known of a request whose body was not read. Never changed."""


def take_prompt(asked: Asked, text: str) -> None:
    """Take what the user said, bounded; nothing when it is empty."""
    asked.prompt = text[:LONGEST_PASSAGE] or None
    asked.prompt_end = text[LONGEST_PASSAGE:][-LONGEST_END:]


def text_of(content: object) -> str:
    """Give a message's text: its content is text, or a list of parts, some with text."""
    return content if isinstance(content, str) else "".join(_texts_of(content))


def asked_in(content: object) -> str:
    """Give the same of a message to a model, whose parts are texts of their own.

    Glued together, what one ends with would hide what the next begins with: a secret
    behind a letter is none. Parts of an answer, though, go on in the middle of a word.
    """
    if isinstance(content, str):
        return content
    glued: list[str] = []
    for text in filter(None, _texts_of(content)):
        if glued and not (glued[-1][-1].isspace() or text[0].isspace()):
            glued.append("\n")
        glued.append(text)
    return "".join(glued)


def _texts_of(content: object) -> list[str]:
    parts = content if isinstance(content, list) else parts_of(content)
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str)]


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
        item = item.get("text") or asked_in(item.get("content"))
    return item if isinstance(item, str) else ""


def passages(texts: Iterable[str]) -> tuple[str, ...]:
    """Bound a context, and leave out what is empty."""
    found = [text[:LONGEST_PASSAGE] for text in texts if text]
    return tuple(found[-MOST_PASSAGES:])
