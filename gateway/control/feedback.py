"""Feedback: what applications say of answers, joined to the version that gave them.

The request id says everything about its exchange, so nothing is looked up and nothing
was kept for it. Feedback is taken until its service's deadline, the same for both
versions: what came too late is no evidence, whatever it says (statistics, late scores).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from math import isfinite
from typing import Final, TypeAlias, assert_never

from gateway.analysis.sums import Feedback, SlicedSum
from gateway.answers.segments import code_of, named
from gateway.control.joined import Joined, Sealed
from gateway.control.nearest import suggest
from gateway.domain.errors import Refused
from gateway.domain.lane import lane_name
from gateway.domain.reserved import RESERVED
from gateway.domain.service import MOST_FEEDBACK_SIGNALS, Service
from gateway.domain.ticket_key import TICKET_LASTS_S
from gateway.handoff.routing_table import RoutingTable
from gateway.handoff.ticket import (
    Expired,
    Forged,
    Ticket,
    TicketKeys,
    read,
    route_code,
)

LARGEST_VALUE: Final = 1e9
"""Nine million such values still add up exactly (2 ** 53)."""

_LONGEST_NAME: Final = 64
_NAME: Final = re.compile(rf"[a-z0-9_]{{1,{_LONGEST_NAME}}}")
_KEY_BYTES: Final = 8
_HOUR_S: Final = 3600


class Result(Enum):
    """What became of one piece of feedback."""

    COUNTED = "counted"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A version that is served, and the code of its service's segments now.

    Its rollout had another name when the answer was given, perhaps: what is said of it
    then is no evidence for the one that is on now.
    """

    service: Service
    version: str
    segments: int
    rollout: str


Hear: TypeAlias = Callable[[str, Ticket, str, float], None]
"""Takes a service, an id, a signal, and its value as it is from now on."""


def _ignore(service: str, ticket: Ticket, signal: str, value: float) -> None:
    """Hear nothing."""


class FeedbackDesk:
    """Takes feedback and adds it up.

    Args:
        table: Gives the routing table in force.
        keys: Gives the keys request ids are read with.
        now: Unix time in seconds.
        hear: Hears what is counted or replaced, as evidence.

    """

    def __init__(
        self,
        table: Callable[[], RoutingTable],
        keys: Callable[[], TicketKeys],
        now: Callable[[], float],
        hear: Hear = _ignore,
    ) -> None:
        self._table = table
        self._keys = keys
        self._now = now
        self._hear = hear
        self._known: RoutingTable | None = None
        self._places: dict[bytes, _Place] = {}
        self._former: dict[bytes, _Place] | None = None  # None: not asked for yet
        # As long as any deadline: a reload may set one anew for what was counted.
        self._joined = Joined(lasts_s=TICKET_LASTS_S)
        self._generation = 0
        self.sums: Feedback = {}

    def of(self, service: str, version: str) -> Mapping[str, SlicedSum]:
        """Give the sums of a version by signal; empty when there is no feedback."""
        return self.sums.get(service, {}).get(version, {})

    def take(self, request_id: str, signal: str, value: float) -> str:
        """Count a value, once for each request and signal.

        The same value again changes nothing; another one takes its place.

        Args:
            request_id: As the client was given it.
            signal: What was noticed: one of those the service takes; if it takes any,
                lower case, digits and underscores.
            value: A finite number; 0 or 1 for no and yes.

        Returns:
            A Result's value.

        Raises:
            Refused: 400 what is said is not feedback, or the id is none of ours; 404
                its version is not served any more; 410 it is too late; 422 the
                service does not take this signal, or has too many.

        """
        _demand_number(value)
        now = self._now()
        ticket = _read(request_id, self._keys(), now)
        place = self._place(ticket)
        _demand_time(place.service, now - ticket.issued)
        _demand_name(place.service, signal)
        sums = self._sums(place, signal)
        key = _key(request_id, signal, sums.generation)
        known = self._joined.find(key)
        if known is Sealed.VALUE or known == value:
            return Result.UNCHANGED.value
        before = () if known is None else (known,)
        sums.add(1 - len(before), value - sum(before), _cell(ticket, place))
        self._joined.write(key, value, now)
        self._hear(place.rollout, ticket, signal, value)
        return Result.REPLACED.value if before else Result.COUNTED.value

    def _place(self, ticket: Ticket) -> _Place:
        table = self._table()
        if table is not self._known:
            self._learn(table)
        place = self._places.get(ticket.route) or self._formerly(table, ticket.route)
        if place is None:
            raise Refused(
                404,
                "The version that answered this request is not served any more.",
                remedy="Drop this feedback: there is nothing left to compare.",
            )
        return place

    def _learn(self, table: RoutingTable) -> None:
        """Know what a table takes feedback on; forget the sums of all else."""
        self._known, self._places, known = table, {}, self.sums
        self._former, self.sums = None, {}
        for service in (routed.service for routed in table.services):
            name = service.known_as
            code, before = code_of(service.segments), known.get(name, {})
            sums = self.sums.setdefault(name, {})
            for version in (version.name for version in service.versions):
                place = _Place(
                    service=service,
                    version=version,
                    segments=code,
                    rollout=service.name,
                )
                self._places[route_code(service.name, version)] = place
                sums[version] = _still_taken(service, before.get(version, {}))

    def _formerly(self, table: RoutingTable, route: bytes) -> _Place | None:
        """Find a version whose answers come under another name since the last cut.

        With one candidate a service goes by its own name, with several by lane.
        """
        if self._former is None:
            self._former = {
                route_code(place.rollout, place.version): place
                for lanes in table.by_name().values()
                for place in _other_names(lanes[0].service)
            }
        return self._former.get(route)

    def _sums(self, place: _Place, signal: str) -> SlicedSum:
        versions = self.sums[place.service.known_as]
        signals = versions[place.version]
        if signal not in signals:
            named = {name for sums in versions.values() for name in sums}
            if signal not in named and len(named) >= MOST_FEEDBACK_SIGNALS:
                raise Refused(
                    422,
                    f"The service has {MOST_FEEDBACK_SIGNALS} signals of feedback, and"
                    f" '{signal}' is new.",
                    remedy="Use one that is there; put what varies into its value.",
                )
            signals[signal] = SlicedSum(generation=self._next_generation())
        return signals[signal]

    def _next_generation(self) -> int:
        """Give a number that no sums have had here: what they held is no more."""
        known = (
            sums.generation
            for versions in self.sums.values()
            for signals in versions.values()
            for sums in signals.values()
        )
        self._generation = max(self._generation, *known, 0) + 1
        return self._generation


def _other_names(service: Service) -> Iterator[_Place]:
    """Give each version under every name that its service, or a lane of it, may have."""
    name, code = service.known_as, code_of(service.segments)
    versions = [version.name for version in service.versions]
    for rollout in (name, *(lane_name(name, version) for version in versions)):
        for version in versions:
            yield _Place(
                service=service, version=version, segments=code, rollout=rollout
            )


def _still_taken(service: Service, sums: dict[str, SlicedSum]) -> dict[str, SlicedSum]:
    """Give the sums without those of signals that are not taken any more."""
    return {name: told for name, told in sums.items() if _takes(service, name)}


def _takes(service: Service, signal: str) -> bool:
    named = service.feedback.signals
    if named:
        return signal in named
    return _NAME.fullmatch(signal) is not None and not _is_measured(service, signal)


def _is_measured(service: Service, signal: str) -> bool:
    signals = service.signals
    reported = [reported.name for reported in signals.reported]
    return signal in RESERVED or signal in signals.names or signal in reported


def _demand_name(service: Service, signal: str) -> None:
    named = service.feedback.signals
    if _takes(service, signal):
        return
    if named:
        raise Refused(
            422,
            f"The service '{service.name}' takes no feedback {signal!r:.80}.",
            remedy=suggest(signal[:_LONGEST_NAME], named),
        )
    if _NAME.fullmatch(signal) is None:
        raise Refused(
            400,
            f"The signal {signal!r:.80} is no name.",
            remedy="Use 1 to 64 of a-z, 0-9 and _, such as thumbs_up.",
        )
    raise Refused(
        422,
        f"'{signal}' is the name of what the gateway measures itself.",
        remedy="Give the feedback another name: nobody could tell the two apart.",
    )


def _demand_number(value: float) -> None:
    if not isfinite(value) or abs(value) > LARGEST_VALUE:
        raise Refused(
            400,
            f"The value {value:g} is out of bounds.",
            remedy=f"Send a number from -{LARGEST_VALUE:g} to {LARGEST_VALUE:g}.",
        )


def _demand_time(service: Service, age_s: float) -> None:
    deadline = service.feedback.deadline
    if age_s > deadline:
        raise Refused(
            410,
            "Feedback on this request is closed: the service"
            f" '{service.name}' takes it until {_span(deadline)} after the answer.",
            remedy="Drop this feedback, and send it earlier next time; or raise"
            " feedback.deadline of the service.",
        )


def _span(seconds: float) -> str:
    if seconds < _HOUR_S:
        return f"{seconds:g} seconds"
    return f"{seconds / _HOUR_S:g} hours"


def _read(request_id: str, keys: TicketKeys, now: float) -> Ticket:
    match read(request_id.encode(errors="surrogatepass"), keys, now):
        case Ticket() as ticket:
            return ticket
        case Forged():
            raise Refused(
                400,
                "This is no request id of this gateway, or its key is gone.",
                remedy="Send the value of the answer's x-sluicegate-request-id header"
                " (it is `ticket` in the access log), not x-request-id, to the gateway"
                " that gave it.",
            )
        case Expired():
            raise Refused(
                410,
                "This request id has expired.",
                remedy="Drop this feedback, and send it earlier next time.",
            )
        case _ as never:
            assert_never(never)


def _key(request_id: str, signal: str, generation: int) -> int:
    """Give 64 bits for a value in some sums; an id can be written in one way only.

    What was counted in sums that were dropped since is not known by it.
    """
    said = f"{request_id} {generation} {signal}".encode()
    return int.from_bytes(blake2b(said, digest_size=_KEY_BYTES).digest(), "big")


def _cell(ticket: Ticket, place: _Place) -> tuple[tuple[str, str], ...]:
    """Name segments and values; nothing when the definitions have changed since."""
    if ticket.segments != place.segments:
        return ()
    return named(place.service.segments, ticket.cell)
