"""Finds a judge's verdict in what it said: one JSON object that carries the call's seal.

Models wrap it in prose, in a fence, in thoughts, and may repeat what they were shown. The
seal tells the verdict from all of that: it is eight random digits, which no text that the
judge was shown can have known when it was written.
"""

import json
import re
from typing import Final

from gateway.evaluators.rubric import Unreadable
from gateway.evaluators.sheet import SEAL

LONGEST: Final = 64 * 1024
"""Characters of a reply that are looked at."""

_ANY_SEAL: Final = re.compile(rf'\{{\s*"{SEAL}"\s*:\s*"?([0-9]+)')
_READER: Final = json.JSONDecoder(parse_constant=lambda _word: None)


def open_reply(content: str, seal: str) -> dict[str, object]:
    """Give the verdict that carries *seal*, without it.

    Where there are several, the last one counts: models correct themselves.

    Raises:
        Unreadable: There is none.

    """
    if len(content) > LONGEST:
        raise Unreadable("a reply without end")
    starts = [
        found.start() for found in _ANY_SEAL.finditer(content) if found[1] == seal
    ]
    if not starts:
        raise Unreadable("no JSON object with the seal of this call")
    try:
        said, _end = _READER.raw_decode(content, starts[-1])
    except (ValueError, RecursionError):
        raise Unreadable("JSON that does not end, or is none") from None
    if not isinstance(said, dict) or str(said.pop(SEAL, None)) != seal:
        raise Unreadable("a seal that comes twice")
    return said
