"""Words that carry content, for the lexical signals.

Lower case, without the commonest function words of six languages. Where a script has no
spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar), pairs of neighbouring
characters stand for words. Nothing is stemmed: `price` and `prices` are two terms.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

MOST_CONTEXT: Final = 32 * 1024
"""Characters of the context that are looked at, all passages together."""

MOST_PROMPT: Final = 8 * 1024
"""Characters of the prompt that are looked at."""

_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD: Final = re.compile(r"\w+")
_ANY_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_RUN: Final = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]+")

_LISTED: Final = (
    # English
    "a an and any are as at be been but by can could did do does for from had has have he"
    " her him his how i if in into is it its may me my no not of on or our please she"
    " should so some than that the their them then there these they this those to us was"
    " we were what when where which who why will with would you your"
    # German
    " aber als am auch auf aus bei bin bis das dass dem den der des die ein eine einem"
    " einen einer er es für hat ich ihr im ist kann man mir mit nach nicht oder sein sich"
    " sie sind um und von vor war was wenn werden wie wird wir zu zum zur"
    # French, Spanish, Italian, Portuguese
    " au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui"
    " mais ne nous on ou où par pas pour qu que qui sa se ses son sont sur un une vous"
    " al como con cuál de del desde el ella es esta este la las lo los más muy no o para"
    " pero por qué que se ser si sin sobre son su sus un una y ya"
    " alla che chi col come con da dal del della di e gli ha il io le nel nella non per"
    " più quale sono su tra um uma ao ele em foi isso mas não os pela pelo qual são seu"
)
_FUNCTION_WORDS: Final = frozenset(_LISTED.split())


@lru_cache(maxsize=3)
def terms_of(text: str) -> tuple[str, ...]:
    """Give the content terms of a text, in order.

    The last three texts are remembered: several signals ask for the same ones. So
    they stay in memory, and nowhere else, until others come.
    """
    text = text.lower()
    if text.isascii() or _ANY_UNSPACED.search(text) is None:
        words = _WORD.findall(text)
    else:
        words = _with_pairs(text)
    return tuple(word for word in words if word not in _FUNCTION_WORDS)


def _with_pairs(text: str) -> list[str]:
    words: list[str] = []
    for run in _RUN.findall(text):
        if _ANY_UNSPACED.match(run) and len(run) > 1:
            words += map("".join, pairwise(run))
        else:
            words.append(run)
    return words


def joined_context(context: tuple[str, ...]) -> str:
    """Give the context as one text, at most MOST_CONTEXT characters of it."""
    if len(context) == 1:
        return context[0][:MOST_CONTEXT]
    left = MOST_CONTEXT
    passages = []
    for passage in context:
        passages.append(passage[:left])
        left -= len(passage) + 1
        if left <= 0:
            break
    return "\n".join(passages)


@lru_cache(maxsize=1)
def terms_of_context(context: tuple[str, ...]) -> frozenset[str]:
    """Give the content terms of a context; those of the last one are remembered."""
    return frozenset(terms_of(joined_context(context)))
