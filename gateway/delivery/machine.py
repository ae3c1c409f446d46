"""The rollout, as one table.

Rule 1: everything that can happen to a rollout is a row here. What is not in the table
cannot happen, and asking for it is an error that says what can.
Rule 2: this file decides, it does not do. It says where the rollout stands and why;
control/ journals, keeps and publishes it.
Rule 3: a regression is answered wherever the candidate may have traffic; and the kill
switch stands above every phase.

README.md draws this table, and a test keeps the two alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from gateway.delivery import commands, ticks
from gateway.delivery.events import (
    Aborted,
    CandidateGone,
    Event,
    JudgeChanged,
    Killed,
    Moved,
    Paused,
    Promoted,
    Redefined,
    Resumed,
    Retried,
    Started,
    Ticked,
    Unkilled,
    WeightSet,
)
from gateway.delivery.exposure import is_more
from gateway.delivery.moves import settled
from gateway.domain.errors import NotAllowedNow
from gateway.domain.rollout import TERMINAL, Phase, Standing

KILLED: Final = "killed"
"""Where a rollout stands while the kill switch is on, whatever its phase."""


def _never(_standing: Standing, _event: object) -> str:
    return ""


class Rule(NamedTuple):
    """How an event is answered.

    Attributes:
        act: From where it stands and the event to where it stands then.
        to: Where that can be, besides where it stood.
        unless: Why it is refused all the same, in a sentence; "" when it is not.

    """

    act: Callable[[Standing, Any], Moved]
    to: tuple[str, ...] = ()
    unless: Callable[[Standing, Any], str] = _never


IDLE, PROGRESSING, PAUSED = Phase.IDLE, Phase.PROGRESSING, Phase.PAUSED
BAKING, ROLLING_BACK, PROMOTED = Phase.BAKING, Phase.ROLLING_BACK, Phase.PROMOTED
ROLLED_BACK, ABORTED = Phase.ROLLED_BACK, Phase.ABORTED

_ON: Final = (PROGRESSING, PAUSED, BAKING)
_UP: Final = (*_ON, PROMOTED)
_ENDED_BELOW: Final = (ROLLED_BACK, ABORTED)

_START: Final = Rule(commands.start, (PROGRESSING,), commands.is_the_same_again)
_RETRY: Final = Rule(commands.retry, (PROGRESSING,))
_CUT: Final = Rule(commands.abort_now, (ROLLED_BACK, ABORTED))

TABLE: Final[Mapping[tuple[str, type[Event]], Rule]] = {
    (IDLE, Started): _START,
    (IDLE, WeightSet): Rule(commands.set_weight_alone),
    (IDLE, CandidateGone): Rule(commands.forget_weight),
    **{
        (phase, event): rule
        for phase in _ON
        for event, rule in {
            Ticked: Rule(ticks.tick, (*_UP, ROLLING_BACK, ROLLED_BACK)),
            Paused: Rule(commands.pause, (PAUSED,)),
            Promoted: Rule(commands.promote, _UP, commands.cannot_promote),
            Aborted: Rule(commands.abort, (ROLLING_BACK, ABORTED)),
            WeightSet: Rule(commands.set_weight_by_hand, (PAUSED,)),
            Redefined: Rule(commands.redefine, (PAUSED,)),
            JudgeChanged: Rule(commands.void_by_judge, (PAUSED,)),
            CandidateGone: Rule(commands.lose_candidate, (ABORTED,)),
        }.items()
    },
    (PAUSED, Resumed): Rule(commands.resume, _UP, commands.cannot_resume),
    (PAUSED, Retried): _RETRY,
    (ROLLING_BACK, Ticked): Rule(ticks.step_down, (ROLLED_BACK, ABORTED)),
    (ROLLING_BACK, Aborted): _CUT,
    (ROLLING_BACK, CandidateGone): _CUT,
    (PROMOTED, Started): _START,
    (PROMOTED, CandidateGone): Rule(commands.forget_promotion, (IDLE,)),
    **{
        (phase, event): rule
        for phase in _ENDED_BELOW
        for event, rule in {
            Started: _START,
            Retried: _RETRY,
            Ticked: Rule(ticks.drain),
            Aborted: Rule(commands.end_drain, (), commands.cannot_end_drain),
        }.items()
    },
    **{(phase, Killed): Rule(commands.kill, (KILLED,)) for phase in Phase},
    (KILLED, Killed): Rule(commands.stay),
    (KILLED, Unkilled): Rule(commands.unkill, (IDLE, ROLLED_BACK, ABORTED)),
}
"""(Where it stands, what happens) -> the rule."""

_PASS_BY: Final = (Ticked, Redefined, JudgeChanged, CandidateGone)
"""Nobody asks for these: where they have no row, they change nothing but the time."""

COMMANDS: Final[Mapping[type[Event], str]] = {
    Started: "start",
    Paused: "pause",
    Resumed: "resume",
    Promoted: "promote [--full]",
    Aborted: "abort",
    Retried: "retry",
    WeightSet: "weights",
    Killed: "kill",
    Unkilled: "unkill",
}
"""What people call what they can do."""


def where(standing: Standing) -> str:
    """Give the place in the table: the phase, or KILLED."""
    return KILLED if standing.is_killed else standing.phase


def answer(standing: Standing, event: Event) -> Moved:
    """Say where the rollout stands after *event*, and why.

    Raises:
        NotAllowedNow: It cannot be done where the rollout stands; says what can be.

    """
    rule = TABLE.get((where(standing), type(event)))
    if rule is None and isinstance(event, _PASS_BY):
        return ticks.pass_by(standing, event)
    if rule is None:
        raise _not_allowed(standing, f"`{_verb(event)}` is not possible then.")
    if why := rule.unless(standing, event):
        raise _not_allowed(standing, why)
    moved = rule.act(standing, event)
    after = settled(standing, moved.standing, moved.cause)
    return replace(moved, standing=after, raises=is_more(standing, after))


def possible(standing: Standing) -> tuple[str, ...]:
    """Give the commands that can be given now, by name.

    `promote` and a resumed pause of the plan also want a healthy candidate.
    """
    here = [event for event in COMMANDS if (where(standing), event) in TABLE]
    return tuple(
        _name(event, standing) for event in here if not _is_vain(event, standing)
    )


def _is_vain(event: type[Event], standing: Standing) -> bool:
    """Whether it is refused whatever it says, or changes nothing."""
    if event is Resumed:
        return bool(commands.cannot_resume(standing, Resumed()))
    if event is Aborted:
        has_ended = standing.phase in _ENDED_BELOW
        return has_ended and bool(commands.cannot_end_drain(standing, Aborted()))
    if event is Paused:
        return standing.pause in commands.AS_GOOD_AS_BY_HAND
    return event is Killed and standing.is_killed


def _name(event: type[Event], standing: Standing) -> str:
    if event is Started and standing.phase in TERMINAL:
        return "start (of a candidate with a new definition)"
    return COMMANDS[event]


def _verb(event: Event) -> str:
    return COMMANDS[type(event)].partition(" ")[0]


def _not_allowed(standing: Standing, why: str) -> NotAllowedNow:
    phase = where(standing).replace("_", " ")
    reason = "" if standing.pause is None else f" ({standing.pause})"
    return NotAllowedNow(
        f"The rollout is {phase}{reason}. {why}",
        remedy=f"Possible now: {', '.join(possible(standing))}.",
    )
