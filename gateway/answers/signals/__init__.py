"""Every signal there is, by the name a configuration uses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.answers.signal import Signal
from gateway.answers.signals.compression_ratio import COMPRESSION_RATIO
from gateway.answers.signals.context_size import CONTEXT_SIZE
from gateway.answers.signals.context_use_proxy import CONTEXT_USE_PROXY
from gateway.answers.signals.empty import EMPTY
from gateway.answers.signals.grounding_proxy import GROUNDING_PROXY
from gateway.answers.signals.json_validity import JSON_VALIDITY
from gateway.answers.signals.language_mismatch import LANGUAGE_MISMATCH
from gateway.answers.signals.no_answer_in_context import NO_ANSWER_IN_CONTEXT
from gateway.answers.signals.output_length import OUTPUT_LENGTH
from gateway.answers.signals.refusal import REFUSAL
from gateway.answers.signals.relevance_proxy import RELEVANCE_PROXY
from gateway.answers.signals.repetition import REPETITION
from gateway.answers.signals.schema_validity import SCHEMA_VALIDITY
from gateway.answers.signals.tool_call_validity import TOOL_CALL_VALIDITY
from gateway.answers.signals.truncation import TRUNCATION
from gateway.answers.signals.unsupported_numbers import UNSUPPORTED_NUMBERS

SIGNALS: Final[Mapping[str, Signal]] = MappingProxyType({
    signal.name: signal
    for signal in (
        REFUSAL,
        EMPTY,
        TRUNCATION,
        REPETITION,
        JSON_VALIDITY,
        SCHEMA_VALIDITY,
        TOOL_CALL_VALIDITY,
        OUTPUT_LENGTH,
        CONTEXT_SIZE,
        COMPRESSION_RATIO,
        LANGUAGE_MISMATCH,
        GROUNDING_PROXY,
        CONTEXT_USE_PROXY,
        RELEVANCE_PROXY,
        UNSUPPORTED_NUMBERS,
        NO_ANSWER_IN_CONTEXT,
    )
})
