"""What every comparison owes, held against the registry: a new one is tested by being listed."""

import math
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.comparison import Comparison
from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.counts import Bins
from gateway.analysis.design import Kind
from gateway.analysis.past import Past
from gateway.domain.rollout import Margin

coins = st.floats(1e-5, 1 - 1e-5)
tolerances = st.builds(
    Margin,
    relative=st.floats(0, 1) | st.just(0.0),
    absolute=st.floats(0, 0.2) | st.just(0.0),
)
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
ROUNDING = 1e-9


def any_bins(comparison: Comparison) -> st.SearchStrategy[Bins]:
    """Draw a few bins with units, or none."""
    places = st.integers(0, comparison.bin_count - 1)
    return st.dictionaries(places, st.integers(1, 50_000), max_size=12)


@pytest.fixture(params=COMPARISONS.values(), ids=list(COMPARISONS))
def comparison(request: pytest.FixtureRequest) -> Comparison:
    """Each comparison of the registry."""
    found: Comparison = request.param
    return found


def test_there_is_one_for_every_kind_in_a_module_of_its_name() -> None:
    assert set(COMPARISONS) == set(Kind)
    for kind, comparison in COMPARISONS.items():
        module = import_module(f"gateway.analysis.comparisons.{kind}")
        assert getattr(module, kind.upper()) is comparison


def test_a_fifth_of_the_wealth_is_never_bet(comparison: Comparison) -> None:
    for whole in (True, False):
        prior = comparison.prior(whole, QUANTILES)
        assert all(part > 0 for part in prior)
        assert math.fsum(prior) == pytest.approx(0.8)


@given(data=st.data(), coin=coins, tolerance=tolerances, whole=st.booleans())
def test_there_is_a_payoff_for_every_alternative_and_bin_and_none_takes_all(
    data: st.DataObject, coin: float, tolerance: Margin, whole: bool
) -> None:
    for comparison in COMPARISONS.values():
        past = Past(comparison.bin_count)
        past.add(data.draw(any_bins(comparison)))
        bets = comparison.bets(past, coin, tolerance, whole=whole, quantiles=QUANTILES)
        for tables in bets:
            assert len(tables) == len(comparison.prior(whole, QUANTILES))
            assert all(len(table) == comparison.bin_count for table in tables)
            assert all(math.isfinite(payoff) for table in tables for payoff in table)


@given(data=st.data(), coin=coins, tolerance=tolerances, whole=st.booleans())
def test_no_bet_gains_while_the_versions_are_alike(
    data: st.DataObject, coin: float, tolerance: Margin, whole: bool
) -> None:
    """Whatever was thought of the past: here it has nothing to do with the present."""
    for comparison in COMPARISONS.values():
        past = Past(comparison.bin_count)
        past.add(data.draw(any_bins(comparison)))
        bets = comparison.bets(past, coin, tolerance, whole=whole, quantiles=QUANTILES)
        now = data.draw(any_bins(comparison)) or {0: 1}
        units = sum(now.values())
        for won, lost in zip(*bets, strict=True):
            expected = math.fsum(
                count
                / units
                * (coin * math.exp(won[place]) + (1 - coin) * math.exp(lost[place]))
                for place, count in now.items()
            )
            assert expected <= 1 + ROUNDING


def test_a_coin_that_decides_nothing_is_refused(comparison: Comparison) -> None:
    for coin in (0.0, 1.0):
        with pytest.raises(ValueError, match="no evidence"):
            comparison.bets(
                Past(comparison.bin_count),
                coin,
                Margin(),
                whole=True,
                quantiles=(),
            )
