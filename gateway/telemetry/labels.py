"""Label values: closed sets, so that nothing a client says becomes one."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, TypeVar

from gateway.domain.outcome import Outcome
from gateway.telemetry import names

K = TypeVar("K", bound=Hashable)

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
TOKENS: Final = ("input", "cached_input", "output", "output_estimated", "reasoning")


def within(
    counts: Counter[K], known: Iterable[K], *, fill: bool = False
) -> Iterator[tuple[str, int]]:
    """Give counts by label; all that is not known is one of them, `other`."""
    shown = [key for key in known if fill or key in counts]
    yield from ((str(key), counts[key]) for key in shown)
    if rest := counts.total() - sum(counts[key] for key in shown):
        yield names.OTHER, rest
