"""What a candidate is exposed to: whether a move gives it more than it had."""

from gateway.domain.rollout import SetHeaderRoute, SetMirrorRoute, Standing


def is_more(before: Standing, after: Standing) -> bool:
    """Whether the candidate has more of anything after a move; less weight is less.

    A fresh attempt and the end of a kill count as more: nothing may come of them that
    is not kept. A move never lowers the weight and adds a route: it is one step.
    """
    if after.share != before.share:
        return after.share > before.share
    return (
        (before.is_killed and not after.is_killed)
        or after.attempt > before.attempt
        or any(_is_new_route(r, before.header_routes) for r in after.header_routes)
        or any(_is_more_copied(r, before.mirror_routes) for r in after.mirror_routes)
        or after.reverse_mirror > before.reverse_mirror
    )


def has_any(standing: Standing) -> bool:
    """Whether the candidate has weight, a header route or a mirror of either kind."""
    return bool(
        standing.share
        or standing.header_routes
        or standing.mirror_routes
        or standing.reverse_mirror
    )


def _is_new_route(route: SetHeaderRoute, before: tuple[SetHeaderRoute, ...]) -> bool:
    return route not in before


def _is_more_copied(route: SetMirrorRoute, before: tuple[SetMirrorRoute, ...]) -> bool:
    had = [r.share for r in before if (r.name, r.match) == (route.name, route.match)]
    return not had or route.share > had[0]
