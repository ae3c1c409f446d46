"""The pictures of the demo: bars, and a crowd of dots. No numbers are made here.

Baseline and candidate differ in shape as well as in colour, for NO_COLOR and for eyes
that do not see the difference.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Final

from rich.text import Text

from gateway.cli.demo.chapters import BASELINE, CANDIDATE

STYLES: Final = {BASELINE: "color(75)", CANDIDATE: "color(214)"}
UNSEEN: Final = "color(240)"

_DOTS: Final = {BASELINE: "•", CANDIDATE: "●"}
_NOBODY: Final = "·"


def bar(percent: float | None, width: int, strokes: tuple[str, str]) -> Text:
    """Draw the candidate's *percent* of *width* cells, and the baseline in the rest.

    Args:
        percent: 0 to 100; None draws nothing yet.
        width: In cells.
        strokes: One character each for candidate and baseline.

    """
    if percent is None:
        return Text(_NOBODY * width, style=UNSEEN)
    cells = round(width * percent / 100.0)
    if percent:
        cells = max(1, cells)
    return Text.assemble(
        (strokes[0] * cells, STYLES[CANDIDATE]),
        (strokes[1] * (width - cells), STYLES[BASELINE]),
    )


def dots(version: str, number: int = 1) -> Text:
    """Draw *number* users whom *version* answered last; "" for one who has not come yet."""
    return Text(_DOTS.get(version, _NOBODY) * number, STYLES.get(version, UNSEEN))


def crowd(homes: Mapping[int, str], users: int, width: int) -> Text:
    """Draw one dot per user, always in the same place, by the version met last."""
    rows = -(-users // width)
    per_row = -(-users // rows)
    drawn = Text()
    for first in range(0, users, per_row):
        row = range(first, min(first + per_row, users))
        for version, same in groupby(homes.get(user, "") for user in row):
            drawn.append_text(dots(version, len(list(same))))
        drawn.append("\n")
    drawn.rstrip()
    return drawn
