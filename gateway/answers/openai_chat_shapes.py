"""The structures of OpenAI chat completions, as far as they are read: see openai_chat.py.

They stand apart from what takes them so that that can be compiled (gateway/decisions/0027).
"""

import msgspec

from gateway.answers.json_reader import NO_JSON, Content, Leaf
from gateway.answers.openai_shapes import Tokens


class Function(msgspec.Struct, gc=False):
    """What is called, and with what."""

    name: Leaf = None
    arguments: Leaf = None


class Call(msgspec.Struct, gc=False):
    """A call of a tool; a custom tool has no function, and no JSON arguments."""

    index: Leaf = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """A message, or the delta of one."""

    content: Content = None
    refusal: Leaf = None
    reasoning_content: Leaf = None  # DeepSeek, SGLang, vLLM
    reasoning: Leaf = None  # OpenRouter, newer vLLM
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: msgspec.Raw = NO_JSON
    images: msgspec.Raw = NO_JSON


class Choice(msgspec.Struct, gc=False):
    """One of the answers that were asked for, or a piece of it."""

    index: Leaf = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: Leaf = None


class Body(msgspec.Struct, gc=False):
    """A whole answer or one chunk of a streamed one."""

    choices: list[Choice] | None = None
    usage: Tokens | None = None
    error: Leaf = None
    model: Leaf = None
    message: Leaf = None  # of an error that is not in `error` (older vLLM and SGLang)


class Request(msgspec.Struct, gc=False):
    """A request, without what is said in it."""

    model: Leaf = None
    stream: Leaf = None
    n: Leaf = None
    max_tokens: Leaf = None
    max_completion_tokens: Leaf = None
    response_format: msgspec.Raw = NO_JSON
    tools: msgspec.Raw = NO_JSON
    functions: msgspec.Raw = NO_JSON


class FullRequest(Request, gc=False):
    """The same with its messages, where signals or evaluators read the prompt."""

    messages: msgspec.Raw = NO_JSON
