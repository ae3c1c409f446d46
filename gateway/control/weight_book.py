"""The weight book: the weight of every service as last known, and the next revision.

Decides what a configuration or a store that came back makes of the weights; puts
nothing in force itself.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gateway.control.weights import held, is_held, raises, rebased, settle
from gateway.domain.lane import service_of
from gateway.domain.service import Service
from gateway.domain.units import Share
from gateway.state.store import Change, Kept, Weight

_BY: Final = "configuration"

NOTHING: Final[Mapping[str, Weight]] = MappingProxyType({})


class WeightBook:
    """Weights by service name.

    Args:
        now: Unix time in seconds, for display.

    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._weights: dict[str, Weight] = {}
        self._promised: dict[str, int] = {}

    @property
    def weights(self) -> Mapping[str, Weight]:
        """The weight of each service, by name."""
        return self._weights

    def get(self, service: str) -> Weight | None:
        """Give a service's weight; None when it is not known."""
        return self._weights.get(service)

    def write(self, changed: Mapping[str, Weight]) -> None:
        """Replace what has changed."""
        self._weights |= changed

    def promise(self, changed: Mapping[str, Weight]) -> None:
        """Use up the revisions of *changed*, whatever comes of it."""
        self._promised |= {name: w.revision for name, w in changed.items()}

    def next_revision(self, service: str) -> int:
        """Give a revision that nobody has seen yet."""
        weight = self._weights.get(service)
        in_force = weight.revision if weight is not None else 0
        return max(in_force, self._promised.get(service, 0)) + 1

    def disowned(self, service: str, change: Change) -> dict[str, Weight]:
        """Give its weight anew, where one that did not come to be may be kept."""
        weight = self._weights.get(service)
        if weight is None or self._promised.get(service, 0) <= weight.revision:
            return {}
        revision = self.next_revision(service)
        return {service: replace(weight, revision=revision, change=change)}

    def held(self, services: Iterable[Service]) -> list[str]:
        """Give the names of services whose candidate waits for the store."""
        return [
            service.name
            for service in services
            if service.candidate is not None and is_held(self.get(service.name))
        ]

    def learn(self, kept: Mapping[str, Weight]) -> None:
        """Take what a store keeps of services of which nothing is known."""
        self._weights = {**kept, **self._weights}

    def cut(self, kept: Mapping[str, Weight] = NOTHING) -> dict[str, list[Weight]]:
        """Give what had the keys of each service last: its weight, or those of its lanes.

        Args:
            kept: What a store has, which counts where ours only waits for it.

        """
        found: dict[str, list[Weight]] = {}
        for name, ours in self._weights.items():
            weight = kept.get(name) if is_held(ours) else ours
            if weight is not None and weight.salt:
                found.setdefault(service_of(name), []).append(weight)
        return found

    def settled(
        self,
        services: list[Service],
        *,
        before: Mapping[str, Service],
        hold: bool = False,
    ) -> dict[str, Weight]:
        """Decide which weights change when *services* are put in force.

        Args:
            services: As defined now.
            before: As they were, by name; empty when nobody knows.
            hold: Hold those that nobody knows, because the store cannot be read.

        """
        recut = _recut(services, self.cut())
        changed = self._left(services, recut)
        for service in services:
            known, was = self.get(service.name), before.get(service.name)
            is_new = service.known_as in recut or _is_elsewhere(service, was, known)
            since = None if is_new and not is_held(known) else known
            weight = self._settled(service, since, was, hold=hold)
            if weight != known:
                changed[service.name] = weight
        return changed | self._grown(changed, services, before.values())

    def _grown(
        self,
        changed: Mapping[str, Weight],
        services: list[Service],
        before: Iterable[Service],
    ) -> dict[str, Weight]:
        """Let no service's revision fall, which is the sum of its lanes', by a new cut.

        Whoever looked before meant a split between other candidates; by the same number
        nobody must set the one of now.
        """
        grown = {}
        was, now = self._lanes(before), self._lanes(services)
        for name in was.keys() & now.keys():
            weights = [
                w
                for lane in sorted(now[name])
                if (w := changed.get(lane) or self.get(lane))
            ]
            first = next((w for w in weights if not is_held(w)), None)
            seen = sum(w.revision for lane in was[name] if (w := self.get(lane)))
            lacking = seen + 1 - sum(w.revision for w in weights)
            if was[name] != now[name] and first is not None and lacking > 0:
                unseen = self.next_revision(first.service)
                revision = max(first.revision + lacking, unseen)
                grown[first.service] = replace(first, revision=revision)
        return grown

    @staticmethod
    def _lanes(services: Iterable[Service]) -> dict[str, set[str]]:
        """Give the names of each service's lanes."""
        lanes: dict[str, set[str]] = {}
        for service in services:
            lanes.setdefault(service.known_as, set()).add(service.name)
        return lanes

    def _left(
        self, services: Iterable[Service], recut: Container[str]
    ) -> dict[str, Weight]:
        """Take everything from lanes that are gone: they may come back in another cut.

        What has no salt has no keys, until it begins as if it had never been.
        """
        names = {service.name for service in services}
        change = self._configured("another list of candidates")
        return {
            name: Weight(
                service=name,
                candidate=None,
                share=Share(0),
                configured_share=Share(0),
                salt="",
                revision=self.next_revision(name),
                change=change,
            )
            for name, weight in self._weights.items()
            if service_of(name) in recut and name not in names and weight.salt
        }

    def _settled(
        self, service: Service, known: Weight | None, was: Service | None, *, hold: bool
    ) -> Weight:
        if is_held(known) or (known is None and hold):
            return self._held(service, known)
        revision = self.next_revision(service.name)
        weight = settle(service, known, revision=revision, change=self._configured())
        if weight is known:
            change = self._configured("another baseline")
            return rebased(weight, was, service, revision=revision, change=change)
        return weight

    def instead(
        self, changed: Mapping[str, Weight], services: Iterable[Service]
    ) -> dict[str, Weight]:
        """Give what is put in force when *changed* cannot be kept: nothing rises."""
        safe = dict(changed)
        for service in services:
            wanted, known = changed.get(service.name), self.get(service.name)
            if wanted is not None and raises(wanted, known):
                safe[service.name] = self._held(service, known)
        return safe

    def reconciled(self, kept: Kept, services: Iterable[Service]) -> dict[str, Weight]:
        """Decide which weights change now that the store can be read (again).

        What somebody did while it was away wins; what was only held gives way.
        """
        defined = {service.name: service for service in services}
        recut = _recut(defined.values(), self.cut(kept.weights))
        changed: dict[str, Weight | None] = {**self._left(defined.values(), recut)}
        for name, stored in kept.weights.items():
            ours = self.get(name)
            if name in changed:
                continue
            if ours is None or is_held(ours):
                is_new = service_of(name) in recut or not stored.salt
                changed[name] = self._released(defined.get(name), stored, is_new=is_new)
            elif stored.revision >= ours.revision and stored != ours:
                changed[name] = replace(ours, revision=stored.revision + 1)
        for name, service in defined.items():
            if is_held(self.get(name)) and name not in changed:
                changed[name] = self._released(service, None)
        return {name: weight for name, weight in changed.items() if weight is not None}

    def _released(
        self, service: Service | None, stored: Weight | None, *, is_new: bool = False
    ) -> Weight | None:
        if service is None:
            return stored
        revision = stored.revision + 1 if stored is not None else 1
        since = None if is_new else stored
        return settle(service, since, revision=revision, change=self._configured())

    def _held(self, service: Service, known: Weight | None) -> Weight:
        reason = "held until the state store can be read"
        change = Change(by="gateway", reason=reason, at=self._now())
        if known is not None and is_held(known):
            change = known.change
        return held(service, known, change=change)

    def _configured(self, reason: str = "configured weight") -> Change:
        return Change(by=_BY, reason=reason, at=self._now())


def _recut(
    services: Iterable[Service], was: Mapping[str, Iterable[Weight]]
) -> set[str]:
    """Give the services whose keys are cut otherwise than before.

    The same share of a lane is another one of the service then: nothing goes on with it.
    """
    names: dict[str, set[str]] = {}
    for service in services:
        names.setdefault(service.known_as, set()).add(service.name)
    before = {name: {w.service for w in weights} for name, weights in was.items()}
    return {name for name, now in names.items() if before.get(name, now) != now}


def _is_elsewhere(service: Service, was: Service | None, known: Weight | None) -> bool:
    """Whether a weight is one of other keys: the lanes are the same in another order."""
    if known is None or not known.share or was is None:
        return False
    then, now = was.rollout, service.rollout
    return then is not None and now is not None and then.lanes != now.lanes
