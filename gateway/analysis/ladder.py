"""The ladder: how much worse a candidate may be to pass, by how many it serves.

Few keys can only prove little (from 50 keys nobody can exclude that 2 % of the users are
broken), so the first steps ask little and the later ones more. A rate's absolute part is
indispensable: x1.1 alone of 0.5 % would take 2.7 million requests at a weight of 5 %.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from gateway.analysis.design import Kind
from gateway.domain.errors import BadConfiguration
from gateway.domain.rollout import Margin, Worse
from gateway.domain.units import Share

Rungs: TypeAlias = tuple[Margin, Margin, Margin, Margin]

LADDER: Final[Mapping[Kind, Rungs]] = {
    # Of candidate keys that come often 45 to 60, 105 to 155, 165 to 305, strict 1,050 to
    # 1,600; of those that come once up to 70, 230, 580, 13,000 (0.1 to 2 % errors).
    Kind.RATE: (
        Margin(relative=1.0, absolute=0.05),
        Margin(relative=0.5, absolute=0.02),
        Margin(relative=0.5, absolute=0.01),
        Margin(relative=0.1, absolute=0.002),
    ),
    Kind.MEAN: (
        Margin(absolute=0.10),
        Margin(absolute=0.05),
        Margin(absolute=0.03),
        Margin(absolute=0.02),
    ),
    Kind.DISTRIBUTION: (
        Margin(relative=0.5),
        Margin(relative=0.3),
        Margin(relative=0.2),
        Margin(relative=0.1),
    ),
}
"""By kind: for a weight up to 5 %, up to 25 %, above; and strict."""

LESS_FEEDBACK: Final[Rungs] = (
    Margin(relative=1 / 2),
    Margin(relative=1 / 3),
    Margin(relative=1 / 3),
    Margin(relative=1 / 11),
)
"""Of feedback of which less is worse: the relative parts of rates, turned round. An
absolute part would often be more than all that is said."""

TOLERANCE: Final = Margin(relative=0.05, absolute=0.0005)
"""What a candidate may be worse without a rollback. Without one, a change for the worse
by 4 % is certain after 1.5 million requests, and no promotion's margin minds it."""

_SMALL: Final = 5_000
_MIDDLING: Final = 25_000
_STRICT: Final = 3
_WIDE: Final = 2


def rung_of(share: Share, *, is_last_comparative: bool, strict: bool) -> int:
    """Give the rung of the ladder that a weight's step is judged by.

    Args:
        share: The candidate's weight. 0 is a preview by mirrored pairs before a switch
            to nearly everything: it is judged like that.
        is_last_comparative: No later step compares.
        strict: See AnalysisPlan.

    """
    if strict and is_last_comparative:
        return _STRICT
    if not share or share > _MIDDLING:
        return _WIDE
    return 0 if share <= _SMALL else 1


def as_losses(margin: Margin, kind: Kind, worse: Worse) -> Margin:
    """Turn a margin of a signal into one of its losses, exactly.

    Where less is worse, a rate or score s has the loss 1 - s, and s1 > (1 - m) s0 - a is
    the same as loss1 < (1 - m) loss0 + m + a. A distribution's margin is of its amount,
    and stays.

    Raises:
        BadConfiguration: Any candidate would pass, or none.

    """
    if not margin.relative and not margin.absolute:
        raise BadConfiguration(
            "A margin is 0 and 0, which no finite number of units can prove.",
            remedy="Give a relative or an absolute part, or leave it to the ladder.",
        )
    if worse is Worse.HIGHER:
        return margin
    if margin.relative >= 1:
        raise BadConfiguration(
            f"A margin of {margin.relative:g} where less is worse passes a candidate"
            " that has nothing left.",
            remedy="Write a part of one: 0.25 is a quarter less.",
        )
    if kind is Kind.DISTRIBUTION:
        return margin
    return Margin(relative=-margin.relative, absolute=margin.relative + margin.absolute)


def tolerance_within(margin: Margin | None) -> Margin:
    """Give the rollback's tolerance: the usual one, or half of a narrower margin's parts.

    Args:
        margin: The plan's own, as it is written; None: the ladder's, all wider.

    """
    if margin is None:
        return TOLERANCE
    return Margin(
        relative=min(TOLERANCE.relative, margin.relative / 2),
        absolute=min(TOLERANCE.absolute, margin.absolute / 2),
    )
