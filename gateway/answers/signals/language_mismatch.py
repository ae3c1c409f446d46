"""The answer is written in another script than the prompt.

Scripts, not languages: a German answer to an English prompt is none. Whoever asks for a
translation gets a mismatch that is right; that happens on both versions alike.
"""

from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.script import NONE, script_of
from gateway.answers.signal import Kind, Signal, Worse


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not asked.prompt:
        return None
    wanted, given = script_of(asked.prompt), script_of(answer.text.kept)
    if NONE in {wanted, given}:
        return None
    if wanted == "han" and given == "kana":
        return None  # a few Han characters may be Japanese as well
    return 0.0 if wanted == given else 1.0


LANGUAGE_MISMATCH: Final = Signal(
    name="language_mismatch",
    kind=Kind.FLAG,
    worse=Worse.HIGHER,
    measure=_measure,
    needs_prompt=True,
)
