"""The keys request ids are made with: secrets, so they are never shown as a whole."""

from dataclasses import dataclass, field
from typing import Final

TICKET_LASTS_S: Final = 30 * 86_400
"""Seconds for which a request id is accepted after it was given out."""

KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketKey:
    """One key.

    Attributes:
        number: 0 to 65,535; written in each id in clear, so that its key is found.
        secret: KEY_BYTES random bytes.
        made_at: Unix time in seconds; the newest key is the one in use.

    """

    number: int
    secret: bytes = field(repr=False)
    made_at: float
