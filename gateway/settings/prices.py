"""What a model's tokens cost by its name, from the `genai-prices` package.

Asked once, when a configuration is read, and never on a request: the price found goes
into the routing table. The package carries its prices with it. It fetches newer ones
only where somebody starts its UpdatePrices, and nobody does here.
"""

import importlib
from decimal import Decimal
from difflib import get_close_matches
from types import ModuleType
from typing import Final

from gateway.domain.price import Price
from gateway.settings.problem import Wrong, shown, unknown, wrong

BY_NUMBERS: Final = "{input: 0.15, output: 0.60} in USD per million tokens"
_PACKAGE: Final = "genai_prices"
_LONGEST_COMPARED: Final = 60
_OR_NUMBERS: Final = f"Look its name up at its provider's, or write {BY_NUMBERS}."


def price_of(model: str, *, provider: str | None = None) -> Price:
    """Look up what a model costs today.

    A price that rises with the length of the prompt is taken at its first step; who
    sends longer ones writes the price into the configuration.

    Args:
        model: As its provider calls it, dated or not: "gpt-4o-mini".
        provider: "openai", "anthropic", …; None finds one that has such a model.

    Raises:
        Wrong: The package is not installed, or knows no price.

    """
    prices = _package()
    try:
        found = prices.calc_price(prices.Usage(), model, provider_id=provider)
    except LookupError as error:
        raise _unknown(model, provider) from error
    asked = _dollars(found.model_price.input_mtok)
    answered = _dollars(found.model_price.output_mtok)
    if asked is None and answered is None:
        raise wrong(
            f"no price by the token is known for the model {shown(model)}.", _OR_NUMBERS
        )
    return Price(
        input=asked or 0.0,
        cached_input=_dollars(found.model_price.cache_read_mtok),
        output=answered or 0.0,
    )


def known_provider(name: str) -> str:
    """Check the name of a provider; raises Wrong."""
    known = _models()
    if name in known:
        return name
    raise Wrong(unknown("provider", name, known))


def _package() -> ModuleType:
    try:
        return importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise wrong(
            f"prices by name need the package genai-prices ({error}).",
            f"Run `pip install 'sluicegate[prices]'`, or write {BY_NUMBERS}.",
        ) from error


def _models() -> dict[str, list[str]]:
    """Give the names of the models that have a price, by provider."""
    snapshot = _package().data_snapshot.get_snapshot()
    return {
        provider.id: [model.id for model in provider.models]
        for provider in snapshot.providers
    }


def _unknown(model: str, provider: str | None) -> Wrong:
    """Say so; there are thousands of models, so that only the nearest is named."""
    names = {
        name
        for each, models in _models().items()
        if provider in {None, each}
        for name in models
    }
    near = get_close_matches(model[:_LONGEST_COMPARED], sorted(names), n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    place = f" of {provider}" if provider is not None else ""
    return wrong(
        f"no price is known for the model {shown(model)}{place}.", _OR_NUMBERS + hint
    )


def _dollars(price: object) -> float | None:
    """Read a price in USD per million tokens; None when there is none."""
    first = getattr(price, "base", price)  # its TieredPrices, or a plain price
    return float(first) if isinstance(first, Decimal) else None
