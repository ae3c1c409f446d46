"""Another list of candidates: a kill is handed down to what takes the place of the killed.

Names change with the list, and the kill switch must not get lost with them: it is on in
the first table that has the new ones.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gateway.control.standings import StandingBook
from gateway.control.telling import move_told
from gateway.delivery.events import Event, Killed, Unkilled
from gateway.delivery.machine import answer
from gateway.domain.rollout import Standing
from gateway.domain.service import Service
from gateway.state.journal import Draft
from gateway.state.store import Weight

_TOLD: Final[Mapping[str, object]] = {
    "by": "configuration",
    "reason": "another list of candidates",
    "block": None,
}


class Inherited(NamedTuple):
    """Where a rollout stands by what it takes the place of, or leaves behind."""

    name: str
    standing: Standing
    draft: Draft


def handed_down(
    services: Iterable[Service],
    was: Mapping[str, Iterable[Weight]],
    standings: StandingBook,
    *,
    at: float,
) -> list[Inherited]:
    """Tell which rollouts are killed with a new list, and which names end being so.

    All of a service are, when all were that had its keys; else those whose candidate was.

    Args:
        services: As they are to be.
        was: What had the keys of each service before, lane by lane (WeightBook.cut).
        standings: Of all rollouts.
        at: Unix time in seconds.

    """
    lanes: dict[str, list[Service]] = {}
    for service in services:
        lanes.setdefault(service.known_as, []).append(service)
    inherited = []
    for name, now in lanes.items():
        for each, event in _events(now, list(was.get(name, ())), standings).items():
            before = standings.of(each)
            moved = answer(before, event)
            draft = move_told(each, before, event, moved, _TOLD, at=at)
            inherited.append(Inherited(each, moved.standing, draft))
    return inherited


def _events(
    now: list[Service], was: list[Weight], standings: StandingBook
) -> dict[str, Event]:
    names, before = {lane.name for lane in now}, {weight.service for weight in was}
    killed = [weight for weight in was if standings.of(weight.service).is_killed]
    if before == names or not killed:
        return {}
    is_whole = len(killed) == len(was)
    candidates = {weight.candidate for weight in killed} - {None}
    events: dict[str, Event] = {
        lane.name: Killed()
        for lane in now
        if (is_whole or lane.candidate in candidates)
        and not standings.of(lane.name).is_killed
    }
    return events | {
        name: Unkilled() for name in before - names if _is_on(name, killed)
    }


def _is_on(name: str, killed: list[Weight]) -> bool:
    return any(weight.service == name for weight in killed)
