"""Where the table of differences stands in the documents."""

from pathlib import Path

from tests.conformance.table import differences

_README = Path(__file__).parents[2] / "gateway" / "wire" / "README.md"
_BEGIN, _END = "<!-- differences -->\n", "\n<!-- end of differences -->"


def _parts() -> tuple[str, str, str]:
    before, begin, rest = _README.read_text().partition(_BEGIN)
    table, end, after = rest.partition(_END)
    return before + begin, table, end + after


def shown() -> str:
    """Give the table that stands there."""
    return _parts()[1]


def write() -> None:
    """Put the table of the cases there."""
    before, _, after = _parts()
    _README.write_text(before + differences() + after)
