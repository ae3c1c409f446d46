"""Where every service's rollout stands, and what that makes of its definition.

A standing beats the file: a version that was promoted is the baseline, whatever the file
still calls it, until the file names another baseline.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from gateway.domain.rollout import (
    TERMINAL,
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
_SECRETS: Final = frozenset({"authorization", "api-key", "x-api-key", "cookie"})
"""Headers whose values change without the model behind them changing."""


Left = tuple[int, Standing]
"""Version and standing, as one controller leaves them to the next."""


class StandingBook:
    """Standings by service name; a service that was never started stands idle."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
        self._versions: dict[str, int] = {}

    def of(self, service: str) -> Standing:
        """Give where a service's rollout stands."""
        return self._standings.get(service, _IDLE)

    def items(self) -> list[tuple[str, Standing]]:
        """Give all that were ever written, by service."""
        return list(self._standings.items())

    def write(self, service: str, standing: Standing) -> None:
        """Note that it stands elsewhere; it has to be kept."""
        self._standings[service] = standing
        self._versions[service] = self._versions.get(service, 0) + 1

    def tick(self, service: str, standing: Standing) -> None:
        """Note that nothing but time has passed, which is kept with the evidence."""
        self._standings[service] = standing

    def kept(self) -> tuple[KeptRollout, ...]:
        """Give all that must be kept."""
        return tuple(self._kept(service) for service in self._versions)

    def next_kept(self, service: str, standing: Standing) -> KeptRollout:
        """Give what must be kept before *standing* may be written."""
        version = self._versions.get(service, 0) + 1
        return KeptRollout(
            service=service, standing=msgspec.json.encode(standing), version=version
        )

    def left(self) -> dict[str, Left]:
        """Give everything a successor needs to go on from here."""
        return {
            service: (version, self._standings[service])
            for service, version in self._versions.items()
        }

    def adopt_left(self, found: Mapping[str, Left]) -> None:
        """Take what a predecessor left, where it is newer."""
        for service, (version, standing) in found.items():
            if version > self._versions.get(service, 0):
                self._standings[service] = standing
                self._versions[service] = version

    def adopt(self, found: Iterable[KeptRollout]) -> None:
        """Take what was kept, where it is newer; a kill switch that is on stays on."""
        for kept in found:
            if kept.version < self._versions.get(kept.service, 0):
                continue
            standing = msgspec.json.decode(kept.standing, type=Standing)
            ours = self._standings.get(kept.service)
            self._versions[kept.service] = kept.version
            if ours is not None and ours.is_killed and not standing.is_killed:
                self.write(kept.service, replace(standing, is_killed=True))
            else:
                self._standings[kept.service] = standing

    def _kept(self, service: str) -> KeptRollout:
        return KeptRollout(
            service=service,
            standing=msgspec.json.encode(self._standings[service]),
            version=self._versions[service],
        )


_IDLE: Final = Standing()


def effective(service: Service, standing: Standing) -> Service:
    """Give a service as it is routed: after a promotion, with the promoted as baseline.

    The file wins where it names another baseline than when the rollout began, or has
    the promoted version no more.
    """
    serves = standing.serves
    names = {version.name for version in service.versions}
    if serves is None or serves not in names or service.baseline != standing.baseline:
        return service
    candidate = None if service.candidate == serves else service.candidate
    return replace(service, baseline=serves, candidate=candidate)


def is_same(one: Standing, other: Standing) -> bool:
    """Whether two standings differ in time alone."""
    return _timeless(one) == _timeless(other)


def _timeless(standing: Standing) -> Standing:
    none = Seconds(0.0)
    return replace(standing, in_step=none, in_phase=none, waited=none)


def share_of(standing: Standing) -> Share:
    """Give the candidate's weight that a standing comes to."""
    out = {Phase.ROLLED_BACK, Phase.ABORTED, Phase.IDLE, Phase.PROMOTED}
    if standing.is_killed or standing.phase in out:
        return Share(0)
    return standing.share


def header_routes(standing: Standing) -> tuple[SetHeaderRoute, ...]:
    """Give the header routes that are in force."""
    return () if _is_out(standing) else standing.header_routes


def mirror_routes(standing: Standing) -> tuple[SetMirrorRoute, ...]:
    """Give the mirror routes that are in force."""
    return () if _is_out(standing) else standing.mirror_routes


def is_ruled(standing: Standing) -> bool:
    """Whether the rollout rules the weight, so that a hand may not set it just so."""
    return standing.is_killed or (
        standing.attempt > 0 and standing.phase is not Phase.PROMOTED
    )


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


def _is_out(standing: Standing) -> bool:
    return standing.is_killed or not is_running(standing)
