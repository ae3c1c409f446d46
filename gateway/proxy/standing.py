"""How one endpoint stands among those of its version: is it asked, and how much.

An endpoint on which exchanges fail one after the other is left out for a while, longer
each time, and comes back bit by bit. One whose health check fails is left out until that
passes. Each worker sees failures for itself; what checks find, all of them know.
See decisions/0022.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from gateway.domain.health import (
    EjectedFor,
    EndpointCare,
    EndpointState,
    OutlierDetection,
)
from gateway.domain.outcome import Failure

_logger: Final = logging.getLogger("sluicegate.endpoints")

_JITTER: Final = 0.2
_COLDEST: Final = 0.1  # part of its share that a returning endpoint is given at first
_NEVER: Final = -math.inf
_ALL: Final = 100

NOT_ITS_FAULT: Final = frozenset({Failure.FULL, Failure.GATEWAY})
"""What says nothing of an endpoint: our own limits, and our own trouble."""

FAILED_STATUSES: Final = frozenset({500, 502, 503, 504})
"""What an endpoint answers that fails. 501 and 505 are about the request; a 429 says
that it lives."""


class Balanced(Protocol):
    """An endpoint, as far as balancing goes; pool.Pool is one."""

    @property
    def outstanding(self) -> int:
        """Exchanges on it or waiting for it."""

    @property
    def is_available(self) -> bool:
        """Whether it may be asked."""

    def part(self, now: float) -> float:
        """Give how much of its share it is given."""


T = TypeVar("T", bound=Balanced)


class Standing:
    """One endpoint, as this worker sees it.

    Args:
        name: In the log.

    Attributes:
        name: In the log.
        care: See EndpointCare.
        is_suspect: Whether there is anything to look at: a failure lately, or it is out,
            or has just come back. False in the usual case, and then nothing is asked.
        peers: All endpoints of the version, this one too.
        is_unreachable: Whether the last wish for a connection failed.
        health: Whether its checks pass; None: there are none, or it is not known.

    """

    __slots__ = (
        "_ejections",
        "_failures",
        "_is_trying",
        "_random",
        "_returned_at",
        "_times",
        "_until",
        "_warm_since",
        "care",
        "health",
        "is_suspect",
        "is_unreachable",
        "name",
        "peers",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.care = EndpointCare()
        self.is_suspect = self.is_unreachable = self._is_trying = False
        self.peers: tuple[Standing, ...] = ()
        self.health: bool | None = None
        self._random: Callable[[], float] = _no_chance
        self._ejections: dict[str, int] = {}
        self._failures = self._times = 0
        self._until = self._returned_at = self._warm_since = _NEVER

    def belongs(
        self, care: EndpointCare, random: Callable[[], float], ejections: dict[str, int]
    ) -> None:
        """Treat it as its version wishes.

        Args:
            care: See EndpointCare.
            random: Gives numbers from 0 to 1.
            ejections: Of the version, by EjectedFor; added to.

        """
        self.care, self._random, self._ejections = care, random, ejections

    # What exchanges tell.

    def failed(self, now: float) -> None:
        """Note that an exchange failed here before its first content.

        That is: no connection, a timeout, closed early, no HTTP, or one of
        FAILED_STATUSES. Not what NOT_ITS_FAULT names.
        """
        self.is_suspect = True
        if self.is_ejected:
            return  # it began before
        self._failures += 1
        detection = self.care.outlier_detection
        if (
            detection is not None
            and self._failures >= detection.consecutive_failures
            and self._may_be_ejected(detection)
        ):
            self._eject(detection, now)

    def answered(self, now: float) -> None:
        """Note that an exchange was answered here. Needed only while `is_suspect`."""
        self._failures = 0
        self.look(now)

    def _may_be_ejected(self, detection: OutlierDetection) -> bool:
        """Whether enough are left: always one, and most where it may be the questions."""
        others = [peer for peer in self.peers if peer is not self]
        if not any(peer.is_available for peer in others):
            return False
        out = sum(peer.is_ejected for peer in others)
        most = detection.max_ejection_percent * len(self.peers)
        return self.is_unreachable or out == 0 or (out + 1) * _ALL <= most

    def _eject(self, detection: OutlierDetection, now: float) -> None:
        if self._times:  # as long as it was sound since, so much is forgotten
            calm = int((now - self._returned_at) / detection.base_ejection_time)
            self._times = max(0, self._times - calm)
        lasts = self._leave_out(detection, now)
        why = EjectedFor.UNREACHABLE if self.is_unreachable else EjectedFor.FAILURES
        self.count(why)
        _logger.warning(
            "%s gets no requests for %.3g s: %s.", self.name, lasts, why.value
        )

    def _leave_out(self, detection: OutlierDetection, now: float) -> float:
        """Leave it out for longer than the last time; give the seconds."""
        self._times += 1
        lasts = detection.base_ejection_time * self._times
        lasts = min(lasts, detection.max_ejection_time)
        lasts *= 1 + _JITTER * self._random()
        self._until = now + lasts
        return lasts

    def count(self, why: EjectedFor) -> None:
        """Count that it was left out."""
        self._ejections[why] = self._ejections.get(why, 0) + 1

    # What checks tell.

    def checked(self, health: bool | None, now: float) -> None:
        """Take what checks found; None: nothing is known."""
        before, self.health = self.health, health
        if before is False and health is not False:
            self.warm_up(now)
        elif before is not health:
            self.look(now)

    # How it comes back.

    def wants_trial(self, now: float) -> bool:
        """Whether its time is over and it is to be tried; then `tried` must follow."""
        if not self.is_ejected or self._until > now or self._is_trying:
            return False
        self._is_trying = True
        return True

    def tried(self, now: float, *, is_reached: bool) -> None:
        """Take it back after its time if it takes connections; else it stays out."""
        self._is_trying = False
        detection = self.care.outlier_detection
        if not is_reached and detection is not None:
            self._leave_out(detection, now)
            return
        self._until = _NEVER
        self._returned_at = now
        # One more failure is enough, and one answer forgives.
        most = 1 if detection is None else detection.consecutive_failures
        self._failures = most - 1
        _logger.warning("%s gets requests again.", self.name)
        self.warm_up(now)

    def warm_up(self, now: float) -> None:
        """Give it more and more from now on: its caches are cold, or it just started."""
        self._warm_since = now
        self.look(now)

    def look(self, now: float) -> None:
        """See whether it is suspect still; call now and then while it is."""
        self.is_suspect = (
            self._failures > 0 or not self.is_available or self.part(now) < 1.0
        )

    # How it stands.

    @property
    def is_ejected(self) -> bool:
        """Whether it is left out for failures."""
        return self._until != _NEVER

    @property
    def is_available(self) -> bool:
        """Whether it may be asked."""
        return self._until == _NEVER and self.health is not False

    def part(self, now: float) -> float:
        """Give how much of its share it is given: from a tenth to all."""
        window, warm = self.care.slow_start, now - self._warm_since
        # `now` may lie a little before: it is when a callback began.
        if not window or warm >= window:
            return 1.0
        return max(_COLDEST, warm / window)

    def state(self, now: float) -> EndpointState:
        """Give how it stands, in a word."""
        if self.health is False:
            return EndpointState.DOWN
        if self.is_ejected:
            return EndpointState.EJECTED
        return EndpointState.WARMING if self.part(now) < 1.0 else EndpointState.UP

    def back_in(self, now: float) -> float:
        """Give the seconds until it is tried again; 0: it is not out for failures."""
        return max(0.0, self._until - now)


def pick(pools: Sequence[T], random: Callable[[], float], now: float) -> T:
    """Pick an endpoint where some are suspect: the less busy of two, as ever.

    Only those that may be asked are looked at; where none may, all are, for then it is
    not the endpoints that we know to be at fault, or it does not matter. One that warms
    up is passed over for a part of the requests, and counts as busier than it is.
    """
    among = [pool for pool in pools if pool.is_available] or pools
    warm = [pool for pool in among if random() < pool.part(now)] or among
    one = warm[int(random() * len(warm))]
    if len(warm) == 1:
        return one
    other = warm[int(random() * (len(warm) - 1))]
    if other is one:
        other = warm[-1]
    is_less = one.outstanding * other.part(now) <= other.outstanding * one.part(now)
    return one if is_less else other


def _no_chance() -> float:
    return 0.0
