"""Regular expressions that cannot be made to take long, whatever the text.

Python's `re` backtracks: `(a|aa)+$` takes time exponential in the text, and `a*a*a*b`
its fourth power, so that to forbid nested quantifiers alone would not do. What is
allowed here is counted instead: the steps that an expression can take from one place
of the text, at worst. Steps are bounded only where every repetition is; look-around
and references to groups are not counted, and not allowed.
"""

import re
import re._constants as op  # type: ignore[import-not-found]  # no stubs; Hypothesis reads the same tree
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.domain.errors import BadConfiguration

LONGEST_TEXT: Final = 2000
"""Characters of a text that are searched."""

MOST_STEPS: Final = 1000
"""Steps from one place, all expressions of a segment together. Of 3,000 random ones at
this limit the slowest takes 12 ms for the worst text; twenty words are 150 steps, and
take 0.04 ms."""

_ONE: Final = frozenset({op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN, op.AT})
_REPEATS: Final = frozenset({op.MAX_REPEAT, op.MIN_REPEAT})

Effort = tuple[int, int]
"""In how many ways a part can match from one place, and the steps to try them all."""

Part = tuple[object, Any]  # what a part says depends on its code


def compile_all(
    patterns: Sequence[tuple[str, str]], *, most: int = MOST_STEPS
) -> list[re.Pattern[str]]:
    """Compile expressions that are searched for in the same text.

    Args:
        patterns: (value, expression) pairs.
        most: Steps that all together may take from one place; up to MOST_STEPS.

    Raises:
        BadConfiguration: One cannot be compiled, or all together may take too long.

    """
    steps = 0
    for value, pattern in patterns:
        steps += _steps(value, pattern)
        if steps > most:
            raise BadConfiguration(
                f"The pattern of '{value}', {pattern!r}, may take {steps} steps from one"
                f" place of a text (those before it included); {most} are allowed.",
                remedy="Repeat less, such as .{0,20}, or list plain words: a|b|c.",
            )
    return [re.compile(pattern) for _value, pattern in patterns]


def _steps(value: str, pattern: str) -> int:
    try:
        return _in_a_row(parser.parse(pattern))[1]
    except _Unbounded as refusal:
        raise BadConfiguration(
            f"The pattern of '{value}', {pattern!r}, has {refusal}.",
            remedy="Use words, classes, alternatives and bounded repetitions: .{0,20}.",
        ) from None
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise BadConfiguration(
            f"The pattern of '{value}', {pattern!r}, cannot be compiled ({error}).",
            remedy="Write it as Python's re module does.",
        ) from error


def least_length(pattern: str) -> int:
    """Give the characters of the shortest text that an expression fits; it compiles."""
    least: int = parser.parse(pattern).getwidth()[0]
    return least


class _Unbounded(ValueError):
    """A part of an expression whose effort is not known."""


def _in_a_row(parts: Iterable[Part]) -> Effort:
    """Give the effort of parts that follow each other: ways multiply."""
    ways, steps = 1, 0
    for part in parts:
        more_ways, more_steps = _effort(part)
        steps = min(steps + ways * more_steps, MOST_STEPS + 1)
        ways = min(ways * more_ways, MOST_STEPS + 1)
    return ways, steps


def _effort(part: Part) -> Effort:
    code, said = part
    if code in _ONE:
        return 1, 1
    if code is op.SUBPATTERN:
        return _in_a_row(said[-1])
    if code is op.BRANCH:
        efforts = [_in_a_row(branch) for branch in said[1]]
        return sum(ways for ways, _ in efforts), sum(steps for _, steps in efforts)
    if code in _REPEATS:
        return _repeated(*said)
    raise _Unbounded(f"a part that is not allowed here ({str(code).lower()})")


def _repeated(least: int, most: int, part: Iterable[Part]) -> Effort:
    if most is op.MAXREPEAT:
        raise _Unbounded("a repetition without a limit (*, + or {n,})")
    ways, steps = _in_a_row(part)
    if most * max(steps, 1) > MOST_STEPS:
        return MOST_STEPS + 1, MOST_STEPS + 1
    powers = [min(ways**times, MOST_STEPS + 1) for times in range(most + 1)]
    return sum(powers[least:]), steps * sum(powers[:most])
