"""The rivals decide as their documents say; dice draw what they are asked for."""

from itertools import chain, repeat
from math import sqrt

import pytest

from loadtest.detection.judge import Judge
from loadtest.detection.judges import JUDGES
from loadtest.detection.judges.argo import Argo
from loadtest.detection.judges.flagger import Flagger
from loadtest.detection.judges.kayenta import is_high, rank_score
from loadtest.detection.judges.peeked import PeekedZ
from loadtest.detection.traffic import EQUAL, WORSE, Scenario, Slice
from loadtest.dice import Draws


def second(requests: int, failed: int) -> Slice:
    candidate = requests, failed
    return Slice(0.5, (requests, 0), candidate, (requests, 0), candidate)


def minutes_until(judge: Judge, *failed: int) -> int | None:
    """Give the minute of the rollback, of minutes with 100 requests and these failures."""
    for minute, bad in enumerate(failed, start=1):
        for each in chain([second(100, bad)], repeat(second(0, 0), 59)):
            if judge.condemns(each):
                return minute
    return None


def test_argo_fails_with_the_first_failure_beyond_its_limit() -> None:
    """`result.Failed > metric.FailureLimit`; 99 of 100 is a success."""
    assert minutes_until(Argo(failure_limit=0), 1, 1, 2) == 3
    assert minutes_until(Argo(failure_limit=1), 2, 0, 2) == 3
    assert minutes_until(Argo(failure_limit=3), 2, 2, 2, 0, 0, 0) is None


def test_flagger_counts_failures_and_never_forgets_one() -> None:
    """`FailedChecks >= threshold`."""
    assert minutes_until(Flagger(), 2, 0, 2, 0, 2, 0, 2, 0, 2) == 9


def test_a_minute_without_requests_fails_flaggers_check_and_is_nothing_to_argo() -> (
    None
):
    silence = [second(0, 0)] * 300
    flagger, argo = Flagger(), Argo(failure_limit=0)

    assert any(flagger.condemns(each) for each in silence)
    assert not any(argo.condemns(each) for each in silence)


def test_the_rank_statistic_is_that_of_the_textbook() -> None:
    """No ties: U = 1 of 4 x 4, so (8 - 1 - 0.5) / sqrt(4 * 4 * 9 / 12), below."""
    score = rank_score([1.0, 2.0, 3.0, 5.0], [4.0, 6.0, 7.0, 8.0], 0.0)

    assert score == pytest.approx(-(8 - 1 - 0.5) / sqrt(12))


def test_ties_narrow_the_variance_of_ranks() -> None:
    """R: wilcox.test(c(1,2,2,3), c(2,3,4,4), exact=FALSE)$p.value is 0.1325."""
    score = rank_score([1.0, 2.0, 2.0, 3.0], [2.0, 3.0, 4.0, 4.0], 0.0)

    # Ranks 1, 3, 3, 5.5 add up to 12.5: 5.5 below the middle; ties 24 + 6 + 6.
    assert score == pytest.approx(-(5.5 - 0.5) / sqrt(16 / 12 * (9 - 36 / 56)))


def test_kayenta_calls_high_what_is_clearly_higher() -> None:
    low, high = [0.01, 0.02, 0.015, 0.012] * 5, [0.05, 0.06, 0.055, 0.07] * 5

    assert is_high(high, low)
    assert not is_high(low, high)
    assert not is_high(low, low[::-1])


def test_a_single_look_at_the_z_test_keeps_its_level() -> None:
    runs = 2_000
    significant = 0
    for seed in range(runs):
        draws = Draws(seed)
        failed = [(1_000, draws.binomial(1_000, 0.05)) for _ in range(2)]
        judge = PeekedZ(level=0.05, every=1)
        significant += judge.condemns(Slice(0.5, *failed, *failed))

    assert significant / runs == pytest.approx(0.05, abs=4 * sqrt(0.05 * 0.95 / runs))


@pytest.mark.parametrize("scenario", [*EQUAL, *WORSE], ids=lambda each: each.name)
def test_traffic_is_as_the_scenario_says(scenario: Scenario) -> None:
    """Weights and errors come out as they were put in; units are some of the requests."""
    seconds = list(scenario.slices(seed=5))
    begins = scenario.begins * 60

    expected = sum(
        (each.baseline[0] + each.candidate[0]) * each.weight for each in seconds
    )
    sent = sum(each.candidate[0] for each in seconds)
    assert len(seconds) == scenario.minutes * 60
    assert sent == pytest.approx(
        expected, rel=0.6 if "users" in scenario.name else 0.06
    )
    for each in seconds[begins:]:
        assert each.candidate_units[0] <= each.candidate[0]
        assert each.candidate[1] <= each.candidate[0]


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_condemns_a_candidate_that_fails_always(name: str) -> None:
    judge = JUDGES[name]()
    scenario = next(each for each in WORSE if "100 %" in each.name)

    assert any(judge.condemns(each) for each in scenario.slices(seed=1))


@pytest.mark.parametrize(("units", "chance"), [(3, 0.005), (100, 0.3), (5_000, 0.5)])
def test_dice_draw_binomials(units: int, chance: float) -> None:
    draws, runs = Draws(9), 20_000

    drawn = [draws.binomial(units, chance) for _ in range(runs)]

    mean, spread = units * chance, units * chance * (1 - chance)
    found = sum(drawn) / runs
    assert found == pytest.approx(mean, abs=4 * sqrt(spread / runs))
    variance = sum((one - found) ** 2 for one in drawn) / runs
    assert variance == pytest.approx(spread, rel=0.1)
