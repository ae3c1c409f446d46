"""Tokens of one exchange, in one convention, whatever the provider's."""

from typing import Final

import msgspec

_MOST: Final = 1 << 53
"""More tokens than this is nonsense, and no count."""

_MOST_DIGITS: Final = 16


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one exchange. None means the model server did not say.

    Attributes:
        input: Prompt tokens, cached ones included (OpenAI's convention; Anthropic's
            `input_tokens` excludes them and is added up before it comes here).
        cached: Of `input`, those read from a cache.
        output: Generated tokens, reasoning included.
        reasoning: Of `output`, those not shown.
        is_estimated: True when `output` is a count of content events, because the
            model server reported nothing, or broke off before it reported the total.

    """

    input: int | None = None
    cached: int | None = None
    output: int | None = None
    reasoning: int | None = None
    is_estimated: bool = False

    def or_else(self, before: "Usage | None") -> "Usage":
        """Fill what is None here with what was said *before*: the last word counts."""
        if before is None:
            return self
        return Usage(
            input=before.input if self.input is None else self.input,
            cached=before.cached if self.cached is None else self.cached,
            output=before.output if self.output is None else self.output,
            reasoning=before.reasoning if self.reasoning is None else self.reasoning,
        )


def count_in(said: bytes | None) -> int | None:
    """Read a number of tokens in a header; None for whatever is none."""
    if said is None or not said.isdigit() or len(said) > _MOST_DIGITS:
        return None
    return count(int(said))


def count(value: object) -> int | None:
    """Read a number of tokens; None for whatever is none (bool, negative, text, huge)."""
    if type(value) is int and 0 <= value < _MOST:
        return value
    if type(value) is float and 0 <= value < _MOST and value == int(value):
        return int(value)
    return None
