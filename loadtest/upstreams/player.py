"""Performs a script on a transport: timers, flow control, and the ending.

One timer at a time per answer; a script without pauses is written in slices, so that
a huge answer does not hold up the other connections.
"""

import asyncio
from collections.abc import Callable, Iterator

from loadtest.upstreams.script import Ending, Step

_STEPS_PER_TURN = 16


class Player:
    """Plays one script; `ended` is called once, unless the player is stopped first."""

    __slots__ = (
        "_due",
        "_ended",
        "_loop",
        "_next",
        "_paused",
        "_steps",
        "_timer",
        "_transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        steps: Iterator[Step],
        ended: Callable[[Ending], None],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._ended = ended
        self._timer: asyncio.Handle | None = None
        self._paused = False
        self._due = loop.time()
        self._steps = steps
        self._next = next(steps)

    def play(self) -> None:
        """Write all that is due now, then arm the timer for the rest."""
        self._timer = None
        for _ in range(_STEPS_PER_TURN):
            if self._paused:
                return
            what, pause_s = self._next
            if isinstance(what, Ending):
                self._ended(what)
                return
            if what:
                self._transport.write(what)
            if pause_s:
                self._sleep(pause_s)
                return
            self._next = next(self._steps)
        self._timer = self._loop.call_soon(self.play)

    def _sleep(self, pause_s: float) -> None:
        # Absolute times, so that a rate holds over a long stream; after a hiccup the
        # gap is at least half the pause: bursts would look like coalescing.
        self._due = max(self._due + pause_s, self._loop.time() + pause_s / 2)
        self._timer = self._loop.call_at(self._due, self._wake)

    def _wake(self) -> None:
        self._next = next(self._steps)
        self.play()

    def pause(self) -> None:
        """Stop writing: the reader is slow."""
        self._paused = True

    def resume(self) -> None:
        """Go on writing, unless a timer will do so anyway."""
        self._paused = False
        if self._timer is None:
            self.play()

    def stop(self) -> None:
        """Forget the script: the client has gone."""
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
