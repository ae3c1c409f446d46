"""The pictures of the demo: bars. No numbers are made here.

Baseline and candidate differ in shape as well as in colour, for NO_COLOR and for eyes
that do not see the difference.
"""

from typing import Final

from rich.text import Text

BASELINE: Final = "color(75)"
CANDIDATE: Final = "color(214)"
UNSEEN: Final = "color(240)"
GOOD: Final = "green"
BAD: Final = "bold red"

_NOBODY: Final = "·"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FULL: Final = "█"


def split(percent: float | None, width: int, strokes: tuple[str, str]) -> Text:
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
        (strokes[0] * cells, CANDIDATE), (strokes[1] * (width - cells), BASELINE)
    )


def way(part: float, width: int, style: str) -> Text:
    """Draw how far something is on its way: *part* of *width* cells, to an eighth."""
    eighths = round(8 * width * min(max(part, 0.0), 1.0))
    full, rest = divmod(eighths, 8)
    drawn = _FULL * full + (_EIGHTHS[rest] if rest else "")
    return Text.assemble((drawn, style), (_NOBODY * (width - len(drawn)), UNSEEN))
