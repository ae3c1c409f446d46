"""What a rollout has decided, on its way to being in force."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.domain.rollout import Standing
from gateway.handoff.routing_table import RoutedService
from gateway.state.journal import Draft
from gateway.state.store import Change

MOVED: Final = "moved"
"""Kind of the journal's entry of a move."""

OVERTAKEN: Final = "overtaken"
"""Kind of the entry that takes a move back: it was kept, and something was lowered before
it came into force, so that it never did."""

ANEW: Final = "anew"
"""Kind of the entry that says that an attempt is examined from nothing again."""

JUDGES: Final = "judges"
"""Kind of the entry that says who judges an attempt: when it begins, and when that changes.
A move that follows from it has an entry of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One move of one service's rollout.

    Attributes:
        service: Its name.
        before: Where it stood when this was decided.
        standing: Where it is to stand.
        raises: Whether the candidate gets more than before: then it is kept first.
        change: Who, and why.
        drafts: What the journal is to say of it.
        keep_evidence: Keeps what it was decided by, before it is kept itself; may fail.
        enforced: Told as soon as it is published, with the service as it is routed.

    """

    service: str
    before: Standing
    standing: Standing
    raises: bool
    change: Change
    drafts: tuple[Draft, ...]
    keep_evidence: Callable[[], Awaitable[None]]
    enforced: Callable[[RoutedService], None]


def taken_back(service: str, standing: Standing, why: str, *, at: float) -> Draft:
    """Write for the journal that a move which is in it never came into force."""
    said = {"said": f"Never in force: {standing.cause} {why}"}
    body = msgspec.json.encode(said)
    return Draft(at=at, service=service, kind=OVERTAKEN, body=body)
