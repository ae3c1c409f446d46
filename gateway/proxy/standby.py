"""That the baseline stands by for a candidate: answers when that fails, or in its place.

What a candidate fails at before any content the baseline answers (failover.py), within a
budget; while the candidate fails at everything it gets nothing but a request now and then
(guard.py). Either way only where nobody has said that it must be the candidate: not what
an override names, and not what names a state that the candidate's server holds.
"""

from typing import Final, NamedTuple

from gateway.domain.failover import Failover, Why
from gateway.proxy.failover_budget import FailoverBudget
from gateway.proxy.guard import Guard
from gateway.proxy.request_body import RequestBody
from gateway.proxy.tally import Tally
from gateway.wire.request_head import RequestHead

BODY: Final = "body"
"""What is in the way: the body is not here whole, for it is longer than json_limit."""

BEGUN: Final = "begun"
"""The same: the candidate may have acted on it, and failover.repeat is off."""

BUDGET: Final = "budget"
"""The same: the baseline has answered for the candidate as often as it may."""


class Covered(NamedTuple):
    """Whose part another version took, and why.

    Attributes:
        version: That was to answer.
        why: With what it failed; a domain.failover.Why value.

    """

    version: str
    why: str


class Standby:
    """What lets the baseline of one service stand by for its candidate, under one table.

    Args:
        rule: When it answers.
        budget: Of the service.
        tallies: Of the service's versions.
        guard: Of the candidate; None: there is none.
        may_repeat: Whether a request may be sent to two, whatever its method.

    Attributes:
        holds: Bytes of a stream that are held back until there is content; 0: none.

    """

    __slots__ = ("_budget", "_may_repeat", "_tallies", "guard", "holds", "rule")

    def __init__(
        self,
        rule: Failover,
        budget: FailoverBudget,
        tallies: tuple[Tally, ...],
        guard: Guard | None,
        *,
        may_repeat: bool,
    ) -> None:
        self.rule = rule
        self.guard = guard
        self.holds: int = rule.hold if Why.ERROR_EVENT in rule.on else 0
        self._budget = budget
        self._tallies = tallies
        self._may_repeat = may_repeat

    def lacking(
        self,
        head: RequestHead,
        body: RequestBody,
        pieces: list[bytes] | None,
        why: Why,
        now: float,
    ) -> str | None:
        """Say why the baseline cannot answer; None: it can, and one is spent for it.

        Args:
            head: Of the request.
            body: Of the request.
            pieces: Of the body, as they arrived.
            why: With what the candidate failed.
            now: Monotonic clock, seconds.

        """
        is_unsent = why is Why.CONNECT
        if not (is_unsent or self._may_repeat or head.is_idempotent):
            return BEGUN
        if pieces is None or sum(map(len, pieces)) != body.received:
            return BODY
        come = sum(tally.come for tally in self._tallies)
        return None if self._budget.spend(come, now) else BUDGET
