"""What the wheel of deadlines watches, as far as it needs to know it.

A module of its own, and not compiled (gateway/building): mypyc cannot make a protocol
that is asked for at run time.
"""

from typing import Protocol, runtime_checkable


class Watched(Protocol):
    """Something with a deadline."""

    deadline: float
    """When on_deadline is due; NEVER when nothing is. Set it through the wheel."""
    looked_at: float
    """When the wheel looks next; NEVER when it holds no entry. The wheel's own."""

    def on_deadline(self, now: float) -> None:
        """Be told, once, that the deadline has passed; it is NEVER again by then."""


@runtime_checkable
class Abortable(Protocol):
    """A connection that can be closed at once."""

    def abort(self) -> None:
        """Close now."""
