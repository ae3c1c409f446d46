"""What is asked of a service with several candidates, done to each of its lanes.

Each lane is a rollout by itself, and may refuse what another does: what can be done is
done, and of each it is said what came of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from gateway.control.weights import demand_sum, share_given
from gateway.delivery.events import Promoted
from gateway.delivery.machine import COMMANDS, possible, where
from gateway.domain.errors import (
    BadWeights,
    GatewayError,
    NotAllowedNow,
    RevisionConflict,
    Side,
)
from gateway.domain.lane import candidate_of
from gateway.domain.rollout import Phase, Standing
from gateway.domain.service import Service
from gateway.domain.units import Share, percent_from_share
from gateway.handoff.routing_table import RoutedService

_log = logging.getLogger(__name__)
_PROMOTE: Final = COMMANDS[Promoted]

T = TypeVar("T")
R = TypeVar("R")


class LaneFailed(GatewayError):
    """An action on one lane failed in a way that nobody foresaw; the others went on."""

    side = Side.GATEWAY
    type = "lane_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried(Generic[T]):
    """What came of one lane.

    Attributes:
        lane: Its name.
        done: What was done; None: nothing.
        refused: Why nothing was; None: it was done.

    """

    lane: str
    done: T | None = None
    refused: GatewayError | None = None


async def in_each(
    lanes: Sequence[str], act: Callable[[str], Awaitable[T]]
) -> tuple[Tried[T], ...]:
    """Do something in each lane, at the same time: none waits for another.

    Raises:
        GatewayError: It was done in none; says why of each.

    """
    tried = await asyncio.gather(*(_try(lane, act) for lane in lanes))
    refusals = [each.refused for each in tried if each.refused is not None]
    if len(refusals) == len(tried):
        raise _joined(tried, refusals[0])
    return tuple(tried)


async def _try(lane: str, act: Callable[[str], Awaitable[T]]) -> Tried[T]:
    try:
        return Tried(lane=lane, done=await act(lane))
    except GatewayError as error:
        return Tried(lane=lane, refused=error)
    except Exception as error:  # ruff: ignore[blind-except]: the others go on
        _log.exception("An action on %s failed.", lane)
        told = f"It failed: {error!r}."
        return Tried(lane=lane, refused=LaneFailed(told, remedy="The log says more."))


def _joined(tried: Sequence[Tried[T]], first: GatewayError) -> GatewayError:
    """Give the refusals of all lanes as one, of the first one's kind."""
    told = "".join(f"{each.lane}: {each.refused} " for each in tried[:-1])
    last = tried[-1].refused or first
    what = f"{told}{tried[-1].lane}: {last.what}"
    return type(first)(what, remedy=last.remedy)


def demand_named(service: Service, standings: Mapping[str, Standing]) -> NotAllowedNow:
    """Give the refusal of a promotion that does not say of which candidate.

    Args:
        service: Any of its lanes.
        standings: By lane, where its rollout stands.

    """
    name = service.known_as
    able = [lane for lane, it in standings.items() if _PROMOTE in possible(it)]
    if able:
        said = ", ".join(f"`promote {lane} --full`" for lane in able)
        return NotAllowedNow(
            f"{name} has several candidates: which of them is to serve?",
            remedy=f"Name it: {said}.",
        )
    stand = ", ".join(
        f"{lane} is {where(it).replace('_', ' ')}" for lane, it in standings.items()
    )
    won = any(it.phase is Phase.PROMOTED for it in standings.values())
    return NotAllowedNow(
        f"No candidate of {name} can be promoted now: {stand}.",
        remedy="Name other candidates in the file."
        if won
        else "`start` or `retry` one first.",
    )


def revision_of(lanes: Iterable[RoutedService]) -> int:
    """Give the revision of a service: it grows with that of a lane, and with a new cut."""
    return sum(lane.revision for lane in lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be set in one lane.

    Attributes:
        lane: Its name.
        percents: The weight of its candidate, of the whole service.
        gain: How much more that is than it has, in buckets of the whole service.

    """

    lane: str
    percents: Mapping[str, float]
    gain: int

    @property
    def is_so(self) -> bool:
        """Whether the candidate is to have nothing, and has nothing."""
        return not self.gain and not any(self.percents.values())


def wanted_of_each(
    lanes: Sequence[RoutedService], percents: Mapping[str, object], *, seen: int | None
) -> list[Wanted]:
    """Share out the weights that a hand asks for of a whole service.

    Args:
        lanes: Of the service.
        percents: By version; with the baseline they must add up to 100, without it
            candidates that are not named keep what they have.
        seen: The revision the caller has seen (`revision_of`); None: any.

    Returns:
        What is to be set, in one lane or more; those that lose come first.

    Raises:
        BadWeights: See weights.share_wanted.
        RevisionConflict: Changed since the caller looked.

    """
    wanted = _shares(lanes, percents)
    now, name = revision_of(lanes), lanes[0].service.known_as
    if seen is not None and seen != now:
        raise RevisionConflict(
            f"{name} is at revision {now}, not {seen}.",
            remedy="Look at what changed, then send the new revision.",
        )
    each = [
        Wanted(
            lane=lane.service.name,
            percents={candidate: percent_from_share(wanted[candidate])},
            gain=wanted[candidate] - lane.of_service(),
        )
        for lane in lanes
        if (candidate := candidate_of(lane.service.name)) in wanted
    ]
    return sorted(each, key=lambda one: one.gain)


def _shares(
    lanes: Sequence[RoutedService], percents: Mapping[str, object]
) -> dict[str, Share]:
    """Give the weights that are wanted, of candidates alone; one or more."""
    first = lanes[0].service
    own = {candidate_of(lane.service.name): lane.service for lane in lanes}
    shares = {
        name: share_given(own.get(name, first), name, value)
        for name, value in percents.items()
    }
    demand_sum(first, shares)
    if first.baseline in shares:
        return {name: shares.get(name, Share(0)) for name in own}
    found = {name: share for name, share in shares.items() if name in own}
    if not found:
        raise BadWeights(
            f"These weights for {first.known_as} leave its candidates as they are.",
            remedy=f"Name one or more of {', '.join(own)}.",
        )
    return found


async def lane_by_lane(
    wanted: Sequence[Wanted], act: Callable[[Wanted], Awaitable[R]]
) -> list[R]:
    """Set weights in order: all that lose do, and others gain where none has refused.

    A lane that refuses to be set to the nothing that it has is as it was wanted to be.

    Raises:
        GatewayError: One refused; it says which, and what was set all the same.

    """
    tried: list[Tried[R]] = []
    refused: list[Tried[R]] = []
    left = [each.lane for each in wanted]
    for each in wanted:
        if each.gain > 0 and refused:
            break
        left.remove(each.lane)
        now = await _try(each.lane, partial(_set, each, act))
        tried.append(now)
        if now.refused and not (each.is_so and isinstance(now.refused, NotAllowedNow)):
            refused.append(now)
    done = [each for each in tried if each.refused is None]
    if refused or not done:
        raise _partly(done, refused or tried, left)
    return [each.done for each in done if each.done is not None]


async def _set(wanted: Wanted, act: Callable[[Wanted], Awaitable[R]], _lane: str) -> R:
    return await act(wanted)


def _partly(
    done: Sequence[Tried[R]], refused: Sequence[Tried[R]], left: Sequence[str]
) -> GatewayError:
    """Say in one refusal what was set, what was not, and what was not tried then."""
    error = refused[0].refused
    assert error is not None  # ruff: ignore[assert]: these are refusals
    joined = _joined(refused, error)
    before = ", ".join(each.lane for each in done)
    told = f"{before} was set as you said. Not so " if done else ""
    after = f" {', '.join(left)} did not gain then." if left else ""
    return type(joined)(f"{told}{joined.what}{after}", remedy=joined.remedy)
