"""How one alpha is shared out, before anything is seen.

A metric in a segment acts when its wealth reaches 1 / (alpha * a). The parts a of all
metrics, segments, windows and pairs add up to 1 at most, so the chance that any of them
ever acts on a candidate that is not worse is alpha at most, however they depend on each
other and in whatever order they come: a weighted Bonferroni (statistics of e-values;
Vovk and Wang, E-values, AoS 2021, arXiv 1912.06116, section 4, for why not the mean: it
asks that all be revealed together). A part a costs ln(1/a) nats.

Each on_failure has an alpha of its own: a warning takes nothing from a rollback.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import inf, log, pi
from typing import Final

from gateway.analysis.counts import FRESH, PAIRS
from gateway.analysis.design import Design
from gateway.domain.rollout import OnFailure

RESERVE: Final = 0.1
"""What is given to nobody at the start: windows beyond those planned live on one half of
it, and examinations that begin from nothing on the other."""

_FOR_WINDOWS: Final = RESERVE / 2
_FOR_EXAMINATIONS: Final = RESERVE / 2

INTEGRITY_TESTS: Final = 3
"""That share the alpha of integrity, a third each: the sample ratios of units that come and of
those that have ended, and mirrored pairs that lack a half."""

PAIRS_PART: Final = 0.25
"""Of each share, where something is mirrored."""

_OVERALL: Final = 0.5
_FRESH_PART: Final = 0.5
_WINDOWS_PART: Final = 0.5
_ALL_SQUARES: Final = pi**2 / 6


def cell_shares(
    importances: Sequence[float],
    answers: Sequence[OnFailure],
    cells: Sequence[tuple[str, str]],
) -> tuple[tuple[float, ...], ...]:
    """Share alpha out over metrics and cells.

    Half goes to the metrics over all, half to them in segments: each segment gets the
    same, and each of its values. Without segments all of it goes to the metrics.

    Args:
        importances: By metric; each more than 0.
        answers: By metric: its on_failure; each of them has an alpha of its own.
        cells: (segment, value) pairs.

    Returns:
        By metric, by cell number (0: over all). Those of one on_failure add up to
        1 - RESERVE.

    """
    totals = dict.fromkeys(answers, 0.0)
    for importance, answer in zip(importances, answers, strict=True):
        totals[answer] += importance
    parts = _cell_parts(cells)
    return tuple(
        tuple((1 - RESERVE) * importance / totals[answer] * part for part in parts)
        for importance, answer in zip(importances, answers, strict=True)
    )


def _cell_parts(cells: Sequence[tuple[str, str]]) -> list[float]:
    """Give what each cell has of its metric's alpha, by cell number."""
    if not cells:
        return [1.0]
    values = Counter(segment for segment, _value in cells)
    each = (1 - _OVERALL) / len(values)
    return [_OVERALL, *(each / values[segment] for segment, _value in cells)]


def window_part(design: Design, place: int) -> float:
    """Give what a window has of each share.

    Args:
        design: How many are planned.
        place: How many were begun before it.

    Returns:
        The same for each that is planned. Those after them, in a rollout that was paused
        for longer than anybody planned, have their half of the reserve: the j-th
        6 / (pi * j)**2 of it. A metric's reserve is to its share as RESERVE to
        1 - RESERVE, so that all windows for ever have no more than what was kept back
        for them.

    """
    if place < design.windows:
        return _WINDOWS_PART / design.windows
    beyond = place - design.windows + 1
    return _FOR_WINDOWS / (1 - RESERVE) / (_ALL_SQUARES * beyond**2)


def examination_part(number: int) -> float:
    """Give what an examination of one attempt has of its alpha.

    One that begins from nothing, because evidence was lost or cannot be read, is another
    chance to be wrong. So that all of one attempt have alpha together (a union bound, as
    over windows), the first has it as it was shared out, which leaves their half of the
    reserve, and the (j+1)-th has 6 / (pi * j)**2 of that half.

    Args:
        number: 1 is the first.

    """
    if number <= 1:
        return 1.0
    return (
        _FOR_EXAMINATIONS / (1 - _FOR_EXAMINATIONS) / (_ALL_SQUARES * (number - 1) ** 2)
    )


def designed_for(design: Design, examination: int) -> Design:
    """Give the design of a later examination: the same, with its part of alpha.

    The sample ratio has no reserve: all examinations have 1.053 times its alpha at most.
    A proof has beta in each examination; an inferior candidate passes a step in which n
    of them were begun with probability n * beta at most.
    """
    part = examination_part(examination)
    return replace(
        design,
        alpha=design.alpha * part,
        sample_ratio_alpha=design.sample_ratio_alpha * part,
    )


def log_threshold(design: Design, metric: int, cell: int, process: int) -> float:
    """Give ln(1 / (alpha * a)) of the fresh process or of pairs, in one metric and cell.

    Args:
        design: Whose alpha and shares they are.
        metric: Its number.
        cell: Its number.
        process: FRESH or PAIRS; windows have window_part.

    Returns:
        Infinite where it has no part at all.

    """
    compared = design.metrics[metric]
    of_pairs = design.pairs_part if compared.has_pairs else 0.0
    fresh = _FRESH_PART + (_WINDOWS_PART if compared.is_late else 0.0)  # has no windows
    part = {FRESH: fresh - of_pairs, PAIRS: of_pairs}[process]
    return log_threshold_of(design, metric, cell, part)


def log_threshold_of(design: Design, metric: int, cell: int, part: float) -> float:
    """Give ln(1 / (alpha * share * part)); infinite for no part."""
    share = design.cell_shares[metric][cell] * part
    return -log(design.alpha * share) if share > 0 else inf
