"""Where every service's rollout stands, and what that makes of its definition.

A standing beats the file: a version that was promoted is the baseline, whatever the file
still calls it, until the file names another baseline.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from gateway.delivery.events import Killed
from gateway.delivery.machine import answer
from gateway.domain.lane import service_of
from gateway.domain.rollout import (
    TERMINAL,
    OnRollback,
    Phase,
    RolloutPlan,
    SetHeaderRoute,
    SetMirrorRoute,
    Standing,
)
from gateway.domain.service import Service, Version
from gateway.domain.units import Seconds, Share
from gateway.state.store import KeptRollout

_DIGEST_BYTES: Final = 16
_ENDED_BELOW: Final = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})
_SECRETS: Final = frozenset({"authorization", "api-key", "x-api-key", "cookie"})
"""Headers whose values change without the model behind them changing."""


Left = tuple[int, Standing]
"""Version and standing, as one controller leaves them to the next."""


class StandingBook:
    """Standings by service name; a service that was never started stands idle."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
        self._versions: dict[str, int] = {}
        self._promised: dict[str, int] = {}
        self._promised_with: dict[str, tuple[str, ...]] = {}
        self._is_blind = True  # nobody has said yet what was decided before

    def of(self, service: str) -> Standing:
        """Give where a service's rollout stands."""
        return self._standings.get(service, _IDLE)

    def items(self) -> list[tuple[str, Standing]]:
        """Give all that were ever written, by service."""
        return list(self._standings.items())

    def serving(self, service: str, moved: Standing | None = None) -> Standing:
        """Give the standing that says who serves.

        A promotion is the service's, whichever lane it came from: all lanes follow it,
        and so does the service when it has a single candidate again.

        Args:
            service: Its name, or a lane's.
            moved: Where that is to stand; None: where it stands.

        """
        whole = service_of(service)
        together = {} if moved is None else self._together(service, moved)
        return together.get(whole) or self.of(whole)

    def write(self, service: str, standing: Standing) -> None:
        """Note that it stands elsewhere; it has to be kept.

        What was promised with it (`next_kept`) and did not come to be may be in the store
        all the same: it is written again as it stands, so that no restart finds it.
        """
        together = self._together(service, standing)
        for name in self._promised_with.pop(service, ()):
            together.setdefault(name, self.of(name))
        for name, each in together.items():
            self._versions[name] = self._next_version(name)
            self._standings[name] = each

    def disown(self, service: str) -> None:
        """Make what was promised older than where things stand, if it is not already."""
        if service in self._promised_with:
            self.write(service, self.of(service))

    def _together(self, service: str, standing: Standing) -> dict[str, Standing]:
        """Give what is written together: who serves, by a lane, is its service's to say.

        A lane speaks for the service when it is promoted, and afterwards while nobody
        else has.
        """
        together = {service: standing}
        whole, before = service_of(service), self.of(service)
        if whole == service or standing.serves == before.serves:
            return together
        said = self.of(whole)
        is_its = (said.candidate, said.serves) == (before.candidate, before.serves)
        if standing.phase is Phase.PROMOTED or is_its:
            attempt = self.of(whole).attempt
            together[whole] = replace(standing, is_killed=False, attempt=attempt)
        return together

    def tick(self, service: str, standing: Standing) -> None:
        """Note that nothing but time has passed, which is kept with the evidence."""
        self._standings[service] = standing

    def kept(self) -> tuple[KeptRollout, ...]:
        """Give all that must be kept."""
        return tuple(
            _kept(service, self._standings[service], version)
            for service, version in self._versions.items()
        )

    def next_kept(self, service: str, standing: Standing) -> tuple[KeptRollout, ...]:
        """Give what must be kept before *standing* may be written.

        Its version is used up, whatever comes of it: what is written meanwhile is newer.
        """
        together = self._together(service, standing)
        self._promised_with[service] = tuple(together)
        return tuple(
            _kept(name, each, self._promise(name)) for name, each in together.items()
        )

    def _promise(self, service: str) -> int:
        self._promised[service] = version = self._next_version(service)
        return version

    def left(self) -> dict[str, Left]:
        """Give everything a successor needs to go on from here."""
        return {
            service: (version, self._standings[service])
            for service, version in self._versions.items()
        }

    def adopt_left(self, found: Mapping[str, Left]) -> None:
        """Take what a predecessor left, where it is newer."""
        self._is_blind = False
        for service, (version, standing) in found.items():
            if version >= self._versions.get(service, 0):  # the same, but for the time
                self._standings[service] = standing
                self._versions[service] = version

    def adopt(self, found: Iterable[KeptRollout]) -> dict[str, Standing]:
        """Take what a store keeps, when it can be read (again).

        Where nobody knew what was decided before, it says so; a kill switch that was
        switched on meanwhile stays on. Where somebody did, what it has besides is a move
        upwards that was refused because nobody knew whether it was kept: it gives way.

        Returns:
            What gave way, by service.

        """
        gave_way = {}
        for kept in found:
            standing = msgspec.json.decode(kept.standing, type=Standing)
            if self._is_blind:
                self._take_up(kept, standing)
            elif self._outlasts(kept, standing):
                gave_way[kept.service] = standing
        self._is_blind = False
        return gave_way

    def _take_up(self, kept: KeptRollout, standing: Standing) -> None:
        # What a drain goes by (handoff.held_states) has ended with the gateway before;
        # where that goes on, adopt_left has the word.
        standing = replace(standing, drain_left=Seconds(0.0))
        was_killed = self.of(kept.service).is_killed
        self._standings[kept.service] = standing
        self._versions[kept.service] = kept.version
        if was_killed and not standing.is_killed:
            self.write(kept.service, answer(standing, Killed()).standing)

    def _outlasts(self, kept: KeptRollout, standing: Standing) -> bool:
        """Make ours newer than what is kept; whether that says something else."""
        version, ours = self._versions.get(kept.service, 0), self.of(kept.service)
        if kept.version < version or (
            kept.version == version and is_same(standing, ours)
        ):
            return False
        self._promised[kept.service] = kept.version
        self.write(kept.service, ours)
        return not is_same(standing, ours)

    def _next_version(self, service: str) -> int:
        """Give a version that nobody has seen yet."""
        seen = self._versions.get(service, 0)
        return max(seen, self._promised.get(service, 0)) + 1


def _kept(service: str, standing: Standing, version: int) -> KeptRollout:
    return KeptRollout(
        service=service, standing=msgspec.json.encode(standing), version=version
    )


_IDLE: Final = Standing()


def effective(service: Service, standing: Standing) -> Service:
    """Give a service as it is routed: after a promotion, with the promoted as baseline.

    The file wins where it names a baseline that it did not name when the rollout began,
    and that nothing was compared with; or where it has the promoted version no more, or
    as something else, which nobody has compared with anything.

    Args:
        service: As the configuration has it.
        standing: That says who serves; see StandingBook.serving.

    """
    serves = standing.serves
    names = {version.name for version in service.versions}
    known = {standing.filed, standing.baseline, serves}
    if serves is None or serves not in names or service.baseline not in known:
        return service
    if is_promoted_otherwise(service, standing):
        return service
    candidate = None if service.candidate == serves else service.candidate
    return replace(service, baseline=serves, candidate=candidate)


def is_promoted_otherwise(service: Service, standing: Standing) -> bool:
    """Whether what was promoted is defined as something else now."""
    if standing.phase is not Phase.PROMOTED or not standing.definition:
        return False
    return any(
        version.name == standing.candidate
        and definition_of(version) != standing.definition
        for version in service.versions
    )


def is_same(one: Standing, other: Standing) -> bool:
    """Whether two standings differ in time alone."""
    return _timeless(one) == _timeless(other)


def _timeless(standing: Standing) -> Standing:
    none = Seconds(0.0)
    some = Seconds(1.0) if standing.drain_left else none
    return replace(standing, in_step=none, in_phase=none, waited=none, drain_left=some)


def share_of(standing: Standing) -> Share:
    """Give the candidate's weight that a standing comes to."""
    out = {Phase.ROLLED_BACK, Phase.ABORTED, Phase.PROMOTED}
    if standing.is_killed or standing.phase in out:
        return Share(0)
    return standing.share


def header_routes(
    standing: Standing, candidate: str | None
) -> tuple[SetHeaderRoute, ...]:
    """Give the header routes that are in force for this candidate."""
    return () if _is_out(standing, candidate) else standing.header_routes


def mirror_routes(
    standing: Standing, candidate: str | None
) -> tuple[SetMirrorRoute, ...]:
    """Give the mirror routes that are in force for this candidate."""
    return () if _is_out(standing, candidate) else standing.mirror_routes


def reverse_mirror(standing: Standing, candidate: str | None) -> Share:
    """Give which part of this candidate's requests is copied to the baseline."""
    return Share(0) if _is_out(standing, candidate) else standing.reverse_mirror


def is_draining(standing: Standing, candidate: str | None) -> bool:
    """Whether what began on this candidate, which was taken back, goes on there."""
    is_over = standing.is_killed or standing.phase not in _ENDED_BELOW
    return not is_over and standing.drain_left > 0 and candidate == standing.candidate


def may_drain(standing: Standing, candidate: str | None) -> bool:
    """Whether it may come to that."""
    plan = standing.plan
    drains = plan is not None and plan.on_rollback is OnRollback.DRAIN
    return drains and not _is_out(standing, candidate)


def is_ruled(service: Service, standing: Standing) -> bool:
    """Whether the rollout rules the weight, so that a hand may not set it just so.

    One that has ended goes on ruling it, as long as the configuration has a rollout.
    """
    if standing.is_killed or is_running(standing):
        return True
    return standing.phase in _ENDED_BELOW and service.rollout is not None


def is_running(standing: Standing) -> bool:
    """Whether a rollout is on."""
    return standing.phase is not Phase.IDLE and standing.phase not in TERMINAL


def definition_of(version: Version) -> str:
    """Give a hash of what a version is: its model, prompt and route, not its places.

    Endpoints, prices, timeouts and secrets may change without it being another version.
    """
    what = {
        "name": version.name,
        "set_json": version.set_json,
        "set_headers": [
            (name, value)
            for name, value in version.set_headers
            if name.lower() not in _SECRETS
        ],
        "path_rewrite": version.path_rewrite,
    }
    return _digest(what)


def hash_of(plan: RolloutPlan) -> str:
    """Give a hash of a plan."""
    return _digest(plan)


def _digest(what: object) -> str:
    text = msgspec.json.encode(what, order="deterministic")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()


def _is_out(standing: Standing, candidate: str | None) -> bool:
    is_on = is_running(standing) and not standing.is_killed
    return not is_on or candidate != standing.candidate
