"""One answer of each version, word by word, as it comes in: what the screen quotes."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

_LINGER_S: Final = 1.2


@dataclass(slots=True)
class Quote:
    """An answer as far as it has come.

    Attributes:
        user: Number of the user who is told this.
        text: What came so far.
        ended_at: Monotonic; None while words are still coming.
        is_broken: Whether it ended without being whole.

    """

    user: int
    text: str = ""
    ended_at: float | None = None
    is_broken: bool = False


class Overheard:
    """The quote of each version; a finished one stays readable for a moment.

    Args:
        clock: Monotonic seconds.

    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.quotes: dict[str, Quote] = {}
        self._clock = clock

    @contextmanager
    def listening(self, version: str | None, user: int) -> Generator[Quote | None]:
        """Give the quote for a new stream of *version*; None while one is read."""
        quote = self._begin(version, user) if version is not None else None
        try:
            yield quote
        finally:
            if quote is not None:
                quote.ended_at = self._clock()

    def _begin(self, version: str, user: int) -> Quote | None:
        current = self.quotes.get(version)
        if current is not None and not self._is_read(current):
            return None
        self.quotes[version] = Quote(user)
        return self.quotes[version]

    def _is_read(self, quote: Quote) -> bool:
        return quote.ended_at is not None and self._clock() - quote.ended_at > _LINGER_S
