"""Weights as pure decisions: what a request asks for, and what follows from the file."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.analysis.metrics import SHORTEST_WINDOW, longest_of, window_of
from gateway.control.nearest import suggest
from gateway.control.standings import (
    header_routes,
    mirror_routes,
    reverse_mirror,
    share_of,
)
from gateway.domain.errors import BadWeights, RevisionConflict
from gateway.domain.lane import candidate_of, largest_share, within_lane
from gateway.domain.rollout import MirrorLimits, Standing
from gateway.domain.service import Service
from gateway.domain.units import BUCKETS, Share, percent_from_share, share_from_percent
from gateway.handoff.routing_table import RoutedService
from gateway.state.store import Change, Weight


def share_wanted(service: Service, percents: Mapping[str, object]) -> Share:
    """Read the candidate's share from weights in percent, by version name.

    The candidate alone is enough; with the baseline they must add up to 100. Of a lane
    it is the only one: the baseline has what all candidates leave it.

    Raises:
        BadWeights: A name or number is wrong, or the sum is; the candidate's share
            follows from none of it.

    """
    shares = {
        name: share_given(service, name, value) for name, value in percents.items()
    }
    total = demand_sum(service, shares)
    if mine := candidate_of(service.name):
        _demand_alone(service, mine, shares)
    if service.candidate is None:
        return Share(0)
    if service.candidate in shares or service.baseline in shares:
        return shares.get(service.candidate, Share(BUCKETS - total))
    raise BadWeights(
        f"These weights for {service.name} leave its candidate as it is.",
        remedy=f"Name it: `{service.candidate}=PERCENT`.",
    )


def _demand_alone(service: Service, mine: str, shares: Iterable[str]) -> None:
    others = [name for name in shares if name != mine]
    if others:
        raise BadWeights(
            f"'{others[0]}' has no weight of its own in {service.name}, which is"
            f" {mine}'s part of {service.known_as}.",
            remedy=f"Name {mine} alone; or set them all: `weights {service.known_as}`.",
        )


def demand_sum(service: Service, shares: Mapping[str, Share]) -> Share:
    """Give the sum of weights by version name, where they can be meant so.

    Raises:
        BadWeights: There are none; or there is the baseline's, and it is not 100 %.

    """
    if not shares:
        raise BadWeights(
            f"No weights for {service.known_as} were given.",
            remedy=f'Give at least one, such as {{"{_movable(service)}": 10}}.',
        )
    total = Share(sum(shares.values()))
    if service.baseline in shares and total != BUCKETS:
        raise BadWeights(
            f"The weights for {service.known_as} add up to"
            f" {percent_from_share(total):g}, not 100.",
            remedy="Make them add up to 100, or name the candidate alone.",
        )
    return total


def share_given(service: Service, name: str, value: object) -> Share:
    """Read the weight of one version, in percent of the whole service.

    Raises:
        BadWeights: It has no such version, the number is none, or it can have none.

    """
    known = [version.name for version in service.versions]
    if name not in known:
        raise BadWeights(
            f"{service.known_as} has no version '{name}'.", remedy=suggest(name, known)
        )
    share = _number(service, name, value)
    most = largest_share(service.lanes)
    if name == service.candidate and share > most:
        raise BadWeights(
            f"{percent_from_share(share):g} percent for '{name}' is more than one of"
            f" {service.lanes} candidates of {service.known_as} can have.",
            remedy=f"Give at most {percent_from_share(most):g}, or `promote` it.",
        )
    if share and name not in {service.baseline, service.candidate}:
        raise BadWeights(
            f"'{name}' is neither the baseline nor the candidate of {service.name}.",
            remedy=f"Only {_movable(service)} can be given weight; name another"
            " candidate in the configuration.",
        )
    return share


def _number(service: Service, name: str, value: object) -> Share:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return share_from_percent(value)
    except (ValueError, OverflowError):
        pass
    raise BadWeights(
        f"The weight {value!r:.40} for '{name}' of {service.known_as} is no percentage.",
        remedy="Give a number from 0 to 100 with at most three decimals.",
    )


def _movable(service: Service) -> str:
    return service.candidate or service.baseline


def wanted_of(
    current: RoutedService, percents: Mapping[str, object], *, seen: int | None
) -> Share:
    """Give the candidate's share that a hand asks for, who has seen a revision.

    Args:
        current: The service as it is routed.
        percents: See `share_wanted`.
        seen: The revision the caller has seen; None when the caller does not care.

    Raises:
        BadWeights: See `share_wanted`.
        RevisionConflict: Changed since the caller looked.

    """
    share = share_wanted(current.service, percents)
    if seen is not None and seen != current.revision:
        raise RevisionConflict(
            f"{current.service.name} is at revision {current.revision}, not {seen}.",
            remedy="Look at what changed, then send the new revision.",
        )
    return share


def by_hand(
    current: RoutedService,
    percents: Mapping[str, object],
    *,
    seen: int | None,
    revision: int,
    change: Change,
) -> Weight:
    """Plan what a hand asks for.

    Args:
        current: The service as it is routed.
        percents: See `share_wanted`.
        seen: See `wanted_of`.
        revision: For the new weight.
        change: Who, and why.

    Raises:
        BadWeights: See `wanted_of`.
        RevisionConflict: The same.

    """
    share = wanted_of(current, percents, seen=seen)
    return Weight(
        service=current.service.name,
        candidate=current.service.candidate,
        share=within_lane(share, current.service.lanes),
        configured_share=current.service.configured_share,
        salt=current.salt,
        revision=revision,
        change=change,
    )


def ruled(
    service: Service,
    standing: Standing,
    known: Weight | None,
    *,
    revision: int,
    change: Change,
) -> Weight:
    """Give the weight that a rollout's standing comes to.

    Args:
        service: As it is defined, with the standing in effect (standings.effective).
        standing: Where its rollout is to stand.
        known: The weight in force.
        revision: For a new one, if one is needed.
        change: Who, and why.

    Returns:
        *known* itself when the standing asks for nothing else.

    """
    salt = standing.salt or (known.salt if known is not None else service.name)
    share = within_lane(share_of(standing), service.lanes)
    wanted = (service.candidate, share, salt)
    if known is not None and (known.candidate, known.share, known.salt) == wanted:
        return known
    return Weight(
        service=service.name,
        candidate=service.candidate,
        share=share,
        configured_share=service.configured_share,
        salt=salt,
        revision=revision,
        change=change,
    )


def settle(
    service: Service, known: Weight | None, *, revision: int, change: Change
) -> Weight:
    """Decide the weight in force for a service as it is defined now.

    Args:
        service: Its definition.
        known: The weight last known; None when it was never seen.
        revision: For a new weight, if one is needed.
        change: The same.

    Returns:
        *known* itself while the configuration says about weights what it said then.

    """
    share = service.configured_share
    if known is not None and (known.candidate, known.configured_share) == (
        service.candidate,
        share,
    ):
        return known
    return Weight(
        service=service.name,
        candidate=service.candidate,
        share=share,
        configured_share=share,
        salt=known.salt if known is not None else service.name,
        revision=revision,
        change=change,
    )


def held(service: Service, known: Weight | None, *, change: Change) -> Weight:
    """Give the weight in force until the store can say which one counts.

    Args:
        service: Its definition.
        known: The weight last known, which is held; without one the baseline serves
            everything, because the candidate may have been taken out for a reason.
        change: Why.

    Returns:
        A weight of revision 0, which every real one beats.

    """
    fits = known is not None and known.candidate == service.candidate
    return Weight(
        service=service.name,
        candidate=service.candidate,
        share=known.share if known is not None and fits else Share(0),
        configured_share=service.configured_share,
        salt=known.salt if known is not None else service.name,
        revision=0,
        change=change,
    )


def is_held(weight: Weight | None) -> bool:
    """Whether this is no real weight but one that waits for the store."""
    return weight is not None and weight.revision == 0


def rebased(
    weight: Weight, was: Service | None, now: Service, *, revision: int, change: Change
) -> Weight:
    """Give *weight* a new revision when another baseline takes the other side.

    Whoever looked before the change meant a split between other versions.
    """
    if was is None or was.baseline == now.baseline or is_held(weight):
        return weight
    return replace(weight, revision=revision, change=change)


def raises(after: Weight, before: Weight | None) -> bool:
    """Whether this gives a candidate more traffic than it has."""
    same = before is not None and before.candidate == after.candidate
    return after.share > (before.share if before is not None and same else 0)


def routed(service: Service, weight: Weight, standing: Standing) -> RoutedService:
    """Join a service's definition, its weight and where its rollout stands.

    Kill stands above all: a configuration, or a store that comes back, may say what it
    likes of the weight.

    Args:
        service: With the standing in effect (standings.effective).
        weight: In force.
        standing: Of its rollout.

    """
    plan, candidate = standing.plan, service.candidate
    return RoutedService(
        service=service,
        share=Share(0) if standing.is_killed else weight.share,
        salt=weight.salt,
        revision=weight.revision,
        header_routes=header_routes(standing, candidate),
        mirror_routes=mirror_routes(standing, candidate),
        reverse_mirror=reverse_mirror(standing, candidate),
        mirror=MirrorLimits() if plan is None else plan.mirror,
        window=(
            SHORTEST_WINDOW
            if plan is None
            else window_of(plan.analysis, longest_of(plan))
        ),
        washout=1 if plan is None else plan.analysis.washout,
    )
