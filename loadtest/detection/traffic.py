"""Traffic of a rollout, a second at a time: who was sent where, and what failed.

Both versions meet the same load and the same outages; a scenario says what else is wrong
with the candidate, and from when on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import pi, sin
from typing import Final, NamedTuple, Protocol, TypeAlias

from loadtest.dice import Draws

SECONDS: Final = 60
_PER_MINUTE: Final = 1_000
_SWING: Final = 0.5
"""Of the load, up and down; one wave in the time that a trace takes."""


Seen: TypeAlias = tuple[int, int]
"""How many, and how many of them failed."""


class Slice(NamedTuple):
    """One second.

    Attributes:
        weight: The candidate's, 0 to 1.
        baseline: Its requests.
        candidate: The same.
        baseline_units: Of them those that were tossed a coin just then: all, or of each
            sticky key the first.
        candidate_units: The same.

    """

    weight: float
    baseline: Seen
    candidate: Seen
    baseline_units: Seen
    candidate_units: Seen


class Scenario(Protocol):
    """What happens in a trace."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def begins(self) -> int:
        """Minute in which the fault begins; 0 where there is none."""

    @property
    def minutes(self) -> int:
        """How long it goes on."""

    def slices(self, seed: int) -> Iterator[Slice]:
        """Give one trace, second by second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyless:
    """Each request has a coin of its own.

    Attributes:
        name: For people.
        weights: The candidate's weight, each for an equal part of the time.
        rate: Of errors, of the baseline.
        fault: Of errors, of the candidate once its fault has begun; None: it has none.
        begins: Minute in which the fault begins.
        outage: Minutes [from, to) in which both versions fail by OUTAGE.
        swings: Whether the load swings.
        minutes: How long it goes on.

    """

    name: str
    weights: tuple[float, ...]
    rate: float
    fault: float | None = None
    begins: int = 0
    outage: tuple[int, int] | None = None
    swings: bool = False
    minutes: int = 100

    def slices(self, seed: int) -> Iterator[Slice]:
        """Give one trace, second by second."""
        draws = Draws(seed)
        for minute in range(self.minutes):
            weight = self.weights[minute * len(self.weights) // self.minutes]
            bad, worse = self._rates(minute)
            for requests in self._load(minute):
                sent = draws.binomial(requests, weight)
                baseline = requests - sent, draws.binomial(requests - sent, bad)
                candidate = sent, draws.binomial(sent, worse)
                yield Slice(weight, baseline, candidate, baseline, candidate)

    def _rates(self, minute: int) -> tuple[float, float]:
        if self.outage is not None and self.outage[0] <= minute < self.outage[1]:
            return OUTAGE, OUTAGE
        is_faulty = self.fault is not None and minute >= self.begins
        return self.rate, self.fault if is_faulty and self.fault else self.rate

    def _load(self, minute: int) -> Iterator[int]:
        turn = sin(2 * pi * minute / self.minutes) if self.swings else 0.0
        yield from _by_second(round(_PER_MINUTE * (1 + _SWING * turn)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """Users stay where their first request went; some send much, some fail much.

    Attributes:
        name: For people.
        keys: How many users.
        weight: The candidate's.
        rate: Of errors, over all users.
        begins: There is no fault.
        minutes: How long it goes on.

    """

    name: str
    keys: int
    weight: float
    rate: float
    begins: int = 0
    minutes: int = 100

    def slices(self, seed: int) -> Iterator[Slice]:
        """Give one trace, second by second."""
        draws = Draws(seed)
        activity = _shares([draws.lognormal(1.0, 1.0) for _ in range(self.keys)])
        fails = [draws.lognormal(1.0, _UNLIKE) for _ in range(self.keys)]
        scale = self.rate * self.keys / sum(fails)
        is_sent = [draws.share() < self.weight for _ in range(self.keys)]
        is_known = [False] * self.keys
        for requests in _by_second(_PER_MINUTE * self.minutes, SECONDS * self.minutes):
            # By version: requests, failed; units, failed.
            seen = ([0, 0, 0, 0], [0, 0, 0, 0])
            for _ in range(requests):
                key = draws.place(activity)
                counts = seen[is_sent[key]]
                has_failed = draws.share() < scale * fails[key]
                counts[0] += 1
                counts[1] += has_failed
                if not is_known[key]:
                    is_known[key] = True
                    counts[2] += 1
                    counts[3] += has_failed
            (b_all, b_bad, b_new, b_new_bad), (c_all, c_bad, c_new, c_new_bad) = seen
            yield Slice(
                self.weight,
                (b_all, b_bad),
                (c_all, c_bad),
                (b_new, b_new_bad),
                (c_new, c_new_bad),
            )


def _by_second(whole: int, seconds: int = SECONDS) -> Iterator[int]:
    """Spread requests evenly over seconds."""
    for second in range(seconds):
        yield whole * (second + 1) // seconds - whole * second // seconds


def _shares(amounts: list[float]) -> list[float]:
    """Add up amounts, as parts of the whole."""
    whole = sum(amounts)
    return [reached / whole for reached in accumulate(amounts)]


_UNLIKE: Final = 1.5
"""Sigma of the lognormal error rates of users (the statistics of sticky traffic)."""

OUTAGE: Final = 0.2
"""Errors of both versions while something fails that they share."""

_RAMP: Final = (0.01, 0.05, 0.25, 0.5)

EQUAL: Final[tuple[Scenario, ...]] = (
    Keyless(name="equal, 0.1 % errors, at 50 %", weights=(0.5,), rate=0.001),
    Keyless(name="equal, 0.5 % errors, at 5 %", weights=(0.05,), rate=0.005),
    Keyless(name="equal, 0.5 % errors, at 50 %", weights=(0.5,), rate=0.005),
    Keyless(
        name="equal, ramp 1-5-25-50 %, swinging load, outage of both",
        weights=_RAMP,
        rate=0.005,
        outage=(80, 83),
        swings=True,
    ),
    Sticky(name="equal, 200 unlike users, at 25 %", keys=200, weight=0.25, rate=0.005),
)
"""Two versions that are alike: whoever takes the candidate back is wrong."""

_FAULTS: Final = ((0.5, 2.0, 100), (1.0, 5.0, 100), (0.1, 10.0, 30), (1.0, 100.0, 30))
"""Percent of errors of the baseline and of the candidate; minutes."""


def _worse(weight: float) -> Iterator[Scenario]:
    for rate, fault, minutes in _FAULTS:
        rise = f"{rate:g} \N{RIGHTWARDS ARROW} {fault:g} %"
        yield Keyless(
            name=f"errors {rise}, at {weight * 100:g} %",
            weights=(weight,),
            rate=rate / 100,
            fault=fault / 100,
            minutes=minutes,
        )


WORSE: Final[tuple[Scenario, ...]] = (
    *_worse(0.05),
    *_worse(0.5),
    Keyless(
        name="errors 1 \N{RIGHTWARDS ARROW} 30 % after an hour of health, at 25 %",
        weights=(0.25,),
        rate=0.01,
        fault=0.3,
        begins=60,
    ),
)
"""A candidate that is worse: the sooner it is taken back, the better."""
