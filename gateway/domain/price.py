"""What tokens cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What tokens cost, in USD per million; finite, 0 or more.

    Attributes:
        input: Of the request, as far as it was not cached.
        output: Of the answer.
        cached_input: Of the request, as far as the server had it cached; None: like
            `input`.

    """

    input: float
    output: float
    cached_input: float | None = None
