"""What an exchange cost, from the tokens its model server reported."""

from typing import Final

from gateway.answers.usage import Usage
from gateway.domain.price import Price

_MILLION: Final = 1_000_000


def cost_of(usage: Usage, price: Price) -> float | None:
    """Give the cost in USD; None when a count that has a price is not known.

    An estimate is no count: events are no tokens, and a sum of both would look exact.
    Cached tokens that nobody reported are charged as any input, as providers do.
    """
    if usage.input is None and price.input:
        return None
    if price.output and (usage.output is None or usage.is_estimated):
        return None
    tokens = usage.input or 0
    dollars = tokens * price.input + (usage.output or 0) * price.output
    if price.cached_input is not None and usage.cached is not None:
        cached = min(usage.cached, tokens)
        dollars -= cached * (price.input - price.cached_input)
    return dollars / _MILLION
