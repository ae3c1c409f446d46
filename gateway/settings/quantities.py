"""Durations, sizes, percent, parts of one, prices and counts, as people write them.

Durations: 250ms, 10s, 5m, 1h30m, or a number of seconds. Sizes: 64KiB (1024), 1MB
(1000 * 1000), or a number of bytes. Everything is finite and bounded, so that no timer
or buffer further down has to ask again.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from gateway.domain.units import Bytes, Seconds, Share, share_from_percent
from gateway.settings.problem import shown, wrong

_NUMBER: Final = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
DURATION_PATTERN: Final = "".join(
    f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m(?!s)", "s", "ms")
)
_DURATION: Final = re.compile(DURATION_PATTERN)
_SECONDS_PER: Final = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
SHORTEST: Final = 0.001
LONGEST: Final = 365 * 86_400.0

_POWERS: Final = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
SIZE_PATTERN: Final = rf"{_NUMBER} ?({'|'.join(_POWERS)})"
_SIZE: Final = re.compile(SIZE_PATTERN)
LARGEST: Final = 1024**4
DEAREST: Final = 1_000_000
RAREST: Final = 1e-6
LIKELIEST: Final = 0.5

_DURATION_REMEDY: Final = (
    "Write a duration such as 250ms, 10s, 5m or 1h30m, or a number of seconds; "
    "from 1ms to 365d."
)
_SIZE_REMEDY: Final = (
    "Write a size such as 64KiB, 1MiB or 2GB, or a whole number of bytes; "
    "from 1 byte to 1024GiB."
)


def duration(value: object) -> Seconds:
    """Read a duration; raises Wrong."""
    seconds = _seconds(value)
    if seconds is None or not SHORTEST <= seconds <= LONGEST:
        raise wrong(f"found {shown(value)}, which is no duration.", _DURATION_REMEDY)
    return Seconds(float(seconds))


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    parts = zip(found.groups(), _SECONDS_PER, strict=True)
    return sum(float(number) * unit for number, unit in parts if number)


def size(value: object) -> Bytes:
    """Read a size; raises Wrong."""
    count = _bytes(value)
    if count is None or not 1 <= count <= LARGEST:
        raise wrong(f"found {shown(value)}, which is no size.", _SIZE_REMEDY)
    return Bytes(count)


def _bytes(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    exact = Decimal(found[1]) * _POWERS[found[2]]
    return int(exact) if exact == int(exact) else None


def percent(value: object) -> Share:
    """Read percent, 0 to 100 with at most three decimals; raises Wrong."""
    remedy = "Write percent as a number from 0 to 100 with at most three decimals."
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"found {shown(value)}.", remedy)
    try:
        return share_from_percent(value)
    except ValueError:
        raise wrong(f"found {shown(value)} percent.", remedy) from None


def percent_up_to(most: int, why: str) -> Callable[[object], Share]:
    """Make a reader of percent that are bounded; *why* is a sentence."""

    def read(value: object) -> Share:
        share = percent(value)
        if share <= share_from_percent(most):
            return share
        raise wrong(f"found {shown(value)} percent. {why}", f"Write at most {most}.")

    return read


def duration_up_to(longest: str, why: str) -> Callable[[object], Seconds]:
    """Make a reader of durations that are bounded; *why* is a sentence."""
    bound = duration(longest)

    def read(value: object) -> Seconds:
        seconds = duration(value)
        if seconds <= bound:
            return seconds
        raise wrong(f"found {shown(value)}. {why}", f"Write at most {longest}.")

    return read


def part(value: object) -> float:
    """Read a part of one: 0.05 is every twentieth; raises Wrong."""
    return _number(value, 1, "Write a number from 0 to 1: 0.05 is every twentieth.")


def price(value: object) -> float:
    """Read USD per million tokens; raises Wrong."""
    return _number(
        value,
        DEAREST,
        "Write USD per million tokens as a number, 0 or more, without a unit: 0.15.",
    )


def chance(value: object) -> float:
    """Read how likely an error may be; raises Wrong."""
    return _number(
        value,
        LIKELIEST,
        f"Write a number from {RAREST:g} to {LIKELIEST}: 0.01 is once in a hundred.",
        lowest=RAREST,
    )


def number(lowest: float, highest: float) -> Callable[[object], float]:
    """Make a reader of numbers from *lowest* to *highest*."""

    def read(value: object) -> float:
        remedy = f"Write a number from {lowest:g} to {highest:g}."
        return _number(value, highest, remedy, lowest=lowest)

    return read


def wait(value: object) -> Seconds:
    """Read a duration that may be 0; raises Wrong."""
    if _seconds(value) == 0:
        return Seconds(0.0)
    return duration(value)


def pause(value: object) -> Seconds:
    """Read a duration as Argo Rollouts has it: "600" is a number too; raises Wrong."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return duration(int(value))
    return duration(value)


def _number(
    value: object, highest: float, remedy: str, *, lowest: float = 0.0
) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and isinstance(value, int | float) and lowest <= value <= highest:
        return float(value)
    raise wrong(f"found {shown(value)}.", remedy)


def count(lowest: int, highest: int) -> Callable[[object], int]:
    """Make a reader of whole numbers from *lowest* to *highest*."""

    def read(value: object) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and isinstance(value, int) and lowest <= value <= highest:
            return value
        raise wrong(
            f"found {shown(value)}.",
            f"Write a whole number from {lowest} to {highest}.",
        )

    return read
