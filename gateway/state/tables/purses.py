"""What evaluators have used of their budgets, as rows."""

import sqlite3
from typing import Final

from gateway.state.store import Spent

_READ: Final = "SELECT purse, hour, tokens, usd FROM purse"
_WRITE: Final = "INSERT OR REPLACE INTO purse VALUES (?, ?, ?, ?)"


def read_spent(connection: sqlite3.Connection) -> dict[str, Spent]:
    """Read what all have used, by purse."""
    return {
        purse: Spent(purse=purse, hour=hour, tokens=tokens, usd=usd)
        for purse, hour, tokens, usd in connection.execute(_READ)
    }


def write_spent(connection: sqlite3.Connection, spent: Spent) -> None:
    """Replace what one has used."""
    row = (spent.purse, spent.hour, spent.tokens, spent.usd)
    connection.execute(_WRITE, row)
