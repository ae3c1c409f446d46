"""Texts made as short as judges are shown them, blind to what they say."""

from typing import Final

CUT: Final = " … "
"""Stands where something was left out, as where a worker did it (proxy/sampler.py)."""

_END: Final = 4  # of what is left, a fourth is the end


def ends_of(text: str, longest: int) -> str:
    """Keep both ends: a question often stands behind what it is about."""
    if len(text) <= longest:
        return text
    end = longest // _END
    return text[: longest - end - len(CUT)] + CUT + text[-end:]
