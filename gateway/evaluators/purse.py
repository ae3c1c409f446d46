"""What an evaluator may use in an hour, kept so that no restart uses it twice.

Before anything is asked of a judge, the most it may take is reserved; afterwards what it
did take is booked. What is in the store is never less than what was used: it is written
ahead, a fiftieth of the budget at a time, so that most reservations cost no write, and a
controller that dies loses at most that much, and what it had reserved.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from gateway.domain.errors import StoreUnavailable
from gateway.domain.evaluation import Budget
from gateway.domain.price import Price
from gateway.evaluators.evaluator import Used
from gateway.state.store import Spent

_HOUR_S: Final = 3600
_MILLION: Final = 1_000_000
_AHEAD: Final = 50  # part of the budget that is written ahead of its use


class Ledger(Protocol):
    """Keeps what was used; control.durable.Durable is one.

    Attributes:
        spent: By purse, as the store was found; None: it was not found yet.

    """

    spent: Mapping[str, Spent] | None

    def save_spent(self, spent: Spent) -> Awaitable[None]:
        """Keep it; durable when awaited. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class _Sum:
    tokens: float = 0
    usd: float = 0.0

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: "_Sum") -> "_Sum":
        return _Sum(self.tokens - other.tokens, self.usd - other.usd)

    def is_within(self, other: "_Sum") -> bool:
        return self.tokens <= other.tokens and self.usd <= other.usd

    def least(self, other: "_Sum") -> "_Sum":
        return _Sum(min(self.tokens, other.tokens), min(self.usd, other.usd))


@dataclass(frozen=True, slots=True)
class Reservation:
    """What may be used, in the hour it was reserved in."""

    hour: int
    most: _Sum


class Tab:
    """What one judgement may take, and more of it when it asks.

    Args:
        purse: Whose budget it is.
        reserved: What was set aside for it.
        most: The same in tokens.

    Attributes:
        most: All it may take so far.

    """

    def __init__(self, purse: "Purse", reserved: Reservation, most: Used) -> None:
        self._purse = purse
        self._reserved = [reserved]
        self.most = most

    async def more(self, most: Used) -> bool:
        """See Allowance."""
        try:
            reserved = await self._purse.reserve(most)
        except StoreUnavailable:
            return False
        if reserved is None:
            return False
        self._reserved.append(reserved)
        self.most += most
        return True

    def settle(self, used: Used) -> None:
        """Book what all of it took, in the hour of what was asked for last."""
        *before, last = self._reserved
        for reserved in before:
            self._purse.settle(reserved, Used())
        self._purse.settle(last, used)


class Purse:
    """The budget of one evaluator.

    Args:
        name: Unique among all purses of this gateway.
        budget: What it may use.
        price: Of its tokens; None: nothing is known of its cost.
        ledger: Keeps what was used.
        now: Unix time in seconds.

    Attributes:
        used: What was used since this controller started.
        usd: What that cost; 0.0 without a price.

    """

    def __init__(
        self,
        name: str,
        budget: Budget,
        price: Price | None,
        ledger: Ledger,
        now: Callable[[], float],
    ) -> None:
        self._name = name
        self._price = price
        self._ledger = ledger
        self._now = now
        tokens, usd = budget.tokens_per_hour, budget.usd_per_hour
        self._limit = _Sum(
            inf if tokens is None else tokens, inf if usd is None else usd
        )
        self._is_limited = not (tokens is None and usd is None)
        self._hour = -1
        self._taken = _Sum()  # used, and reserved
        self._written = _Sum()
        self._one_at_a_time = asyncio.Lock()
        self.used = Used()
        self.usd = 0.0

    async def reserve(self, most: Used) -> Reservation | None:
        """Set aside what a judgement may take; None: the budget has not got it.

        Raises:
            StoreUnavailable: What is used cannot be kept, so that nothing may be.

        """
        wanted = self._sum(most)
        if not self._is_limited:
            return Reservation(self._hour, wanted)
        async with self._one_at_a_time:
            if not self._is_known():
                return None
            while True:
                self._turn()
                after = self._taken + wanted
                if not after.is_within(self._limit):
                    return None
                if after.is_within(self._written):
                    self._taken = after
                    return Reservation(self._hour, wanted)
                # Others settle while it is written, and the hour may turn: look again.
                await self._write_ahead(after)

    def settle(self, reserved: Reservation, used: Used) -> None:
        """Book what was used, and give back what was not.

        A server that says it took more than it could have is believed: the hour's budget
        has less left, and the next reservation sees to it.
        """
        self.used += used
        took = self._sum(used)
        self.usd += took.usd
        if reserved.hour == self._hour:
            self._taken = self._taken - reserved.most + took

    @property
    def left(self) -> Budget:
        """What is left of this hour's budget; None where there is no limit."""
        self._turn()
        left = self._limit - self._taken
        return Budget(
            tokens_per_hour=None if left.tokens == inf else int(max(left.tokens, 0)),
            usd_per_hour=None if left.usd == inf else max(left.usd, 0.0),
        )

    def _is_known(self) -> bool:
        """Take up what was used before; False while nobody knows it."""
        if self._hour >= 0:
            return True
        found = self._ledger.spent
        if found is None:
            return False
        before = found.get(self._name)
        self._hour = self._this_hour()
        if before is not None and before.hour >= self._hour:
            self._hour = before.hour
            self._taken = self._written = _Sum(before.tokens, before.usd)
        return True

    def _turn(self) -> None:
        """Begin anew with every hour; a clock that was set back begins nothing."""
        hour = self._this_hour()
        if 0 <= self._hour < hour:
            self._hour, self._taken, self._written = hour, _Sum(), _Sum()

    async def _write_ahead(self, after: _Sum) -> None:
        hour = self._hour
        ahead = after + _Sum(self._limit.tokens / _AHEAD, self._limit.usd / _AHEAD)
        written = ahead.least(self._limit)
        tokens = 0 if written.tokens == inf else int(written.tokens)
        usd = 0.0 if written.usd == inf else written.usd
        await self._ledger.save_spent(
            Spent(purse=self._name, hour=hour, tokens=tokens, usd=usd)
        )
        if hour == self._hour:
            self._written = written

    def _sum(self, used: Used) -> _Sum:
        price = self._price
        usd = (
            0.0
            if price is None
            else (used.input * price.input + used.output * price.output) / _MILLION
        )
        return _Sum(used.input + used.output, usd)

    def _this_hour(self) -> int:
        return int(self._now() // _HOUR_S)
