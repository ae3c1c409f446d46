"""Sticky traffic in miniature: keys, workers that record, exchanges that end out of order.

Keys differ as they do in life: a few send most of the requests, and some ask what fails
often. Nothing of that depends on the version; what does is said by `Fault`.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

import msgspec

from gateway.analysis.counts import FRESH, Counts, Place
from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.trial import Trial
from gateway.analysis.unit_book import UnitBook
from gateway.domain.rollout import Margin
from gateway.domain.units import BUCKETS, Share
from gateway.domain.verdict import Assessment

WINDOW_S: Final = 600.0
A_LOOK: Final = 5.0
SPREAD: Final = 1.5
"""Sigma of the lognormal error rates of keys."""
WORKERS: Final = 2
RECORDED, IN_WINDOW = 20, 2

DESIGN: Final = Design(
    metrics=(
        Metric(
            name="error_rate",
            signal="error_rate",
            kind=Kind.RATE,
            share=1.0,
            margins=(Margin(), Margin(), Margin(), Margin()),
            tolerance=Margin(),
        ),
    ),
    cell_shares=((1.0,),),
    alpha=0.05,
)

Fault = Callable[[float], float]
"""The rate of errors that the candidate adds at a time."""


NO_CELLS: Final[dict[tuple[int, int], int]] = {}


def no_fault(_now: float) -> float:
    """Let both versions be the same."""
    return 0.0


class Exchange(msgspec.Struct, gc=False):
    """One record; of what a rate of errors does not read, nothing is said."""

    fingerprint: int
    bucket: int | None
    is_candidate: bool
    arrived: float
    nth: int
    window: int
    nth_in_window: int
    outcome: str
    duration: float
    is_stream: bool = False
    first_content: float | None = None
    per_token: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    is_late: bool = False
    values: tuple[tuple[int, float], ...] = ()
    cell: bytes = b""
    firsts: int = 0
    draw: int | None = None


class Request(NamedTuple):
    """An exchange that was sent, and whether a worker records it."""

    exchange: Exchange
    revision: int
    share: Share
    is_recorded: bool


class Keys:
    """The keys of a service.

    Args:
        count: How many.
        errors: Their mean error rate.
        dice: Chance.
        tail: Of Pareto's law of how much each sends; None: Zipf's law, by which the
            first of 200 keys sends a sixth of everything.

    """

    def __init__(
        self, count: int, errors: float, dice: Random, tail: float | None = None
    ) -> None:
        rates = [dice.lognormvariate(0, SPREAD) for _ in range(count)]
        mean = sum(rates) / count
        self.rates = [min(errors * rate / mean, 1.0) for rate in rates]
        self.activity = list(
            accumulate(
                1 / (1 + place) if tail is None else dice.paretovariate(tail)
                for place in range(count)
            )
        )
        self.fingerprints = [dice.getrandbits(64) for _ in range(count)]
        self.buckets = [dice.randrange(BUCKETS) for _ in range(count)]


class Worker:
    """Numbers exchanges on arrival, as gateway.proxy.units does."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int, int, int]] = {}

    def arrived(
        self, fingerprint: int, revision: int, now: float
    ) -> tuple[int, int, int]:
        """Give nth, window, and nth in it."""
        window = int(now / WINDOW_S + (fingerprint >> 32) / (1 << 32))
        nth = nth_in_window = 1
        known = self._known.get(fingerprint)
        if known is not None and known[0] == revision:
            nth = known[1] + 1
            nth_in_window = known[3] + 1 if known[2] == window else 1
        self._known[fingerprint] = (revision, nth, window, nth_in_window)
        return nth, window, nth_in_window


class Traffic:
    """Requests of these keys through some workers.

    Args:
        keys: Who sends.
        a_second: Requests a second.
        dice: Chance.
        fault: Of the candidate.

    """

    def __init__(
        self, keys: Keys, a_second: float, dice: Random, fault: Fault = no_fault
    ) -> None:
        self._keys, self._dice, self._fault = keys, dice, fault
        self._gap = 1 / a_second
        self._workers = [Worker() for _ in range(WORKERS)]
        self._running: list[tuple[float, int, Request]] = []
        self._sent = 0
        self.now = 0.0
        self.revision = 0
        self.share = Share(0)

    def until(self, end: float) -> Iterator[Request]:
        """Send requests; give those that end, in the order of their ends."""
        keys, running = self._keys, self._running
        wanted = int((end - self.now) / self._gap)
        for key in self._dice.choices(
            range(len(keys.rates)), cum_weights=keys.activity, k=wanted
        ):
            self.now += self._gap
            self._sent += 1
            request = self._sent_by(key)
            ends = self.now + request.exchange.duration
            heappush(running, (ends, self._sent, request))
            while running[0][0] <= self.now:
                yield heappop(running)[2]
        self.now = end

    def _sent_by(self, key: int) -> Request:
        keys, dice, now = self._keys, self._dice, self.now
        bucket, fingerprint = keys.buckets[key], keys.fingerprints[key]
        is_candidate = bucket < self.share
        worker = self._workers[int(dice.random() * WORKERS)]
        nth, window, nth_in_window = worker.arrived(fingerprint, self.revision, now)
        rate = keys.rates[key] + (self._fault(now) if is_candidate else 0.0)
        is_error = dice.random() < rate
        seconds = dice.random() * (1.0 if is_error else 20.0)  # it fails fast
        exchange = Exchange(
            fingerprint,
            bucket,
            is_candidate,
            now,
            nth,
            window,
            nth_in_window,
            "upstream_error" if is_error else "complete",
            seconds,
        )
        is_recorded = nth <= RECORDED or nth_in_window <= IN_WINDOW
        return Request(exchange, self.revision, self.share, is_recorded)


class Rollout:
    """A rollout of which every look is acted on.

    Args:
        traffic: What it sees.
        design: What is compared.
        counts_requests: Count every request, with the weight for a coin: as is usual.
        a_look: Seconds between two.

    Attributes:
        traffic: What it sees.
        trial: What is proven.
        seen: Requests and errors in this step, of baseline and candidate.

    """

    def __init__(
        self,
        traffic: Traffic,
        design: Design = DESIGN,
        *,
        counts_requests: bool = False,
        a_look: float = A_LOOK,
    ) -> None:
        self.traffic = traffic
        self._counts_requests = counts_requests
        self._a_look = a_look
        self._book, self.trial = UnitBook(design), Trial(design)
        self.seen = [[0, 0], [0, 0]]

    def weight(self, percent: float) -> None:
        """Set another weight, and begin another step."""
        traffic = self.traffic
        traffic.revision += 1
        traffic.share = Share(round(percent * 1000))
        self.trial.close_block()
        self._book.epoch_begins(
            traffic.revision, traffic.share, traffic.now, is_new_step=True
        )
        self.trial.epoch_begins()
        self.trial.step_begins(0)
        self.seen = [[0, 0], [0, 0]]

    def looks_good(self) -> bool:
        """Tell whether the candidate's requests fail no more often than the others."""
        (others, their_errors), (requests, errors) = self.seen
        return requests > 100 and errors * others <= their_errors * requests

    def look(self) -> Assessment:
        """Go on until the next look, and say what is known then."""
        self.trial.add(self._counted(self.traffic.now + self._a_look))
        assessment = self.trial.look()
        self.trial.close_block()
        return assessment

    def _counted(self, until: float) -> Counts:
        counts = Counts()
        for request in self.traffic.until(until):
            exchange = request.exchange
            is_error = exchange.outcome != "complete"
            seen = self.seen[exchange.is_candidate]
            seen[0] += 1
            seen[1] += is_error
            if self._counts_requests:
                place = Place(FRESH, request.share / BUCKETS, 0, 0)
                counts.count(place, is_error, is_candidate=exchange.is_candidate)
            elif request.is_recorded:
                self._book.take(
                    exchange,
                    revision=request.revision,
                    share=request.share,
                    names=(),
                    cells=NO_CELLS,
                )
        if self._counts_requests:
            return counts
        self._book.close(until)
        return self._book.drain()
