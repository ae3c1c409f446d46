"""The names by which OpenTelemetry's conventions call what we see.

The conventions for generative AI are still in development, so that every name of theirs
stands here and nowhere else: https://opentelemetry.io/docs/specs/semconv/gen-ai/. What
they have no name for is `sluicegate.…`.

Two attributes that they want are not given with metrics, because a version's totals mix
them: the operation and the model. Steps of traces have them.
"""

from collections.abc import Mapping
from typing import Final

# Metrics.
REQUEST_DURATION: Final = "gen_ai.server.request.duration"
TIME_TO_FIRST_TOKEN: Final = "gen_ai.server.time_to_first_token"  # ruff: ignore[hardcoded-password-string]: a name
TIME_PER_OUTPUT_TOKEN: Final = "gen_ai.server.time_per_output_token"  # ruff: ignore[hardcoded-password-string]: a name
# gen_ai.client.token.usage is a histogram over exchanges; of tokens only sums are known.
TOKENS: Final = "sluicegate.tokens"
REQUESTS: Final = "sluicegate.requests"
COST: Final = "sluicegate.cost"

# Events.
EVALUATION: Final = "gen_ai.evaluation.result"

# Attributes.
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
EVALUATOR: Final = "sluicegate.evaluator"
SERVICE: Final = "sluicegate.service"
VERSION: Final = "sluicegate.version"
OUTCOME: Final = "sluicegate.outcome"
FAILURE: Final = "sluicegate.failure"
FAILOVER_FROM: Final = "sluicegate.failover.from"
FAILOVERS: Final = "sluicegate.failovers"
REASON: Final = "sluicegate.failover.reason"
REQUEST_ID: Final = "sluicegate.request_id"
COST_USD: Final = "sluicegate.cost_usd"
FIRST_CONTENT: Final = "sluicegate.time_to_first_token"
TOKEN_TYPE: Final = "gen_ai.token.type"  # ruff: ignore[hardcoded-password-string]: a name
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
METHOD: Final = "http.request.method"
STATUS: Final = "http.response.status_code"
PATH: Final = "url.path"
ERROR: Final = "error.type"

OPERATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "openai_chat": ("chat", "openai"),
    "openai_responses": ("chat", "openai"),
    "openai_completions": ("text_completion", "openai"),
    "openai_embeddings": ("embeddings", "openai"),
    "anthropic": ("chat", "anthropic"),
    "ollama": ("chat", "ollama"),
    "ollama_embed": ("embeddings", "ollama"),
    "tgi": ("text_completion", "huggingface"),
    "kserve": ("generate_content", "kserve"),
    "kserve_generate": ("text_completion", "kserve"),
}
"""Operation and provider by dialect. The provider is whose API is spoken: the convention
says so for APIs that others serve too."""
