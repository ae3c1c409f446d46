"""Lanes: how several candidates share one service.

The keys of a service with two candidates or more are cut once into as many equal lanes, one
for each. In a lane there are the baseline and its candidate and nobody else, so that it is
a rollout of two versions like any other, under a name of its own. Nothing but the names and
the sizes is said here; decision 0012 says why.
"""

from typing import Final

from gateway.domain.units import BUCKETS, Share

_MARK: Final = ":"
"""Stands in the name of no service and of no version (settings.names.NAME_PATTERN)."""


def lane_name(service: str, candidate: str) -> str:
    """Give the name of a candidate's lane."""
    return f"{service}{_MARK}{candidate}"


def service_of(name: str) -> str:
    """Give the service that a lane is of; of a service's own name, that name."""
    return name.partition(_MARK)[0]


def candidate_of(name: str) -> str:
    """Give the candidate that a lane is for; of a service's own name, ""."""
    return name.partition(_MARK)[2]


def largest_share(lanes: int) -> Share:
    """Give all that a candidate can have of a service with so many lanes, 1 or more."""
    return Share(BUCKETS // lanes)


def within_lane(share: Share, lanes: int) -> Share:
    """Give the part of a lane that is this part of the whole service."""
    return Share(min(share * lanes, BUCKETS))
