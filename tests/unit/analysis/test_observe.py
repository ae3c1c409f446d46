"""What an exchange says of a metric: higher is worse, and failure is worst."""

from typing import Any

import pytest

from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.design import Kind, Metric
from gateway.analysis.geometric import FAILED_BIN, bin_of
from gateway.analysis.observe import (
    BIN_BITS,
    EARLY,
    OVERDUE,
    UNKNOWN,
    WORST,
    Observer,
    bin_of_amount,
    columns_of,
    edge_of,
)
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.rollout import Worse
from tests.unit.analysis.exchanges import NOTHING, Seen, metric

NAMES = ("refusal", "relevance")


def bin_for(one: Metric, **said: Any) -> int | None:
    """Give the bin of an exchange for one metric."""
    observer = Observer([one], NAMES, NOTHING)
    read = observer.timings if one.is_timing else observer.outcomes
    codes = read(Seen(**said))
    return codes[0] & ((1 << BIN_BITS) - 1) if codes else None


def test_a_code_has_room_for_the_bins_of_any_kind() -> None:
    codes = 1 << BIN_BITS

    assert all(comparison.bin_count <= codes for comparison in COMPARISONS.values())
    assert codes > UNKNOWN


@pytest.mark.parametrize("outcome", [*Outcome, OVERDUE])
def test_an_error_is_what_failed_or_was_not_over_at_its_deadline(outcome: str) -> None:
    expected = outcome == OVERDUE or outcome in ERRORS
    assert bin_for(metric("error_rate"), outcome=str(outcome)) == expected


def test_what_came_after_its_deadline_is_an_error_though_it_came() -> None:
    assert bin_for(metric("error_rate"), is_late=True) == 1
    assert bin_for(metric("refused"), is_late=True) == 0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcomes_name_is_the_rate_of_that_outcome(outcome: Outcome) -> None:
    for other in Outcome:
        found = bin_for(metric(outcome.value), outcome=other.value)
        assert found == (outcome is other)


def test_where_complete_answers_are_good_the_others_are_events() -> None:
    complete = metric("complete", worse=Worse.LOWER)
    assert bin_for(complete) == 0
    assert bin_for(complete, outcome="refused") == 1


def test_client_errors_and_cancels_have_rates_of_their_own() -> None:
    assert bin_for(metric("client_error_rate"), outcome="client_error") == 1
    assert bin_for(metric("cancel_rate"), outcome="client_cancelled") == 1
    assert bin_for(metric("error_rate"), outcome="client_error") == 0
    assert bin_for(metric("error_rate"), outcome="client_cancelled") == 0


def test_a_flag_is_an_event_on_its_bad_side() -> None:
    assert bin_for(metric("refusal"), values=[(0, 1.0)]) == 1
    assert bin_for(metric("refusal"), values=[(0, 0.0)]) == 0
    assert bin_for(metric("refusal", worse=Worse.LOWER), values=[(0, 1.0)]) == 0


def test_a_score_becomes_a_loss_on_the_grid() -> None:
    score = metric("relevance", Kind.MEAN, worse=Worse.LOWER)
    assert bin_for(score, values=[(1, 1.0)]) == 0
    assert bin_for(score, values=[(1, 0.75)]) == 10
    assert bin_for(score, values=[(1, -3.0)]) == WORST
    assert bin_for(metric("relevance", Kind.MEAN), values=[(1, 0.75)]) == 30


@pytest.mark.parametrize(
    "signal", ["refusal", "nobody_measures_this", "feedback:thumb"]
)
def test_what_was_not_measured_says_nothing(signal: str) -> None:
    assert bin_for(metric(signal), values=[(1, 1.0)]) is None


@pytest.mark.parametrize(
    "signal", ["time_to_first_token", "time_per_output_token", "cost", "output_tokens"]
)
def test_an_unknown_amount_says_nothing_unless_the_exchange_failed(signal: str) -> None:
    amount = metric(signal, Kind.DISTRIBUTION)
    assert bin_for(amount, is_stream=True) is None
    assert bin_for(amount, is_stream=True, outcome="client_error") is None
    assert bin_for(amount, is_stream=True, outcome="upstream_error") == FAILED_BIN
    assert bin_for(amount, is_stream=True, outcome=OVERDUE) == FAILED_BIN


@pytest.mark.parametrize("signal", ["time_to_first_token", "time_per_output_token"])
@pytest.mark.parametrize("outcome", ["upstream_error", "client_cancelled", OVERDUE])
def test_what_is_no_stream_has_no_first_token_to_be_late(
    signal: str, outcome: str
) -> None:
    """Else its failures alone would count, and never its successes."""
    amount = metric(signal, Kind.DISTRIBUTION)
    assert bin_for(amount, is_stream=False, outcome=outcome, duration=9.0) is None


def test_what_failed_fast_is_not_fast() -> None:
    assert (
        bin_for(
            metric("duration", Kind.DISTRIBUTION), duration=0.01, outcome="truncated"
        )
        == FAILED_BIN
    )


def test_who_left_before_the_first_token_waited_at_least_that_long() -> None:
    first = metric("time_to_first_token", Kind.DISTRIBUTION)
    left = {"duration": 12.0, "outcome": "client_cancelled"}
    found = bin_for(first, is_stream=True, **left)
    assert found == bin_of(12.0, 0.001)


def test_where_less_is_worse_bins_are_mirrored_and_failure_stays_last() -> None:
    tokens = metric("output_tokens", Kind.DISTRIBUTION, worse=Worse.LOWER, smallest=1.0)
    few, many = bin_for(tokens, output_tokens=3), bin_for(tokens, output_tokens=900)
    assert few is not None and many is not None and few > many
    assert bin_for(tokens, output_tokens=0) == FAILED_BIN - 1
    assert bin_for(tokens, output_tokens=10**9) == 0
    assert bin_for(tokens, output_tokens=5, outcome="stream_error") == FAILED_BIN


@pytest.mark.parametrize("worse", [Worse.HIGHER, Worse.LOWER])
def test_beyond_the_edge_of_a_bin_is_what_is_in_a_worse_bin(worse: Worse) -> None:
    one = metric("cost", Kind.DISTRIBUTION, worse=worse, quantiles=(0.5,))
    amounts = [0.0, 0.0005, 0.001, 0.0011, 0.01, 0.5, 1.0, 77.0, 3000.0, 1e9]
    for bin_number in range(FAILED_BIN):
        edge = edge_of(one, bin_number)
        observer = Observer([one], NAMES, {(0, 0): (edge, edge)})
        for amount in amounts:
            is_worse = bin_of_amount(one, amount) > bin_number
            assert observer.losses(Seen(cost=amount)) == bytes([WORST * is_worse])


def test_each_version_is_held_to_its_own_threshold() -> None:
    one = metric("duration", Kind.DISTRIBUTION, quantiles=(0.5, 0.95))
    observer = Observer([one], NAMES, {(0, 1): (1.0, 1.5)})
    assert columns_of([one]) == [(0, 0), (0, 1)]
    slow = [
        observer.losses(Seen(duration=1.2, is_candidate=side)) for side in (False, True)
    ]
    assert slow == [bytes([EARLY, WORST]), bytes([EARLY, 0])]


def test_losses_of_rates_are_nothing_or_all() -> None:
    observer = Observer([metric("error_rate"), metric("refusal")], NAMES, NOTHING)
    assert observer.losses(Seen(outcome="empty")) == bytes([WORST, UNKNOWN])


def test_an_amount_over_its_ceiling_is_an_event() -> None:
    metrics = [
        metric("duration", Kind.DISTRIBUTION, ceiling=2.0),
        metric("error_rate", ceiling=0.01),
    ]
    observer = Observer(metrics, NAMES, NOTHING)
    slow = Seen(duration=2.5)
    assert observer.over_ceilings(slow, is_timing=True) == [(0, True)]
    assert observer.over_ceilings(slow, is_timing=False) == [(1, False)]
