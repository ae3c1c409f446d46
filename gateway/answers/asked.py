"""What a request asks for, in one form for all dialects."""

from typing import Final

import msgspec

MOST_TOOLS: Final = 128
"""Tools of a request that are remembered; calls of others are not checked."""


class Asked(msgspec.Struct, kw_only=True):
    """What the gateway needs to know of a request's body. Unknown is None or empty.

    Attributes:
        model: The model's name as the client wrote it.
        is_stream: Whether the client asked for a stream.
        asks_usage: Whether the client asked for usage in the stream itself.
        wants_json: Whether the answer's text must be a JSON text.
        schema: JSON Schema, as JSON text, that the answer's text must fit.
        tools: Name to JSON Schema of the parameters (JSON text; b"" when there is none).
        conversation: State that lives on one server: `previous_response_id`, or the id
            of a `conversation`.
        max_tokens: The limit the client set for the answer.
        choices: How many answers were asked for.
        prompt: The last thing the user said; read only where `needs_prompt` was asked.
        context: Retrieved passages the request carries; read as `prompt` is.

    """

    model: str | None = None
    is_stream: bool = False
    asks_usage: bool = False
    wants_json: bool = False
    schema: bytes | None = None
    tools: dict[str, bytes] = {}
    conversation: str | None = None
    max_tokens: int | None = None
    choices: int = 1
    prompt: str | None = None
    context: tuple[str, ...] = ()


NOTHING: Final = Asked()
"""What is known of a request whose body was not read. Never changed."""
