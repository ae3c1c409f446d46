"""What a model's tokens cost by its name, from the `genai-prices` package.

Asked once, when a configuration is read, and never on a request: the price found goes
into the routing table. The package carries its prices with it. It fetches newer ones
only where somebody starts its UpdatePrices, and nobody does here.
"""

import importlib
from decimal import Decimal
from types import ModuleType
from typing import Final

from gateway.domain.errors import BadConfiguration
from gateway.domain.service import Price

_PACKAGE: Final = "genai_prices"


def price_of(model: str, *, provider: str | None = None) -> Price:
    """Look up what a model costs today.

    A price that rises with the length of the prompt is taken at its first step; who
    sends longer ones writes the price into the configuration.

    Args:
        model: As its provider calls it, dated or not: "gpt-4o-mini".
        provider: "openai", "anthropic", …; None finds one that has such a model.

    Raises:
        BadConfiguration: The package is not installed, or knows no price.

    """
    prices = _package()
    try:
        found = prices.calc_price(prices.Usage(), model, provider_id=provider)
    except LookupError as error:
        raise _unknown(model, provider) from error
    asked = _dollars(found.model_price.input_mtok)
    answered = _dollars(found.model_price.output_mtok)
    if asked is None and answered is None:
        raise _unknown(model, provider)
    return Price(
        input=asked or 0.0,
        cached_input=_dollars(found.model_price.cache_read_mtok),
        output=answered or 0.0,
    )


def _package() -> ModuleType:
    try:
        return importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise BadConfiguration(
            f"Prices by name need the package genai-prices ({error}).",
            remedy="Run `pip install 'sluicegate[prices]'`, or write the price as"
            " numbers: price: {input: 0.15, output: 0.60}.",
        ) from error


def _unknown(model: str, provider: str | None) -> BadConfiguration:
    place = f" of {provider}" if provider is not None else ""
    return BadConfiguration(
        f"No price is known for the model '{model}'{place}.",
        remedy="Look for its name at its provider's, or write the price as numbers:"
        " price: {input: 0.15, output: 0.60}.",
    )


def _dollars(price: object) -> float | None:
    """Read a price in USD per million tokens; None when there is none."""
    first = getattr(price, "base", price)  # its TieredPrices, or a plain price
    return float(first) if isinstance(first, Decimal) else None
