"""Which script a text is written in, told from the blocks of its characters.

A script is not a language: English and Vietnamese are both Latin. Of up to 1,000
characters, all of the work is done in C: UTF-16 gives each character a high and a low
byte, and tables of 256 entries turn these into the script (Unicode 16, Blocks.txt).
A table by blocks of 64 characters is right but for a few letters at the blocks' seams.
"""

import re
from typing import Final

MOST_SAMPLED: Final = 1000
"""Characters looked at, evenly spaced over a longer text."""

NONE: Final = "none"
"""There are no letters of a script that is known here."""

_ASCII_LETTER: Final = re.compile(r"[A-Za-z]")
_BLOCK: Final = 64

# First and last character, rounded to blocks of 64.
_RANGES: Final = (
    ("latin", 0x0040, 0x007F),
    ("latin", 0x00C0, 0x02FF),
    ("greek", 0x0380, 0x03FF),
    ("cyrillic", 0x0400, 0x053F),
    ("armenian", 0x0540, 0x057F),
    ("hebrew", 0x0580, 0x05FF),
    ("arabic", 0x0600, 0x06FF),
    ("arabic", 0x0740, 0x077F),
    ("arabic", 0x0880, 0x08FF),
    ("devanagari", 0x0900, 0x097F),
    ("bengali", 0x0980, 0x09FF),
    ("gurmukhi", 0x0A00, 0x0A7F),
    ("gujarati", 0x0A80, 0x0AFF),
    ("odia", 0x0B00, 0x0B7F),
    ("tamil", 0x0B80, 0x0BFF),
    ("telugu", 0x0C00, 0x0C7F),
    ("kannada", 0x0C80, 0x0CFF),
    ("malayalam", 0x0D00, 0x0D7F),
    ("sinhala", 0x0D80, 0x0DFF),
    ("thai", 0x0E00, 0x0E7F),
    ("lao", 0x0E80, 0x0EFF),
    ("tibetan", 0x0F00, 0x0FFF),
    ("myanmar", 0x1000, 0x107F),
    ("georgian", 0x1080, 0x10FF),
    ("hangul", 0x1100, 0x11FF),
    ("ethiopic", 0x1200, 0x137F),
    ("khmer", 0x1780, 0x17FF),
    ("georgian", 0x1C80, 0x1CBF),
    ("latin", 0x1E00, 0x1EFF),
    ("greek", 0x1F00, 0x1FFF),
    ("kana", 0x3040, 0x30FF),
    ("hangul", 0x3140, 0x317F),
    ("han", 0x3400, 0x4DBF),
    ("han", 0x4E00, 0x9FFF),
    ("hangul", 0xAC00, 0xD7FF),
    ("han", 0xD840, 0xD87F),  # high surrogates of planes 2 and 3
    ("han", 0xF900, 0xFAFF),
    ("arabic", 0xFB40, 0xFDFF),
    ("arabic", 0xFE80, 0xFEBF),
)

SCRIPTS: Final = tuple(dict.fromkeys(name for name, _first, _last in _RANGES))
"""Every name that can be given, besides NONE."""

# A Han character says about as much as three Latin letters, a syllable as two: in a
# Chinese sentence with some English words, letters must not outvote characters.
_WEIGHTS: Final = {"han": 3, "kana": 2, "hangul": 2}

# Japanese is written in Han characters and kana together; Chinese has no kana.
_HAN_PER_KANA: Final = 8


def _quarters_of_high_byte(high: int) -> tuple[str, ...]:
    """Give the script of each block of 64 characters under one high byte."""
    found = [NONE] * 4
    for name, first, last in _RANGES:
        for start in range(first, last + 1, _BLOCK):
            if start >> 8 == high:
                found[start % 256 // _BLOCK] = name
    return tuple(found)


def _tables() -> tuple[bytes, bytes, bytes]:
    """Make the tables: of high bytes, of low bytes, and of both combined.

    High bytes with the same four quarters share a class; there are fewer than 64. The
    class times four, plus the quarter of the low byte, is an index of the third table.
    """
    rows = [_quarters_of_high_byte(high) for high in range(256)]
    classes = list(dict.fromkeys(rows))
    places = {name: place for place, name in enumerate((NONE, *SCRIPTS))}
    combined = [places[name] for row in classes for name in row]
    return (
        bytes(classes.index(row) * 4 for row in rows),
        bytes(low // _BLOCK for low in range(256)),
        bytes(combined).ljust(256, b"\0"),
    )


_HIGH, _LOW, _COMBINED = _tables()
_PLACES: Final = tuple(bytes([place]) for place in range(len(SCRIPTS) + 1))
_NOT_LETTERS: Final = _PLACES[0]


def script_of(text: str) -> str:
    """Give the script of most of a text, one of SCRIPTS, or NONE.

    Japanese is `kana`, also where Han characters are the most.
    """
    if len(text) > MOST_SAMPLED:
        text = text[:: -(-len(text) // MOST_SAMPLED)]
    if text.isascii():
        return "latin" if _ASCII_LETTER.search(text) else NONE
    units = text.encode("utf-16-be", "surrogatepass")
    high = int.from_bytes(units[::2].translate(_HIGH), "big")
    low = int.from_bytes(units[1::2].translate(_LOW), "big")
    return _most((high | low).to_bytes(len(units) // 2, "big").translate(_COMBINED))


def _most(places: bytes) -> str:
    """Give the script with the greatest weight."""
    weights = {}
    left = places.translate(None, _NOT_LETTERS)
    while left:  # once for each script that is there; most often there is one
        name, length = SCRIPTS[left[0] - 1], len(left)
        left = left.translate(None, _PLACES[left[0]])
        weights[name] = (length - len(left)) * _WEIGHTS.get(name, 1)
    if not weights:
        return NONE
    if "kana" in weights and weights.get("han", 0) <= weights["kana"] * _HAN_PER_KANA:
        weights["kana"] += weights.pop("han", 0)
    return max(weights, key=weights.__getitem__)
