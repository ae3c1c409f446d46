"""What the copies of one service's requests may cost one worker."""

from typing import Final

from gateway.domain.rollout import MirrorLimits

_MINUTE: Final = 60.0


class MirrorBudget:
    """Counts copies that run, and tokens: a bucket that holds those of a minute.

    A copy's tokens are known when it is over. So it begins while there are any left, and
    what it takes beyond them is owed: over minutes, the limit holds.

    Attributes:
        limits: In force; a new routing table may change them.
        running: Copies that have begun, or wait for their request's body.

    """

    __slots__ = ("_left", "_since", "limits", "running")

    def __init__(self, limits: MirrorLimits, now: float) -> None:
        self.limits = limits
        self.running = 0
        self._left = float(limits.tokens_per_minute or 0)
        self._since = now

    def lacking(self, now: float) -> str | None:
        """Tell what there is too little of for one more copy; None when there is enough.

        Args:
            now: Monotonic clock.

        """
        if self.running >= self.limits.concurrency:
            return "concurrency"
        most = self.limits.tokens_per_minute
        if most is None:
            return None
        earned = (now - self._since) * most / _MINUTE
        self._left, self._since = min(self._left + earned, float(most)), now
        return None if self._left > 0 else "tokens"

    def spend(self, tokens: int) -> None:
        """Book what a copy took."""
        if self.limits.tokens_per_minute is not None:
            self._left -= tokens
