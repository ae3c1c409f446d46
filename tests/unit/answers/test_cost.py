"""What tokens cost, and when nobody can say."""

import pytest

from gateway.answers.cost import cost_of
from gateway.answers.usage import Usage
from gateway.domain.price import Price

PRICE = Price(input=2.0, cached_input=0.5, output=8.0)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=1_000_000, output=0), 2.0),
        (Usage(input=0, output=500_000), 4.0),
        (Usage(input=1_000_000, cached=400_000, output=100_000), 0.6 * 2 + 0.2 + 0.8),
        (Usage(input=100, cached=1_000_000, output=0), 100 * 0.5 / 1_000_000),
    ],
)
def test_cached_tokens_have_a_price_of_their_own(usage: Usage, dollars: float) -> None:
    assert cost_of(usage, PRICE) == pytest.approx(dollars)


def test_without_a_price_of_their_own_cached_tokens_cost_as_much_as_others() -> None:
    usage = Usage(input=1000, cached=900, output=0)

    assert cost_of(usage, Price(input=2.0, output=8.0)) == pytest.approx(0.002)


@pytest.mark.parametrize("usage", [Usage(input=1), Usage(output=1), Usage()])
def test_a_count_that_nobody_reported_is_no_zero(usage: Usage) -> None:
    assert cost_of(usage, PRICE) is None


def test_a_count_that_costs_nothing_need_not_be_known() -> None:
    asked = cost_of(Usage(input=1_000_000), Price(input=1.0, output=0.0))
    answered = cost_of(Usage(output=1_000_000), Price(input=0.0, output=1.0))

    assert asked == answered == pytest.approx(1.0)


def test_an_estimate_of_what_costs_something_is_no_cost() -> None:
    guessed = Usage(input=1_000_000, output=5, is_estimated=True)

    assert cost_of(guessed, PRICE) is None
    assert cost_of(guessed, Price(input=1.0, output=0.0)) == pytest.approx(1.0)
