"""Socket: a signal is one number or flag read from a finished exchange.

To add one: write signals/<name>.py with one constant, list it in signals/__init__.py.
tests/contracts/test_every_signal.py then holds it to the rules, and config/README.md
must name it.

A signal is pure and total: whatever was said, it raises nothing, and takes time that
grows at most with the length of the kept text. None means "this exchange says nothing
about me" (no text, no context, no JSON asked for), which is not the same as zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.domain.outcome import Outcome

ALWAYS: Final = 0
JSON_WANTED: Final = 1
"""The request wanted JSON."""
TOOLS_CALLED: Final = 2
"""The answer calls tools."""


class Kind(Enum):
    """Which values there are."""

    FLAG = auto()  # 0.0 or 1.0
    SCORE = auto()  # from 0.0 to 1.0
    AMOUNT = auto()  # any finite number


class Worse(Enum):
    """Which way is bad news."""

    HIGHER = auto()
    LOWER = auto()
    NEITHER = auto()  # a change is worth a look, in whatever direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What is measured, and what it costs.

    Attributes:
        name: As the configuration and the metrics say it. A lexical score is called
            a proxy: names do not lie.
        kind: See Kind.
        worse: See Worse.
        measure: Gives the value; see the module.
        is_costly: True when it takes longer than about 20 microseconds for 2 KB of text.
            Costly ones are measured on a sample, chosen by key, the same on both versions.
        needs_prompt: True when it reads `asked.prompt` or `asked.context`.
        only: What an exchange must have for the signal to say anything; ALWAYS: nothing.
        verdict: A value, and what an answer with that value turned out to be. Such a
            signal is measured of each answer, shown or not, and must not be costly.
        can_measure: Asked after a None, where bounds may be the reason: False when the
            exchange is beyond them, which is counted. None: there are no such bounds.

    """

    name: str
    kind: Kind
    worse: Worse
    measure: Callable[[Asked, Answer], float | None]
    is_costly: bool = False
    needs_prompt: bool = False
    only: int = ALWAYS
    verdict: tuple[float, Outcome] | None = None
    can_measure: Callable[[Asked, Answer], bool] | None = None
