"""What the gateway says it saw of each version, and what follows from it. No I/O."""

from collections.abc import Mapping
from typing import Final

from gateway.cli.views import Quantiles, Statistics

Seen = Mapping[str, Statistics]
"""By version; empty before the gateway was asked for the first time."""

NOTHING_YET: Final = Statistics(
    requests=0, error_rate=None, duration_seconds=Quantiles()
)

_THOUSAND: Final = 1000.0
_OK: Final = "200"


def requests(seen: Seen) -> dict[str, int]:
    """How many requests the gateway counted, by version; of those that had any."""
    return {name: one.requests for name, one in seen.items() if one.requests}


def share_ok(one: Statistics) -> float | None:
    """Percent of a version's answers with status 200; None before the first."""
    total = sum(one.codes.values())
    return 100.0 * one.codes.get(_OK, 0) / total if total else None


def cost_of_all(seen: Seen) -> float:
    """USD that all answers cost, of all versions."""
    return sum(one.cost_usd for one in seen.values())


def cost_of_a_thousand(one: Statistics) -> float | None:
    """USD per 1,000 requests; None before the first whose cost is known."""
    mean = one.cost_per_request_usd
    return None if mean is None else _THOUSAND * mean
