"""Draws horizontal bars with whiskers as a small SVG, by hand: no dependency."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from loadtest.run import Spread

_WIDTH = 760
_LEFT = 170  # of the bars; names stand before
_RIGHT = 620  # of the longest bar; figures stand behind
_ROW = 30
_TOP = 64
_OURS = "#0b7285"
_OTHERS = "#adb5bd"
_INK = "#212529"
_PALE = "#868e96"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the chart."""

    name: str
    value: Spread
    note: str
    ours: bool


def draw(title: str, measure: str, bars: Sequence[Bar]) -> str:
    """Draw the chart, the bars in the order given, from zero."""
    height = _TOP + _ROW * len(bars) + 16
    longest = max((bar.value.most for bar in bars), default=1.0)
    scale = (_RIGHT - _LEFT) / _round_up(longest)
    rows = "".join(_row(bar, index, scale) for index, bar in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="16" y="26" font-size="16" font-weight="600">{escape(title)}</text>\n'
        f'<text x="16" y="46" fill="{_PALE}">{escape(measure)}</text>\n'
        f"{rows}</svg>\n"
    )


def _round_up(value: float) -> float:
    """Round up to two leading digits, so that the longest bar nearly fills the row."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 1.0
    return math.ceil(value / step) * step


def _row(bar: Bar, index: int, scale: float) -> str:
    top = _TOP + index * _ROW
    middle = top + _ROW / 2 - 3
    length = bar.value.median * scale
    least, most = _LEFT + bar.value.least * scale, _LEFT + bar.value.most * scale
    label = f"{bar.value.median:.0f}"
    return (
        f'<text x="{_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">'
        f"{escape(bar.name)}</text>\n"
        f'<rect x="{_LEFT}" y="{top + 2}" width="{length:.1f}" height="{_ROW - 10}" '
        f'fill="{_OURS if bar.ours else _OTHERS}"/>\n'
        f'<path d="M{least:.1f} {middle:.1f}H{most:.1f}M{least:.1f} {middle - 4:.1f}v8'
        f'M{most:.1f} {middle - 4:.1f}v8" stroke="{_INK}" fill="none"/>\n'
        f'<text x="{most + 8:.1f}" y="{middle + 4:.1f}">{label}'
        f'<tspan dx="10" fill="{_PALE}">{escape(bar.note)}</tspan></text>\n'
    )
