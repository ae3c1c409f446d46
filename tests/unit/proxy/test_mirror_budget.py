"""What copies may cost."""

from gateway.domain.rollout import MirrorLimits
from gateway.proxy.mirror_budget import MirrorBudget


def test_no_more_copies_run_at_once_than_may() -> None:
    budget = MirrorBudget(MirrorLimits(concurrency=2), 0.0)

    budget.running = 1
    assert budget.lacking(0.0) is None
    budget.running = 2
    assert budget.lacking(0.0) == "concurrency"


def test_tokens_of_a_minute_may_be_spent_at_once_and_come_back_with_time() -> None:
    budget = MirrorBudget(MirrorLimits(tokens_per_minute=600), 100.0)

    budget.spend(600)

    assert budget.lacking(100.0) == "tokens"
    assert budget.lacking(100.1) is None


def test_what_was_taken_beyond_the_limit_is_owed() -> None:
    budget = MirrorBudget(MirrorLimits(tokens_per_minute=600), 0.0)

    budget.spend(1800)

    assert budget.lacking(119.0) == "tokens"
    assert budget.lacking(121.0) is None


def test_a_quiet_hour_saves_up_one_minute() -> None:
    budget = MirrorBudget(MirrorLimits(tokens_per_minute=600), 0.0)
    assert budget.lacking(3600.0) is None

    budget.spend(601)

    assert budget.lacking(3600.0) == "tokens"


def test_without_a_limit_nothing_is_owed_when_one_comes() -> None:
    budget = MirrorBudget(MirrorLimits(tokens_per_minute=None), 0.0)
    budget.spend(1_000_000)
    assert budget.lacking(1.0) is None

    budget.limits = MirrorLimits(tokens_per_minute=600)

    assert budget.lacking(1.0) is None


def test_no_tokens_at_all_means_no_copies() -> None:
    assert MirrorBudget(MirrorLimits(tokens_per_minute=0), 0.0).lacking(9.0) == "tokens"
