"""What OpenAI's APIs share: usage, reasons to stop, formats, tools, the end mark.

https://platform.openai.com/docs/api-reference
"""

from typing import Final

import msgspec

from gateway.answers.answer import MOST_CHOICES, Answer, Finish
from gateway.answers.asked import LONGEST_TOOLS, MOST_TOOLS, Asked
from gateway.answers.json_reader import UNREADABLE, JsonReader, object_text
from gateway.answers.openai_shapes import Format, Tokens, Tool
from gateway.answers.usage import Usage, count

END_MARK: Final[bytes] = b"[DONE]"

_FINISHES: Final = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
    "eos": Finish.STOP,  # Together
    "model_length": Finish.LENGTH,  # Mistral: the context is full
}
_FAILED: Final = frozenset({"error", "abort"})
"""No reasons of the model's: OpenRouter and Mistral, and vLLM and SGLang, gave up."""


def take_finish(answer: Answer, choice: int, why: object) -> None:
    """Take a `finish_reason`; None, and "" of some servers, is none yet."""
    if not why:
        if choice not in answer.finishes:
            answer.begin(choice)
        return
    finish = _FINISHES.get(why) if isinstance(why, str) else None
    answer.finish(choice, finish or Finish.OTHER)
    if finish is None and isinstance(why, str) and why in _FAILED:
        answer.has_error = True


def take_usage(answer: Answer, said: Tokens) -> None:
    """Take the usage; the last word counts, and what it does not say stays."""
    taken = said.prompt_tokens_details or said.input_tokens_details
    made = said.completion_tokens_details or said.output_tokens_details
    usage = Usage(
        input=_first(said.prompt_tokens, said.input_tokens),
        output=_first(said.completion_tokens, said.output_tokens),
        cached=count(taken.get("cached_tokens")) if isinstance(taken, dict) else None,
        reasoning=count(made.get("reasoning_tokens"))
        if isinstance(made, dict)
        else None,
    )
    if usage.input is not None or usage.output is not None:
        before = answer.usage
        answer.usage = usage if before is None else usage.or_else(before)


def _first(one: object, other: object) -> int | None:
    return count(other if one is None else one)


# Requests.


def choices_of(n: object) -> int:
    """Read how many answers are asked for."""
    return 1 if n is None else min(count(n) or 1, MOST_CHOICES)


_read_format: Final = JsonReader(Format).one
_read_tools: Final = msgspec.json.Decoder(list[Tool]).decode


def take_format(asked: Asked, wanted: msgspec.Raw) -> None:
    """Take what the answer's text must be."""
    read = _read_format(wanted)
    if read is None or not isinstance(read.type, str):
        return
    asked.wants_json = read.type in {"json_object", "json_schema"}
    schema = (read.json_schema or read).schema
    if read.type == "json_schema":
        asked.schema = object_text(schema) or None


def take_tools(asked: Asked, tools: msgspec.Raw) -> None:
    """Take the functions that may be called."""
    if len(memoryview(tools)) > LONGEST_TOOLS:
        return
    try:
        read = _read_tools(tools)
    except UNREADABLE:
        return
    functions = [tool.function or tool for tool in read[:MOST_TOOLS]]
    asked.tools |= {
        each.name: object_text(each.parameters)
        for each in functions
        if isinstance(each.name, str)
    }
