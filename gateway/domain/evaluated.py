"""One score of one answer, as a collector is told of it."""

from typing import Final

import msgspec

UNKNOWN_ERROR: Final = "_OTHER"
"""How the conventions of OpenTelemetry call an error that nobody can name."""


class Evaluated(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A score that was given, or that a judge failed to give. Unknown is None.

    Attributes:
        service: Service name.
        version: Whose answer it was.
        evaluator: Who was asked.
        score: What was scored.
        at: When; Unix time in seconds.
        value: 0.0 to 1.0; None where the judge failed.
        label: Of a flag: "pass" or "fail".
        said: The judge's reasons, where texts may be kept.
        error: Why there is no value, in a word; None where there is one.
        trace: Of the exchange, 32 hexadecimal digits; None where it is not recorded.
        span: Of its step, 16 hexadecimal digits.

    """

    service: str
    version: str
    evaluator: str
    score: str
    at: float
    value: float | None = None
    label: str | None = None
    said: str | None = None
    error: str | None = None
    trace: str | None = None
    span: str | None = None
