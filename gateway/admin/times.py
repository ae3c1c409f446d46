"""Moments as people read them."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """Write Unix time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")
