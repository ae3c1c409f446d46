"""The most tokens a call can take, known better with every call that says what it took.

No token is less than a byte. But of a sheet most is the same in every call: rules, tasks
and the form of the reply. That part cannot take more tokens than the least a whole call
with it took; only what is new in a call is counted by its bytes. A server that takes more
than could be is not believed any more: then all of it is.
"""

from typing import Final

import orjson

from gateway.evaluators.sheet import Sheet

_TEMPLATE: Final = 64
"""What a server's chat template may put around two messages."""

_MOST_BYTES_A_TOKEN: Final = 8
"""Of English prose, in any tokenizer: about four. What a server says that is less than
this is a mistake of its own."""

_MOST_KEPT: Final = 256


class Bounds:
    """Knows one server's calls."""

    def __init__(self) -> None:
        self._least: dict[tuple[str, int], int] = {}
        self._is_believed = True

    def of(self, sheet: Sheet) -> int:
        """Give the most tokens that reading a sheet can take."""
        schema = len(orjson.dumps(sheet.sealed_schema()))
        size = len(sheet.system.encode()) + len(sheet.user.encode()) + schema
        same = size - sheet.new_bytes
        least = self._least.get(_kind(sheet))
        if least is not None and self._is_believed:
            same = min(same, max(least, same // _MOST_BYTES_A_TOKEN))
        return same + sheet.new_bytes + _TEMPLATE

    def learn(self, sheet: Sheet, took: int) -> None:
        """Take what a server says that reading a sheet took, in tokens."""
        if took > self.of(sheet):
            self._is_believed = False
        kind = _kind(sheet)
        known = self._least.get(kind)
        if known is not None or len(self._least) < _MOST_KEPT:
            self._least[kind] = took if known is None else min(took, known)


def _kind(sheet: Sheet) -> tuple[str, int]:
    """Name what sheets have in common: the tasks tell the form, but for its passages."""
    return sheet.system, sheet.passages
