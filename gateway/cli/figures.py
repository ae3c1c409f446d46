"""How the commands write numbers: one way everywhere. A dash is a number not there."""

from typing import Final

NOTHING: Final = "-"

_FINE: Final = 10.0
_SLOW: Final = 10_000.0
_LARGE: Final = 1000.0
_SPANS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
_SIZES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_WHOLE: Final = 10_000  # below, a count is written as it is
_FEW: Final = 2  # of a span: below, the next smaller one tells more


def percent(value: float | None) -> str:
    """Write a weight in percent, as exact as it is."""
    return NOTHING if value is None else f"{round(value, 3):g} %"


def measured_percent(value: float | None) -> str:
    """Write a measured share in percent, with one decimal."""
    return NOTHING if value is None else f"{value:.1f} %"


def rate(value: float | None) -> str:
    """Write a rate from 0 to 1 as percent, with two decimals."""
    return NOTHING if value is None else f"{100.0 * value:.2f} %"


def duration(seconds: float | None) -> str:
    """Write a duration in milliseconds, or in seconds when it is long."""
    if seconds is None:
        return NOTHING
    thousandths = 1000.0 * seconds
    if thousandths >= _SLOW:
        return f"{seconds:.1f} s"
    return f"{thousandths:.1f} ms" if thousandths < _FINE else f"{thousandths:.0f} ms"


def age(seconds: float | None) -> str:
    """Write how long ago something was, in whole seconds, minutes, hours or days."""
    if seconds is None:
        return NOTHING
    for span, name in _SPANS:
        if seconds >= _FEW * span:
            return f"{seconds / span:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def speed(per_second: float | None) -> str:
    """Write tokens per second."""
    if per_second is None:
        return NOTHING
    return f"{per_second:.1f}" if per_second < _FINE else f"{per_second:.0f}"


def dollars(value: float) -> str:
    """Write what something cost: in cents, or as fine as it is when it is less."""
    if not value:
        return NOTHING
    return f"${value:.2f}" if value >= 1 else f"${value:.2g}"


def amount(value: float | None) -> str:
    """Write a measured number with three digits."""
    if value is None:
        return NOTHING
    return f"{value:.0f}" if abs(value) >= _LARGE else f"{value:.3g}"


def many(count: int) -> str:
    """Write a count that may be large, with three digits then."""
    if count < _WHOLE:
        return str(count)
    size, name = next(each for each in _SIZES if count >= each[0])
    return f"{count / size:.3g}{name}"


def clock(seconds: float) -> str:
    """Write a time on a clock: 0:07."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
