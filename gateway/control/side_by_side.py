"""What is asked of a service with several candidates, done to each of its lanes.

Each lane is a rollout by itself, and may refuse what another does: what can be done is
done, and of each it is said what came of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.control.weights import demand_sum, share_given
from gateway.domain.errors import (
    GatewayError,
    NotAllowedNow,
    RevisionConflict,
    Side,
)
from gateway.domain.lane import candidate_of
from gateway.domain.service import Service
from gateway.domain.units import Share, percent_from_share
from gateway.handoff.routing_table import RoutedService

_log = logging.getLogger(__name__)

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
    told = " ".join(f"{each.lane}: {each.refused}" for each in tried[:-1])
    last = tried[-1].refused or first
    what = f"{told} {tried[-1].lane}: {last.what}"
    return type(first)(what, remedy=last.remedy)


def demand_named(service: Service) -> NotAllowedNow:
    """Give the refusal of a promotion that does not say of which candidate."""
    name = service.known_as
    said = ", ".join(f"`promote {name}:{each} --full`" for each in service.candidates)
    return NotAllowedNow(
        f"{name} has several candidates: which of them is to serve?",
        remedy=f"Name it: {said}.",
    )


def revision_of(lanes: Iterable[RoutedService]) -> int:
    """Give the revision of a service: it grows whenever that of a lane does."""
    return sum(lane.revision for lane in lanes)


def wanted_of_each(
    lanes: Sequence[RoutedService], percents: Mapping[str, object], *, seen: int | None
) -> dict[str, dict[str, float]]:
    """Share out the weights that a hand asks for of a whole service.

    Args:
        lanes: Of the service.
        percents: By version; with the baseline they must add up to 100, without it
            candidates that are not named keep what they have.
        seen: The revision the caller has seen (`revision_of`); None: any.

    Returns:
        By lane, what is to be set there; those that lose come first.

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
    gains = {
        lane.service.name: wanted[candidate] - lane.of_service()
        for lane in lanes
        if (candidate := candidate_of(lane.service.name)) in wanted
    }
    return {
        lane: {candidate_of(lane): percent_from_share(wanted[candidate_of(lane)])}
        for lane in sorted(gains, key=gains.__getitem__)
    }


def _shares(
    lanes: Sequence[RoutedService], percents: Mapping[str, object]
) -> dict[str, Share]:
    """Give the weights that are wanted, of candidates alone."""
    first = lanes[0].service
    own = {candidate_of(lane.service.name): lane.service for lane in lanes}
    shares = {
        name: share_given(own.get(name, first), name, value)
        for name, value in percents.items()
    }
    demand_sum(first, shares)
    if first.baseline in shares:
        return {name: shares.get(name, Share(0)) for name in own}
    return {name: share for name, share in shares.items() if name in own}


async def one_by_one(
    wanted: Mapping[str, T], act: Callable[[str, T], Awaitable[R]]
) -> list[R]:
    """Do something in each lane, in order; where one refuses, say what was done before.

    Raises:
        GatewayError: As *act* raises it.

    """
    done: list[R] = []
    for lane, what in wanted.items():
        try:
            done.append(await act(lane, what))
        except GatewayError as error:
            if not done:
                raise
            before = ", ".join(list(wanted)[: len(done)])
            told = f"{before} was set as you said. Not so {lane}: {error.what}"
            raise type(error)(told, remedy=error.remedy) from error
    return done
