"""Who is baseline, who is candidate, and which share of the keys it gets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.units import BUCKETS, Share, percent_from_share
from gateway.settings.problem import Finding, raise_all, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """A split. `candidate` is None when every request goes to the baseline."""

    baseline: str
    candidate: str | None
    share: Share


def assign_roles(
    versions: Sequence[str],
    baseline: str | None,
    candidate: str | None,
    weights: Mapping[str, Share],
) -> Roles:
    """Complete what is left out, and check the rest.

    A single version is the baseline; of two, the other one is the candidate.

    Raises:
        Wrong: With every name that is no version, and every weight that cannot be.

    """
    raise_all(_strangers(versions, baseline, candidate, weights))
    chosen = baseline or _only(versions)
    others = [version for version in versions if version != chosen]
    if candidate is None and len(others) == 1:
        candidate = others[0]
    raise_all(_misfits(chosen, candidate, weights))
    share = Share(BUCKETS - weights[chosen]) if chosen in weights else Share(0)
    return Roles(
        baseline=chosen,
        candidate=candidate,
        share=share if candidate is None else weights.get(candidate, share),
    )


def _strangers(
    versions: Sequence[str],
    baseline: str | None,
    candidate: str | None,
    weights: Mapping[str, Share],
) -> Iterator[Finding]:
    for key, name in (("baseline", baseline), ("candidate", candidate)):
        if name is not None and name not in versions:
            yield unknown("version", name, versions, at=(key,))
    for name in weights:
        if name not in versions:
            yield unknown("version", name, versions, at=("weights", name))


def _only(versions: Sequence[str]) -> str:
    if len(versions) > 1:
        raise_all([
            Finding(
                what=f"missing: there are {len(versions)} versions.",
                remedy=f"Name one of them: {', '.join(versions)}.",
                at=("baseline",),
            )
        ])
    return versions[0]


def _misfits(
    baseline: str, candidate: str | None, weights: Mapping[str, Share]
) -> Iterator[Finding]:
    if candidate == baseline:
        yield Finding(
            what=f"found '{candidate}', which is the baseline.",
            remedy="Name another version, or leave candidate out.",
            at=("candidate",),
        )
        return
    for name in weights:
        if name not in {baseline, candidate}:
            yield _no_place_for(name, candidate)
    total = sum(weights.values())
    if baseline in weights and total != BUCKETS:
        yield Finding(
            what=f"found weights that sum to {percent_from_share(Share(total)):g}.",
            remedy=f"Leave out the baseline's: '{baseline}' gets the rest to 100.",
            at=("weights",),
        )


def _no_place_for(name: str, candidate: str | None) -> Finding:
    if candidate is None:
        return Finding(
            what=f"found a weight for '{name}', and no candidate.",
            remedy=f"Write `candidate: {name}`.",
            at=("weights", name),
        )
    return Finding(
        what=f"found a weight for '{name}' beside the candidate '{candidate}'.",
        remedy="Leave it out, or name it as the candidate. Several at the same time: "
        "`candidates`, with `rollout: {strategy: ab}`.",
        at=("weights", name),
    )


def unruly(roles: Roles, weights: Mapping[str, Share]) -> Iterator[Finding]:
    """Find what a rollout cannot have beside it, or cannot be without."""
    if weights:
        yield Finding(
            what="found weights beside a rollout, whose plan decides them.",
            remedy="Remove `weights`; the first `setWeight` of the steps comes with the "
            "start.",
            at=("weights",),
        )
    if roles.candidate is None:
        yield Finding(
            what="found a rollout, and no candidate.",
            remedy="Add a version, and name it: `candidate: v2`.",
            at=("rollout",),
        )
