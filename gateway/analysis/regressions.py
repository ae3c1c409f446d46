"""Whether the candidate is worse, by metric, cell and process: the wealth against it.

Each metric in each cell has a fresh process for the whole rollout, whose log payoffs add
up over all weights and coins, and one for each window, which are apart: multiplied, twelve
windows of two equal versions gave 5.5 to 8 % false alarms at an alpha of 5 %.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import msgspec

from gateway.analysis.bets import Bets
from gateway.analysis.comparisons import COMPARISONS
from gateway.analysis.counts import FRESH, Counts, Pair, Place
from gateway.analysis.design import Design, Metric
from gateway.analysis.lessons import KeptLessons, Lessons
from gateway.analysis.past import Past
from gateway.analysis.shares import log_threshold, log_threshold_of, window_part
from gateway.analysis.trial_process import KeptProcess, Key, Process, Restarts

_MOST_TAKEN: Final = 24
"""Lessons that are taken at the end of a block: tables for two coins, 0.2 ms each."""

_A_TALLY: Final = 60
"""What writing one takes, in bins gone through."""

_LIVE_WINDOWS: Final = 3
"""Numbers that are counted at one time: keys' windows begin at different moments, so two
are open, and an exchange that lasts may end in the next one."""


_KEPT_LESSONS: Final = msgspec.msgpack.Decoder(KeptLessons)


class KeptRegressions(msgspec.Struct, array_like=True, frozen=True):
    """See Regressions.

    Attributes:
        lessons: Metric, cell, what was learnt: KeptLessons, written.
        processes: See KeptProcess.
        windows: Number and part of the open ones.
        begun: How many windows there were.
        is_share_due: A window began inside the open block.

    """

    lessons: list[tuple[int, int, msgspec.Raw]]
    processes: list[KeptProcess]
    windows: list[tuple[int, float]]
    begun: int
    is_share_due: bool


class Regressions:
    """The processes of a rollout.

    Args:
        design: Frozen.

    Attributes:
        lessons: By metric and cell.

    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self.lessons: dict[tuple[int, int], Lessons] = {}
        self._processes: dict[Key, Process] = {}
        self._windows: dict[int, float] = {}
        self._begun = 0
        self._is_share_due = False  # only between blocks, so that they can be replayed
        self._changed: set[Key] = set()
        self._crossed: set[Key] = set()

    def add(self, place: Place, pair: Pair) -> None:
        """Settle bets on units of the fresh process or of a window; over ones are let go."""
        number = place.process
        if number != FRESH and number not in self._windows:
            if number <= max(self._windows, default=number) - _LIVE_WINDOWS:
                return
            self._open(number)
            self._is_share_due = True
        key = Key(number, place.metric, place.cell)
        process = self._processes.get(key) or self._begin(key)
        bets = self.lessons_of(place.metric, place.cell).bets(place.coin)
        process.mixture.add(bets, *pair)
        self._changed.add(key)

    def closing(self, block: Counts) -> Iterator[int]:
        """Learn what a block counted: for people, and for bets on the next one.

        Yields:
            How many bins were gone through (or what took as long) since the last time.
            All of it must be gone through before anything else is done.

        """
        coins: dict[tuple[int, int], set[float]] = {}
        for place, pair in block.bins.items():
            if place.process == FRESH or place.process >= 0:
                coins.setdefault((place.metric, place.cell), set()).add(place.coin)
                yield self._learn(place, pair)
        due: list[tuple[int, int]] = []
        for learner in coins:
            yield self._take_if_cheap(learner, due)
        for learner in sorted(due, key=self._by_news)[:_MOST_TAKEN]:
            self.lessons[learner].take()
        if self._is_share_due:
            self.share()
        yield from self._prepared(coins)

    def _learn(self, place: Place, pair: Pair) -> int:
        number, coin, metric, cell = place
        process = self._processes.get(Key(number, metric, cell))
        if process is not None:
            process.close(coin, pair)
        self.lessons_of(metric, cell).learn(pair[0])
        return 2 * len(pair[0]) + len(pair[1])

    def _take_if_cheap(self, place: tuple[int, int], due: list[tuple[int, int]]) -> int:
        """Let lessons be taken whose tables cost nothing, and note others that are due.

        Of those the ones with most news come first. What is left waits for the next block:
        all cells of all metrics would otherwise need new tables at one moment. Which,
        follows from closed blocks alone.
        """
        lessons = self.lessons[place]
        if lessons.is_due():
            if lessons.is_cheap:
                lessons.take()
            else:
                due.append(place)
        return len(lessons.past.counts)

    def _by_news(self, place: tuple[int, int]) -> tuple[float, tuple[int, int]]:
        return -self.lessons[place].news, place

    def _prepared(self, coins: Mapping[tuple[int, int], set[float]]) -> Iterator[int]:
        """Make what counting and keeping will need, so that they need not."""
        for place, of_place in coins.items():
            for coin in of_place:
                yield self.lessons[place].prepare(coin)
        for process in list(self._processes.values()):
            process.tally.written()
            yield len(process.tally.by_coin) * _A_TALLY
        for place in coins:
            self.lessons[place].written()
            yield _A_TALLY

    def lessons_of(self, metric: int, cell: int) -> Lessons:
        """Give what was learnt of a metric in a cell."""
        lessons = self.lessons.get((metric, cell))
        if lessons is None:
            rule = self._design.metrics[metric]
            bin_count = COMPARISONS[rule.kind].bin_count
            lessons = Lessons(bin_count, partial(_make, rule))
            self.lessons[metric, cell] = lessons
        return lessons

    def window_begins(self, number: int) -> bool:
        """Begin a window; those that cannot be counted any more are dropped.

        The fresh wealth is split anew with each. A number far below the open ones means
        that a clock began anew: all are dropped.

        Returns:
            Whether it is a new one.

        """
        if number in self._windows:
            return False
        self._open(number)
        self.share()
        return True

    def share(self) -> None:
        """Split the fresh wealth by the prior again, in part; see Restarts."""
        self._is_share_due = False
        for key, process in self._processes.items():
            if key.process == FRESH:
                process.share()

    def crossed(self) -> dict[Key, float]:
        """Give what is at its threshold or above it now, and by how much it is above."""
        for key in self._changed:
            process = self._processes.get(key)
            if process and process.mixture.has_reached(process.log_threshold):
                self._crossed.add(key)
            else:
                self._crossed.discard(key)
        self._changed.clear()
        return {key: self._excess(self._processes[key]) for key in self._crossed}

    def process(self, key: Key) -> Process:
        """Give a process that there is."""
        return self._processes[key]

    def nearest(self, metric: int, cell: int) -> Key | None:
        """Give the process that is nearest to its threshold, or furthest above it."""
        keys = [
            key
            for number in (FRESH, *self._windows)
            if (key := Key(number, metric, cell)) in self._processes
        ]
        return max(keys, key=lambda k: self._excess(self._processes[k]), default=None)

    def wealths(self) -> dict[Key, float]:
        """Give every current ln E."""
        return {key: each.mixture.total() for key, each in self._processes.items()}

    def kept(self) -> KeptRegressions:
        """Give all that must be kept."""
        return KeptRegressions(
            [(*place, lessons.written()) for place, lessons in self.lessons.items()],
            [process.kept(key) for key, process in self._processes.items()],
            list(self._windows.items()),
            self._begun,
            self._is_share_due,
        )

    def load(self, kept: KeptRegressions) -> None:
        """Go on with what was kept."""
        self._windows = dict(kept.windows)
        self._begun = kept.begun
        self._is_share_due = kept.is_share_due
        for metric, cell, lessons in kept.lessons:
            self.lessons_of(metric, cell).load(_KEPT_LESSONS.decode(lessons))
        for each in kept.processes:
            key = Key(*each.key)
            self._begin(key).load(self._prior(key), each)
            self._changed.add(key)

    def _open(self, number: int) -> None:
        newest = max(self._windows, default=number)
        if number <= newest - _LIVE_WINDOWS:
            newest = number
        self._windows[number] = window_part(self._design, self._begun)
        self._begun += 1
        newest = max(newest, number)
        for old in [n for n in self._windows if not 0 <= newest - n < _LIVE_WINDOWS]:
            self._drop(old)

    def _begin(self, key: Key) -> Process:
        restarts = Restarts(self._design.restart_share)
        process = Process(self._prior(key), self._threshold(key), restarts)
        self._processes[key] = process
        return process

    def _prior(self, key: Key) -> tuple[float, ...]:
        rule = self._design.metrics[key.metric]
        return COMPARISONS[rule.kind].prior(rule.whole, rule.quantiles)

    def _threshold(self, key: Key) -> float:
        number, metric, cell = key
        if number == FRESH:
            return log_threshold(self._design, metric, cell, FRESH)
        return log_threshold_of(self._design, metric, cell, self._windows[number])

    def _drop(self, number: int) -> None:
        del self._windows[number]
        for key in [key for key in self._processes if key.process == number]:
            del self._processes[key]
            self._crossed.discard(key)

    @staticmethod
    def _excess(process: Process) -> float:
        return process.mixture.total() - process.log_threshold


def _make(rule: Metric, past: Past, coin: float) -> Bets:
    return COMPARISONS[rule.kind].bets(
        past, coin, rule.tolerance, whole=rule.whole, quantiles=rule.quantiles
    )
