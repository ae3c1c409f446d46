"""Sends a candidate's requests to the baseline while it fails at everything.

In each worker, without statistics and without the control plane: when the last exchanges
of a candidate, from several keys and in a few seconds, all failed before any content, and
the baseline has answered in these seconds. It diverts and takes nothing back: that is for
the analyzer, or an operator. Why so, and what is evidence meanwhile:
decisions/0023-failover-and-the-guard.md.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.domain.failover import Guard as Rule
from gateway.proxy.tally import Tally

FIRST_PAUSE_S: Final = 0.125
"""Seconds, at most, until a candidate is tried again. Short, for it may only have been
restarted, and because the tries are all that the analysis learns from meanwhile."""

LONGEST_PAUSE_S: Final = 30.0
"""Seconds to which that grows, doubled with each try."""

QUICK_TRIES: Final = 30
"""Tries before it grows, where the baseline answers for those that fail: then they cost no
client an error, and a candidate that is dead is taken back by what they tell."""

_WELL_AGAIN_S: Final = 60.0
"""Seconds without diverting, after which pauses are short again."""

_NEVER: Final = -1.0e9


class Guard:
    """What one worker knows of the failures of one candidate; outlives tables.

    Args:
        rule: When to divert.
        candidate: Its totals; they know when it answered.
        baseline: Totals of the baseline, of its own exchanges and of those in which it
            answered for the candidate: when it answered.
        dice: Gives a number from 0 to 1.

    Attributes:
        is_covered: Whether the baseline answers for a try that finds nobody there.
        is_diverting: Whether the candidate's requests go to the baseline. To be asked
            before any other method but `failed`, which alone makes it so.

    """

    __slots__ = (
        "_baseline",
        "_candidate",
        "_dice",
        "_failures",
        "_next_try",
        "_pause",
        "_since",
        "_tries",
        "_until",
        "is_covered",
        "is_diverting",
        "rule",
    )

    def __init__(
        self,
        rule: Rule,
        candidate: Tally,
        baseline: tuple[Tally, Tally],
        dice: Callable[[], float],
    ) -> None:
        self.rule = rule
        self._candidate = candidate
        self._baseline = baseline
        self._dice = dice
        self.is_covered = self.is_diverting = False
        self._tries = 0
        self._failures: deque[tuple[float, bytes | None]] = deque(maxlen=rule.failures)
        self._since = self._until = _NEVER
        self._next_try = 0.0
        self._pause = FIRST_PAUSE_S

    def follow(self, rule: Rule) -> None:
        """Go by another rule from now on."""
        if rule != self.rule:
            self.rule = rule
            self._failures = deque(self._failures, maxlen=rule.failures)

    def rest(self) -> None:
        """Know nothing any more: the candidate gets no traffic."""
        self._failures.clear()
        self.is_diverting = False
        self._until = _NEVER

    def failed(self, now: float, key: bytes | None) -> None:
        """Note an exchange that failed before any content; divert, if it is enough.

        Args:
            now: Monotonic clock, seconds.
            key: Its sticky key; without one it is a key of its own.

        """
        failures = self._failures
        if failures and failures[-1][0] <= self._candidate.answered_at:
            failures.clear()
        failures.append((now, key))
        if not self.is_diverting and self._is_enough(now):
            self._divert(now)

    def _is_enough(self, now: float) -> bool:
        rule, failures = self.rule, self._failures
        if len(failures) < rule.failures:
            return False
        earliest = now - rule.within
        keys = {key for _at, key in failures if key is not None}
        keyless = sum(key is None for _at, key in failures)
        lives = max(tally.answered_at for tally in self._baseline) >= earliest
        return failures[0][0] >= earliest and len(keys) + keyless >= rule.keys and lives

    def _divert(self, now: float) -> None:
        self.is_diverting = True
        if now - self._until > _WELL_AGAIN_S:
            self._pause, self._tries = FIRST_PAUSE_S, 0
        self._since = now
        self._plan(now)

    def _plan(self, now: float) -> None:
        """Say when the candidate is tried next: later each time, and never by the clock."""
        self._next_try = now + self._pause * (0.5 + 0.5 * self._dice())
        self._tries += 1
        if not self.is_covered or self._tries > QUICK_TRIES:
            self._pause = min(2.0 * self._pause, LONGEST_PAUSE_S)

    def is_open(self, now: float) -> bool:
        """Whether the next request of the candidate goes there: it answers, or is tried.

        Until it has come, exchanges of both versions are evidence as usual: what is
        counted is decided before any of them is tossed for.
        """
        if self._candidate.answered_at > self._since:
            self.is_diverting = False
            self._until = now
            self._failures.clear()
        return not self.is_diverting or now >= self._next_try

    def try_it(self, now: float) -> None:
        """Note that a request goes to the candidate, which `is_open`."""
        if self.is_diverting:
            self._plan(now)
