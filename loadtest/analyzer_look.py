"""What the analyzer costs: CPU time of counting, of a look, and of closing a block.

    python -m loadtest.analyzer_look

20 metrics (8 rates, 4 scores, 8 distributions) in 20 values of 4 segments, with the fresh
process and two windows of each, after an hour of traffic. Each exchange counts in every
metric, over all and in its value of each segment, as a fresh unit and in a window. The
figures are medians, and the worst of a minute.
"""

import argparse
import gc
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, product
from statistics import median
from typing import Final, TypeVar

from gateway.analysis.counts import FRESH, PROOF, Counts, Place
from gateway.analysis.design import LOSS_BINS, Design, Kind
from gateway.analysis.geometric import FAILED_BIN
from gateway.analysis.metrics import Measure, Surroundings, design_of
from gateway.analysis.trial import Trial
from gateway.app.controller import COLLECTS
from gateway.domain.rollout import AnalysisPlan, MetricRule
from gateway.domain.units import Seconds
from gateway.domain.verdict import Finding
from loadtest.dice import shares

_KINDS: Final = (
    *(Kind.RATE,) * 8,
    *(Kind.MEAN,) * 4,
    *(Kind.DISTRIBUTION,) * 8,
)
_SEGMENTS: Final = 4
_VALUES: Final = 5
_LOOKS: Final = 20  # a quarter of a second each, in a block of five seconds
_WARM_BLOCKS: Final = 60
_BLOCKS: Final = 12
_COINS: Final = (0.05, 0.2)
_RATES: Final = (20, 200, 1_000)
_MILLI: Final = 1e3
_LOOKS_A_SECOND: Final = 4
_FIRST: Final = "first count of a block"
_SLICE: Final = "a slice of what a look leaves"
_CLOSING: Final = "a slice of what a close leaves (tables)"
_T = TypeVar("_T")
_SECOND_COIN: Final = 0.1  # of the units: keys that were seen before
_EVENTS: Final = 0.01


def design() -> Design:
    """Design the analysis that is measured."""
    signals = {f"signal_{n}": Measure(kind) for n, kind in enumerate(_KINDS)}
    cells = [(f"s{s}", f"v{v}") for s in range(_SEGMENTS) for v in range(_VALUES)]
    plan = AnalysisPlan(metrics=tuple(MetricRule(signal=name) for name in signals))
    around = Surroundings(signals=signals, cells=cells, longest=Seconds(86_400.0))
    return design_of(plan, around)


def delta(exchanges: int, dice: Callable[[], float]) -> Counts:
    """Count so many exchanges, in all places in which each of them counts."""
    counts = Counts()
    for _ in range(exchanges):
        coin = _COINS[dice() < _SECOND_COIN]
        is_candidate = dice() < coin
        values = [1 + s * _VALUES + int(dice() * _VALUES) for s in range(_SEGMENTS)]
        processes = (FRESH, 1 + (dice() < 1 / 2))
        places = list(product(processes, (0, *values)))
        for number, kind in enumerate(_KINDS):
            found = _bin(kind, dice)
            for process, cell in places:
                where = Place(process, coin, number, cell)
                counts.count(where, found, is_candidate=is_candidate)
            whole = Place(PROOF, coin, number, 0)
            counts.count(whole, int(dice() * 2), is_candidate=is_candidate)
        counts.units.setdefault(coin, [0, 0])[is_candidate] += 1
        counts.in_step[is_candidate] += 1
    return counts


def _bin(kind: Kind, dice: Callable[[], float]) -> int:
    match kind:
        case Kind.RATE:
            return int(dice() < _EVENTS)
        case Kind.MEAN:
            return int(dice() * dice() * LOSS_BINS)
        case Kind.DISTRIBUTION:
            return int(FAILED_BIN * (dice() + dice() + dice() + dice()) / 4)


def _timed(act: Callable[[], _T], times: list[float]) -> _T:
    start = time.thread_time()
    result = act()
    times.append((time.thread_time() - start) * _MILLI)
    return result


def _some(findings: Iterator[Finding]) -> list[Finding]:
    return list(islice(findings, 20))


def _rest(trial: Trial, times: list[float]) -> None:
    """Time the slices of what is left to be done."""
    slices = trial.rest()
    while trial.has_rest:
        _timed(partial(next, slices, None), times)


def measure(per_second: int) -> dict[str, list[float]]:
    """Give milliseconds by what was done."""
    dice = shares(1)
    trial = Trial(design())
    trial.step_begins(0)
    for _ in range(_WARM_BLOCKS):
        trial.add(delta(100, dice))
        trial.close_block()
        deque(trial.rest(), maxlen=0)
    found: dict[str, list[float]] = {
        _FIRST: [],
        "count": [],
        "look": [],
        _SLICE: [],
        "close a block": [],
        _CLOSING: [],
        "some findings": [],
        "keep (dump)": [],
    }
    for _ in range(_BLOCKS):
        for number in range(_LOOKS):
            count = partial(trial.add, delta(per_second // 4, dice))
            _timed(count, found["count" if number else _FIRST])
            _timed(trial.look, found["look"])
            _rest(trial, found[_SLICE])
            if number % _LOOKS_A_SECOND == 0:
                _timed(trial.dump, found["keep (dump)"])
        some = partial(_some, trial.each_finding())
        while _timed(some, found["some findings"]):
            pass
        _timed(trial.close_block, found["close a block"])
        _rest(trial, found[_CLOSING])
    print(
        f"\n{per_second} exchanges per second; kept: {len(trial.dump()) / 1e6:.2f} MB"
    )
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="*", default=list(_RATES))
    gc.set_threshold(*COLLECTS)
    for rate in parser.parse_args().rates:
        for name, times in measure(rate).items():
            print(
                f"  {name:42}{median(times):9.3f} ms {max(times):9.3f} ms at most"
                f"{sum(times) / _BLOCKS:9.1f} ms a block"
            )


if __name__ == "__main__":
    main()
