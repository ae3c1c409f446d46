"""When another version answers for one that fails, and when it takes over for a while."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.units import Bytes, Seconds


class Why(StrEnum):
    """What a version failed with, before any content, so that the baseline may answer.

    502 and 503 are what a client would be sent, whoever would write it: a server that
    closes the connection before it answers is a 502.
    """

    CONNECT = "connect"  # no connection was had: no byte was sent
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    TIMEOUT = "timeout"
    SERVER_ERROR = (
        "5xx"  # all of them; counted under it are those that have no other name
    )
    ERROR_EVENT = "error_event"  # in a stream, or its end, before its first content


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many requests of a service the baseline may answer in a candidate's place.

    Attributes:
        ratio: Part of the service's requests of the last seconds.
        min_per_second: So many besides, however few requests there are.

    """

    ratio: float = 0.2
    min_per_second: float = 10.0


DEFAULT_ON = (Why.CONNECT, Why.BAD_GATEWAY, Why.UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """When the baseline answers what a candidate failed at.

    Attributes:
        on: With what it failed; none: never.
        hold: Bytes of a stream that may be held back until its first content, where an
            error event is among them.
        budget: See Budget.

    """

    on: tuple[Why, ...] = DEFAULT_ON
    hold: Bytes = Bytes(4 * 1024)
    budget: Budget = Budget()

    def covers(self, why: Why) -> bool:
        """Whether the baseline answers then."""
        is_status = why in {Why.BAD_GATEWAY, Why.UNAVAILABLE}
        return why in self.on or (is_status and Why.SERVER_ERROR in self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """When a worker sends a candidate's requests to the baseline, on its own.

    Attributes:
        failures: So many of its exchanges in a row failed before any content,
        keys: from so many sticky keys at least,
        within: in so many seconds, and the baseline has answered in these.

    """

    failures: int = 5
    keys: int = 3
    within: Seconds = Seconds(10.0)
