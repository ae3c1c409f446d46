"""What the gateway says it saw of each version, and what follows from it. No I/O."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from gateway.answers.signal import Kind, Worse
from gateway.answers.signals import SIGNALS
from gateway.cli.views import Quantiles, Statistics
from gateway.domain.outcome import Outcome

Seen = Mapping[str, Statistics]
"""By version; empty before the gateway was asked for the first time."""

Sent = Mapping[str, Counter[Outcome]]
"""What each model server says it sent, by version."""

NOTHING_YET: Final = Statistics(
    requests=0, error_rate=None, duration_seconds=Quantiles()
)

_THOUSAND: Final = 1000.0
_OK: Final = "200"


def requests(seen: Seen) -> dict[str, int]:
    """How many requests the gateway counted, by version."""
    return {name: one.requests for name, one in seen.items()}


def share_ok(one: Statistics) -> float | None:
    """Percent of a version's answers with status 200; None before the first."""
    total = sum(one.codes.values())
    return 100.0 * one.codes.get(_OK, 0) / total if total else None


def share_complete(one: Statistics) -> float | None:
    """Percent of a version's requests with a complete answer; None before the first."""
    if not one.requests:
        return None
    return 100.0 * one.outcomes.get(Outcome.COMPLETE, 0) / one.requests


def share_errors(one: Statistics) -> float | None:
    """Percent of a version's requests that are errors; None before the first."""
    return None if one.error_rate is None else 100.0 * one.error_rate


def not_complete(one: Statistics) -> dict[str, int]:
    """Count a version's other outcomes, the commonest first."""
    others = Counter(one.outcomes)
    del others[Outcome.COMPLETE]
    return {name: number for name, number in others.most_common() if number}


def cost_of_a_thousand(one: Statistics) -> float | None:
    """USD per 1,000 requests; None before the first whose cost is known.

    An answer that broke off reported no tokens: what it cost is not known, and not
    nothing.
    """
    mean = one.cost_per_request_usd
    return None if mean is None else _THOUSAND * mean


def fired(one: Statistics) -> dict[str, float]:
    """Give the rate, from 0 to 1, of each flag that was raised; the commonest first."""
    rates = {
        name: sums.mean
        for name, sums in one.signals.items()
        if sums.mean and _is_raised(name)
    }
    return dict(sorted(rates.items(), key=lambda pair: -pair[1]))


def _is_raised(name: str) -> bool:
    signal = SIGNALS.get(name)
    return (
        signal is not None and signal.kind is Kind.FLAG and signal.worse is Worse.HIGHER
    )
