"""Which of many wealths may be called discoveries: it explains, and triggers nothing.

e-BH: Wang and Ramdas, False discovery rate control with e-values (JRSSB 2022, arXiv
2009.02824). Of what it names, at most a part q is named wrongly in expectation, however
the wealths depend on each other.
"""

from collections.abc import Mapping
from math import log
from typing import Final, TypeVar

Name = TypeVar("Name")

FALSE_PART: Final = 0.1


def discoveries(
    log_es: Mapping[Name, float], false_part: float = FALSE_PART
) -> list[Name]:
    """Name those whose wealth is large among so many.

    Args:
        log_es: Current ln E by name (no running maxima).
        false_part: q, inside (0, 1).

    Returns:
        The k largest, from the largest, with the largest k for which the k-th E is at least
        n / (q * k); often none.

    """
    ranked = sorted(log_es, key=log_es.__getitem__, reverse=True)
    limit = log(len(ranked) / false_part) if ranked else 0.0
    found = 0
    for rank, name in enumerate(ranked, start=1):
        if log_es[name] >= limit - log(rank):
            found = rank
    return ranked[:found]
