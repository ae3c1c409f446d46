"""What waits to be written to the journal, in order.

Entries get their numbers and hashes when they are sent to the store: only its last entry
says where they belong. While it is away they wait here. Decisions always find room;
blocks have a bound, behind which they are left out, and one entry of each service says
how many. The newest are left out, not the oldest: what was decided can be recomputed
up to the first gap and not behind it.
"""

import json
import logging
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from gateway.state.journal import BLOCK, LEFT_OUT, Draft, Entry, chained

_log = logging.getLogger(__name__)

MOST_WAITING: Final = 16 << 20
"""Bytes of blocks that wait at most."""

SENT_AT_ONCE: Final = 1 << 20
"""Bytes: a slow disk takes them within a store's deadline."""


class Journal:
    """Numbers entries and keeps them until they are written.

    Args:
        most_waiting: Bytes of blocks that wait at most.

    """

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._last: Entry | None = None
        self._waiting: list[Draft] = []
        self._sent: list[Draft] = []
        self._sent_as: list[Entry] = []
        self._gaps: dict[str | None, int] = {}
        self.left_out = 0
        """Blocks that found no room, since the start."""

    @property
    def waiting(self) -> int:
        """How many entries are not known to be written."""
        return len(self._waiting) + len(self._sent)

    @property
    def is_long(self) -> bool:
        """Whether more waits than should be sent at once."""
        return sum(len(draft.body) for draft in self._waiting) > SENT_AT_ONCE

    def write(self, draft: Draft) -> None:
        """Take what has happened; it waits for nothing and raises nothing."""
        if draft.kind == BLOCK and not self._has_room(draft):
            self._leave_out(draft)
        else:
            self._waiting.append(draft)

    def sent(
        self, more: Iterable[Draft] = (), *, most: int | None = None
    ) -> list[Entry]:
        """Give the entries that are to be written now: what waits, and *more*.

        Until `kept` or `found` nobody knows what became of them. What waits is never
        lost; *more* is what happens only if it can be written, and is forgotten unless
        it was.

        Args:
            more: Behind what waits.
            most: Bytes of what waits, from its front on; at least one entry of it. None:
                all.

        """
        count = len(self._waiting) if most is None else self._within(most)
        self._sent += self._waiting[:count]
        self._sent_as = chained(self._last, [*self._sent, *more])
        self._waiting, self._gaps = self._waiting[count:], {}
        return self._sent_as

    def kept(self) -> None:
        """Hear that what was sent is written."""
        if self._sent_as:
            self._last = self._sent_as[-1]
        self._sent, self._sent_as = [], []

    def found(self, last: Entry | None) -> None:
        """Hear what the journal ends with, in a store that was opened (again)."""
        end = last.hash if last is not None else None
        if end is not None and any(entry.hash == end for entry in self._sent_as):
            self.kept()
        elif self._last is not None and end != self._last.hash:
            _log.warning(
                "The journal ends with another entry than was written last (%d);"
                " it is another file, or a copy was restored. It goes on from there.",
                self._last.seq,
            )
        self._last = last
        self._waiting = self._sent + self._waiting
        self._sent, self._sent_as, self._gaps = [], [], {}

    def _within(self, most: int) -> int:
        sizes = accumulate(len(draft.body) for draft in self._waiting)
        return max(1, sum(1 for size in sizes if size <= most))

    def _has_room(self, draft: Draft) -> bool:
        drafts = [*self._sent, *self._waiting]
        held = sum(len(draft.body) for draft in drafts if draft.kind == BLOCK)
        return held + len(draft.body) <= self._most_waiting

    def _leave_out(self, draft: Draft) -> None:
        self.left_out += 1
        place = self._gaps.get(draft.service)
        if place is None:
            self._gaps[draft.service] = len(self._waiting)
            self._waiting.append(_gap(draft, 1))
        else:
            known = self._waiting[place]
            self._waiting[place] = _gap(known, json.loads(known.body)["blocks"] + 1)


def _gap(first: Draft, blocks: int) -> Draft:
    body = json.dumps({"blocks": blocks}).encode()
    return Draft(at=first.at, service=first.service, kind=LEFT_OUT, body=body)
