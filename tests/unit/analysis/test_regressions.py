"""When bets follow what was learnt, where many metrics and cells learn at one moment."""

from collections import deque

from gateway.analysis.counts import FRESH, Counts, Place
from gateway.analysis.geometric import bin_of
from gateway.analysis.regressions import Regressions
from gateway.domain.rollout import MetricRule, Statistic, Worse
from tests.unit.analysis.trial_play import CELLS, design

_METRICS = 16
_CELLS = 1 + len(CELLS)
_MOST = 24
_DESIGN = design(
    *(
        MetricRule(
            signal=f"s{number}", statistic=Statistic.DISTRIBUTION, worse=Worse.HIGHER
        )
        for number in range(_METRICS)
    ),
    cells=CELLS,
)


def _block(seconds: float) -> Counts:
    """Count more units over all than in a cell."""
    counts = Counts()
    for metric in range(_METRICS):
        for cell in range(_CELLS):
            units = 300 if not cell else 100
            where = Place(FRESH, 0.2, metric, cell)
            counts.bins[where] = ({bin_of(seconds, 0.001): units}, {})
    return counts


def _closed(process: Regressions, block: Counts) -> Regressions:
    for place, pair in block.bins.items():
        process.add(place, pair)
    deque(process.closing(block), maxlen=0)
    return process


def _learnt(process: Regressions) -> set[tuple[int, int]]:
    return {place for place, each in process.lessons.items() if each.past.total}


def test_what_learns_at_one_moment_takes_turns_and_the_whole_comes_first() -> None:
    process = _closed(Regressions(_DESIGN), _block(1.0))

    first = _learnt(process)
    assert len(first) == _MOST
    assert {(metric, 0) for metric in range(_METRICS)} <= first

    assert len(_learnt(_closed(process, _block(1.0)))) == _METRICS * _CELLS


def test_blocks_that_are_played_again_or_gone_on_with_learn_alike() -> None:
    blocks = [_block(seconds) for seconds in (1.0, 1.2, 3.0, 1.0)]
    played, kept = Regressions(_DESIGN), Regressions(_DESIGN)
    for block in blocks:
        _closed(played, block)
        again = Regressions(_DESIGN)
        again.load(kept.kept())
        kept = _closed(again, block)

    assert kept.kept() == played.kept()
    assert kept.wealths() == played.wealths()
