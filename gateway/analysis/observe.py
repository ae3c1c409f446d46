"""What an exchange says of each metric: a bin to count it in, or a loss to prove with.

A higher bin is always worse. What failed is in the last bin of every distribution:
otherwise a version would be judged by the answers that it managed to give. What was not
measured is None and says nothing. All of it is read from the exchange alone, by the same
rule for both versions.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import Final, TypeAlias

from gateway.analysis.design import LOSS_BINS, Kind, Metric
from gateway.analysis.exchange import Exchange
from gateway.analysis.geometric import FAILED_BIN, bin_of, upper_bound
from gateway.domain.outcome import ERRORS, Outcome
from gateway.domain.rollout import Worse

OVERDUE: Final = "overdue"
"""Outcome of an exchange that was recorded at its deadline, while it was still running."""

BIN_BITS: Final = 9
"""Enough for the bins of any kind: BIN_COUNT is 321."""

UNKNOWN: Final = 255
"""Stands for None among losses, where each is one byte."""

EARLY: Final = 254
"""Stands for a quantile's loss of an exchange from before its threshold was fixed."""

WORST: Final = LOSS_BINS - 1
"""The loss of 1, on the grid of losses."""

Thresholds: TypeAlias = Mapping[tuple[int, int], tuple[float, float]]
"""By metric and place of its quantile: the amounts, of the baseline and of the candidate,
beyond which an exchange is an event."""

_Values: TypeAlias = Mapping[int, float]
_Read: TypeAlias = Callable[[Exchange, _Values], int | None]
_ReadAmount: TypeAlias = Callable[[Exchange, _Values], float | None]
_ReadLosses: TypeAlias = Callable[[Exchange, _Values], bytes]
_Edges: TypeAlias = Sequence[tuple[float, float] | None]

_BYTES: Final = tuple(bytes([loss]) for loss in range(UNKNOWN + 1))
_UNKNOWN: Final = _BYTES[UNKNOWN]

_FAILED: Final = frozenset({OVERDUE, *(outcome.value for outcome in ERRORS)})
_CANCELLED: Final = Outcome.CLIENT_CANCELLED.value
_OUTCOMES: Final[Mapping[str, frozenset[str]]] = {
    **{outcome.value: frozenset({outcome.value}) for outcome in Outcome},
    "error_rate": _FAILED,
    "client_error_rate": frozenset({Outcome.CLIENT_ERROR.value}),
    "cancel_rate": frozenset({_CANCELLED}),
}
_LATE_IS_EVENT: Final = "error_rate"


def _first_token(exchange: Exchange) -> float | None:
    """Read the time to the first token; who left before waited at least that long."""
    is_without = exchange.is_stream and exchange.first_content is None
    if is_without and exchange.outcome == _CANCELLED:
        return exchange.duration
    return exchange.first_content


_FIELDS: Final[Mapping[str, Callable[[Exchange], float | None]]] = {
    "duration": attrgetter("duration"),
    "time_to_first_token": _first_token,
    "time_per_output_token": attrgetter("per_token"),
    "cost": attrgetter("cost"),
    "input_tokens": attrgetter("input_tokens"),
    "output_tokens": attrgetter("output_tokens"),
}


_OF_STREAMS: Final = frozenset({"time_to_first_token", "time_per_output_token"})
"""Of any other answer they say nothing, also where it failed."""


class Observer:
    """Reads exchanges for the metrics of one design.

    A code is the metric's number, and below it BIN_BITS for the bin.

    Args:
        metrics: Of the design.
        names: Of the signals in Exchange.values. A metric that is none of them, and of
            no exchange as such, is not measured.
        thresholds: For the losses of quantiles; without one they are EARLY.

    """

    __slots__ = ("_ceilings", "_losses", "_outcomes", "_timings")

    def __init__(
        self, metrics: Sequence[Metric], names: Sequence[str], thresholds: Thresholds
    ) -> None:
        places = {name: place for place, name in enumerate(names)}
        self._outcomes: list[tuple[int, _Read]] = []
        self._timings: list[tuple[int, _Read]] = []
        self._ceilings: list[tuple[int, bool, _ReadLosses]] = []
        self._losses: list[_ReadLosses] = []
        for number, metric in enumerate(metrics):
            amount = _amount(metric, places)
            read = _bin(metric, amount)
            readers = self._timings if metric.is_timing else self._outcomes
            readers.append((number << BIN_BITS, read))
            edges = [thresholds.get((number, place)) for place in places_of(metric)]
            self._losses.append(_losses(metric, read, amount, edges))
            if metric.ceiling is not None and has_counted_ceiling(metric):
                limits = [(metric.ceiling, metric.ceiling)]
                loss = _losses(metric, read, amount, limits)
                self._ceilings.append((number, metric.is_timing, loss))

    def outcomes(self, exchange: Exchange) -> list[int]:
        """Give the codes of metrics that are not timing."""
        return _codes(self._outcomes, exchange)

    def timings(self, exchange: Exchange) -> list[int]:
        """Give the codes of timing metrics."""
        return _codes(self._timings, exchange)

    def losses(self, exchange: Exchange) -> bytes:
        """Give the losses on the grid, UNKNOWN or EARLY, as `columns_of` has them."""
        values = dict(exchange.values)
        return b"".join([read(exchange, values) for read in self._losses])

    def over_ceilings(
        self, exchange: Exchange, *, is_timing: bool
    ) -> list[tuple[int, bool]]:
        """Give, by metric with such a ceiling, whether it is an event over it."""
        values = dict(exchange.values)
        found = [
            (number, read(exchange, values)[0])
            for number, timing, read in self._ceilings
            if timing is is_timing
        ]
        return [(number, loss == WORST) for number, loss in found if loss != UNKNOWN]


def has_counted_ceiling(metric: Metric) -> bool:
    """Tell whether events over its ceiling are counted: a mean's losses say more."""
    return metric.ceiling is not None and metric.kind is not Kind.MEAN


def places_of(metric: Metric) -> range:
    """Give the places of what has to be proven of a metric."""
    return range(len(metric.quantiles) if metric.kind is Kind.DISTRIBUTION else 1)


def columns_of(metrics: Sequence[Metric]) -> list[tuple[int, int]]:
    """Give metric and place of each loss that `Observer.losses` gives."""
    return [
        (number, place)
        for number, metric in enumerate(metrics)
        for place in places_of(metric)
    ]


def bin_of_amount(metric: Metric, amount: float) -> int:
    """Give the bin of an amount of a distribution: the geometric one, or its mirror.

    Args:
        metric: Its `smallest` and `worse` count.
        amount: In its unit; what failed is infinite, on the bad side.

    """
    if metric.worse is Worse.HIGHER:
        return bin_of(amount, metric.smallest)
    if amount == -inf:
        return FAILED_BIN
    return max(FAILED_BIN - 1 - bin_of(amount, metric.smallest), 0)


def edge_of(metric: Metric, bin_number: int) -> float:
    """Give the amount beyond which the worse bins begin.

    Returns:
        Where higher is worse, amounts above it are in worse bins; infinite for
        FAILED_BIN. Where lower is worse, those at or below it are; -infinite where only
        what failed is.

    """
    if metric.worse is Worse.HIGHER:
        return upper_bound(bin_number, metric.smallest)
    mirrored = FAILED_BIN - 1 - bin_number
    return upper_bound(mirrored - 1, metric.smallest) if mirrored > 0 else -inf


def _codes(readers: list[tuple[int, _Read]], exchange: Exchange) -> list[int]:
    values = dict(exchange.values)
    return [
        code + found
        for code, read in readers
        if (found := read(exchange, values)) is not None
    ]


def _bin(metric: Metric, amount: _ReadAmount) -> _Read:
    if metric.kind is Kind.DISTRIBUTION:
        return _of_amount(metric, amount)
    events = _OUTCOMES.get(metric.signal)
    if events is not None:
        return _of_outcome(metric, events)
    is_rate = metric.kind is Kind.RATE
    return _of_part(metric, amount, 1 if is_rate else WORST)


def _of_outcome(metric: Metric, events: frozenset[str]) -> _Read:
    event, other = (1, 0) if metric.worse is Worse.HIGHER else (0, 1)
    if metric.signal != _LATE_IS_EVENT:
        return lambda exchange, _values: event if exchange.outcome in events else other

    def read(exchange: Exchange, _values: _Values) -> int:
        return event if exchange.is_late or exchange.outcome in events else other

    return read


def _of_part(metric: Metric, amount: _ReadAmount, top: int) -> _Read:
    """Read a score or a flag, from 0 to 1, onto a grid from 0 to *top*."""
    is_higher = metric.worse is Worse.HIGHER

    def read(exchange: Exchange, values: _Values) -> int | None:
        found = amount(exchange, values)
        if found is None:
            return None
        part = min(max(found, 0.0), 1.0)
        return round(top * (part if is_higher else 1.0 - part))

    return read


def _of_amount(metric: Metric, amount: _ReadAmount) -> _Read:
    if metric.worse is Worse.HIGHER:
        smallest = metric.smallest

        def read(exchange: Exchange, values: _Values) -> int | None:
            found = amount(exchange, values)
            return None if found is None else bin_of(found, smallest)

        return read

    def read_mirrored(exchange: Exchange, values: _Values) -> int | None:
        found = amount(exchange, values)
        return None if found is None else bin_of_amount(metric, found)

    return read_mirrored


def _amount(metric: Metric, places: Mapping[str, int]) -> _ReadAmount:
    """Read the value itself; of a distribution, what failed is infinitely bad."""
    read = _value(metric.signal, places)
    if metric.kind is not Kind.DISTRIBUTION:
        return read
    failed = inf if metric.worse is Worse.HIGHER else -inf
    if metric.signal in _OF_STREAMS:
        return lambda exchange, values: (
            failed
            if exchange.is_stream and exchange.outcome in _FAILED
            else read(exchange, values)
        )
    return lambda exchange, values: (
        failed if exchange.outcome in _FAILED else read(exchange, values)
    )


def _value(signal: str, places: Mapping[str, int]) -> _ReadAmount:
    field = _FIELDS.get(signal)
    if field is not None:
        return lambda exchange, _values: field(exchange)
    place = places.get(signal)
    if place is None:
        return lambda _exchange, _values: None
    return lambda _exchange, values: values.get(place)


def _losses(
    metric: Metric, read: _Read, amount: _ReadAmount, edges: _Edges
) -> _ReadLosses:
    """Read a byte for each place of a metric."""
    if metric.kind is Kind.DISTRIBUTION:
        return _beyond(metric, amount, edges)
    scale = WORST if metric.kind is Kind.RATE else 1

    def losses(exchange: Exchange, values: _Values) -> bytes:
        found = read(exchange, values)
        return _UNKNOWN if found is None else _BYTES[found * scale]

    return losses


def _beyond(metric: Metric, amount: _ReadAmount, edges: _Edges) -> _ReadLosses:
    """Read whether an amount is beyond the edges of its version."""
    unknown = bytes([EARLY if edge is None else UNKNOWN for edge in edges])
    is_higher = metric.worse is Worse.HIGHER
    both = [[None if edge is None else edge[side] for edge in edges] for side in (0, 1)]
    if not any(edges):
        return lambda _exchange, _values: unknown

    def losses(exchange: Exchange, values: _Values) -> bytes:
        found = amount(exchange, values)
        if found is None:
            return unknown
        mine = both[exchange.is_candidate]
        if is_higher:
            return bytes([
                EARLY if edge is None else WORST if found > edge else 0 for edge in mine
            ])
        return bytes([
            EARLY if edge is None else WORST if found <= edge else 0 for edge in mine
        ])

    return losses
