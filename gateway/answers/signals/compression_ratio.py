"""Bytes of the text to its bytes compressed by zlib: how much the text repeats itself.

Whisper takes more than 2.4 for a failed transcription (Radford et al. 2022,
`compression_ratio_threshold`), with the same formula and level. Prose of 2 KB is near
1.8; tables and code lie higher without being wrong, and short text lies below 1. Compare
versions; the number by itself judges nothing.
"""

import zlib
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse


def _measure(asked: Asked, answer: Answer) -> float | None:
    kept = answer.text.kept
    if not kept:
        return None
    written = kept.encode("utf-8", "surrogatepass")
    return len(written) / len(zlib.compress(written))


COMPRESSION_RATIO: Final = Signal(
    name="compression_ratio",
    kind=Kind.AMOUNT,
    worse=Worse.HIGHER,
    measure=_measure,
    is_costly=True,
)
