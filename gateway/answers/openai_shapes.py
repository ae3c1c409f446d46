"""The structures that OpenAI's APIs share, as far as they are read: see openai_parts.py."""

from typing import TypedDict

import msgspec

from gateway.answers.json_reader import NO_JSON, Leaf, Skipped


class _Details(TypedDict, total=False):
    cached_tokens: Leaf
    reasoning_tokens: Leaf


# Servers in PHP write an empty object as [].
_MaybeDetails = _Details | Skipped | None


class Tokens(msgspec.Struct, gc=False):
    """A `usage` object: of chat, completions and embeddings, or of responses."""

    prompt_tokens: Leaf = None
    completion_tokens: Leaf = None
    prompt_tokens_details: _MaybeDetails = None
    completion_tokens_details: _MaybeDetails = None
    input_tokens: Leaf = None
    output_tokens: Leaf = None
    input_tokens_details: _MaybeDetails = None
    output_tokens_details: _MaybeDetails = None


class Format(msgspec.Struct, gc=False):
    """What an answer's text must be: chat's `response_format`, responses' `format`."""

    type: Leaf = None
    schema: msgspec.Raw = NO_JSON
    json_schema: "Format | None" = None


class _Function(msgspec.Struct, gc=False):
    name: Leaf = None
    parameters: msgspec.Raw = NO_JSON


class Tool(_Function, gc=False):
    """Chat wraps a function in a tool; responses, and chat's old `functions`, do not."""

    function: _Function | None = None
