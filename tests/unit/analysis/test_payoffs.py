"""Payoffs are those of the formulas, worked out again in fifty digits."""

import pytest
from mpmath import mp, mpf

from gateway.analysis.payoffs import (
    Losses,
    Spread,
    better_mean_payoffs,
    binary_payoffs,
    times_odds,
    worse_mean_payoffs,
)
from gateway.domain.rollout import Margin

NONE = Margin()


def exact_binary(
    rate: str, guess: str, coin: str, ratio: str, slack: str
) -> tuple[list[float], list[float]]:
    """Solve for B as two equations: fair at the boundary for p0 = 0 and for p0 = 1."""
    with mp.workdps(50):
        p0, p1, w, r, d = map(mpf, (rate, guess, coin, ratio, slack))
        edge, scale = r * p0 + d, 1 - w + w * r
        risen = [(1 - p1) / (1 - edge), p1 / edge]
        a = [rho * scale / (1 - w + w * r * rho) for rho in risen]

        def candidates(p: mpf) -> mpf:
            return a[0] + (a[1] - a[0]) * (r * p + d)

        b = [(1 - w * candidates(mpf(p))) / (1 - w) for p in (0, 1)]
        return [float(mp.log(x)) for x in a], [float(mp.log(x)) for x in b]


@pytest.mark.parametrize(
    "case",
    [
        ("0.005", "0.02", "0.05", "1", "0"),
        ("0.005", "0.02", "0.5", "1.05", "0.0005"),
        ("0.2", "0.3", "0.01", "1.05", "0.0005"),
        ("0.005", "0.005", "0.05", "1.5", "0.005"),
        ("0.005", "0.008", "0.5", "1.1", "0.002"),
        ("0.000001", "0.9", "0.25", "1", "0.0001"),
    ],
)
def test_binary_payoffs_are_exact(case: tuple[str, str, str, str, str]) -> None:
    rate, guess, coin, ratio, slack = map(float, case)
    payoff = binary_payoffs(
        rate, guess, coin, Margin(relative=ratio - 1, absolute=slack)
    )
    candidate, baseline = exact_binary(*case)

    assert payoff.candidate == pytest.approx(candidate, rel=1e-11, abs=1e-13)
    assert payoff.baseline == pytest.approx(baseline, rel=1e-11, abs=1e-13)


def test_golden_values_of_a_bet_on_events() -> None:
    """By hand: p0 = 0.1, guess 0.4, a fair coin: A = 2 * 4/(1 + 4), and B = 2 - A."""
    payoff = binary_payoffs(0.1, 0.4, 0.5, NONE)
    with mp.workdps(30):
        won, lost = float(mp.log(mpf("1.6"))), float(mp.log(mpf("0.4")))

    assert payoff.candidate[1] == pytest.approx(won, rel=1e-14)
    assert payoff.baseline[1] == pytest.approx(lost, rel=1e-14)


def test_without_a_margin_a_bet_is_on_the_label_alone() -> None:
    """A = q / w and B = (1 - q) / (1 - w) for some q in each bin."""
    coin = 0.07
    payoff = binary_payoffs(0.02, 0.3, coin, NONE)
    for won, lost in zip(*payoff, strict=True):
        share = coin * mp.exp(won) + (1 - coin) * mp.exp(lost)
        assert float(share) == pytest.approx(1.0, abs=1e-14)


def test_a_bet_on_hard_failures_never_stakes_all() -> None:
    payoff = binary_payoffs(0.0, 1.0, 0.5, Margin(relative=0.5, absolute=0.01))

    assert min(*payoff.candidate, *payoff.baseline) > -25


def events(rate: float) -> Spread:
    return ((0.0, 1 - rate), (1.0, rate))


@pytest.mark.parametrize("coin", [0.0, 1.0, -0.1, 1.5])
def test_a_coin_that_decides_nothing_is_refused(coin: float) -> None:
    with pytest.raises(ValueError, match="no evidence"):
        binary_payoffs(0.1, 0.2, coin, NONE)
    with pytest.raises(ValueError, match="no evidence"):
        worse_mean_payoffs(Losses(0.1, 0.01), 0.1, coin, NONE, 41)
    with pytest.raises(ValueError, match="no evidence"):
        better_mean_payoffs(events(0.1), events(0.1), coin, NONE, 41)


def test_golden_values_of_a_bet_on_a_mean() -> None:
    """The stake is not at its bound here: excess / (variance * (1 + r^2 g) + excess^2)."""
    margin = Margin(relative=0.1, absolute=0.02)
    payoff = worse_mean_payoffs(Losses(0.2, 0.0144), 0.05, 0.2, margin, 41)
    with mp.workdps(50):
        r, g, m = mpf("1.1"), mpf("0.25"), mpf("0.2")
        kappa = mpf("0.05") / (mpf("0.0144") * (1 + r**2 * g) + mpf("0.0025"))
        won = [
            float(mp.log(1 + kappa * (mpf(b) / 40 - r * m - mpf("0.02"))))
            for b in range(41)
        ]
        lost = [float(mp.log(1 - kappa * r * g * (mpf(b) / 40 - m))) for b in range(41)]

    assert payoff.candidate == pytest.approx(won, rel=1e-12, abs=1e-14)
    assert payoff.baseline == pytest.approx(lost, rel=1e-12, abs=1e-14)


def test_a_mean_above_the_boundary_cannot_be_hoped_for() -> None:
    payoff = better_mean_payoffs(
        events(0.1), events(0.3), 0.5, Margin(absolute=0.1), 41
    )

    assert set(payoff.candidate) == set(payoff.baseline) == {0.0}


def test_a_proof_of_rare_whole_losses_stakes_what_the_log_grows_with_most() -> None:
    """Golden: the root of the derivative, by mpmath; the usual stake is at its bound."""
    coin, margin = 1 / 3, Margin(relative=0.5, absolute=0.01)
    payoff = better_mean_payoffs(events(0.005), events(0.005), coin, margin, 41)
    with mp.workdps(50):
        p, g, edge = mpf("0.005"), mpf("0.75"), mpf("0.0175")

        def slope(kappa: mpf) -> mpf:
            return (
                (1 - p) * edge / (1 + kappa * edge)
                - p * (1 - edge) / (1 - kappa * (1 - edge))
                - (1 - p) * mpf("1.5") * p / (1 - kappa * g * p)
                + p * mpf("1.5") * (1 - p) / (1 + kappa * g * (1 - p))
            )

        kappa = mp.findroot(slope, (mpf("0.5"), mpf("0.8")), solver="anderson")
        won = [float(mp.log(1 - kappa * (mpf(b) / 40 - edge))) for b in range(41)]
        lost = [float(mp.log(1 + kappa * g * (mpf(b) / 40 - p))) for b in range(41)]

    assert 0.6 < kappa < 0.75
    assert payoff.candidate == pytest.approx(won, rel=1e-3, abs=1e-5)
    assert payoff.baseline == pytest.approx(lost, rel=1e-3, abs=1e-5)


def test_odds_are_multiplied_and_stay_inside() -> None:
    assert times_odds(0.2, 4) == pytest.approx(0.5)
    assert times_odds(1.0, 8) < 1
    assert times_odds(0.0, 8) > 0
