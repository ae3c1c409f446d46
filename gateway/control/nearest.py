"""The end of a sentence about an unknown name: what there is, and what was meant."""

import difflib
from collections.abc import Collection


def suggest(name: str, known: Collection[str]) -> str:
    """List the known names, and ask whether the nearest was meant."""
    listed = f"Known: {', '.join(known)}." if known else "There are none."
    near = difflib.get_close_matches(name, known, n=1)
    return f"{listed} Did you mean '{near[0]}'?" if near else listed
