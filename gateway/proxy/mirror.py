"""Copies of one version's requests, sent to the other, whose answers nobody sees.

To the candidate while it is tried; back to the baseline when it is watched, after it has
taken over. Whether a request is copied is decided when it arrives: by headers, by dice, and by what
the copies may cost. A copy is sent when the request's body is whole, in a later turn of
the event loop, and lives on its own: the client does not wait for it, and may leave. It
is counted apart from the candidate's own traffic. Tests hold it to that it slows and
fails nobody; what fails in here is told in the log.

Sent once, never again to a third: an answer that came is no better for a second try.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from gateway.answers.side_effects import may_be_copied
from gateway.domain.units import BUCKETS
from gateway.handoff.observations import Series
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.all_routes import Routes
from gateway.proxy.awaiting import AllAwaiting
from gateway.proxy.copies import Copy, copied_request
from gateway.proxy.inspection import fingerprint_of
from gateway.proxy.judged_pairs import JudgedPair
from gateway.proxy.mirror_budget import MirrorBudget
from gateway.proxy.mirror_of_a_service import Mirror, Original, skip, way_of
from gateway.proxy.observe import Observation
from gateway.proxy.pairs import Books, ClientsHalf, CopysHalf, Pair
from gateway.proxy.plane import Plane
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.seldom import Seldom
from gateway.proxy.tally import Tally
from gateway.proxy.units import Unit
from gateway.proxy.who import Sender
from gateway.routing.headers import fit_all, header_tests
from gateway.wire.request_head import RequestHead

_logger: Final = logging.getLogger("sluicegate.mirror")

LONGEST_S: Final = 600.0
"""Seconds after which a copy's answer is cut."""

DRAIN_S: Final = 5.0
"""Seconds that copies are waited for when the worker stops; then they are given up."""

_COMPLAIN_EVERY_S: Final = 10.0
_ASKING: Final = b"POST"


class Mirrors:
    """All that is copied in one worker.

    Args:
        plane: It is told of this, and asks it for each request from then on.

    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._mirrors: Mapping[Route, Mirror] = {}
        self._ways: set[tuple[str, str, str]] = set()
        self._budgets: dict[str, MirrorBudget] = {}
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._awaiting = AllAwaiting()
        self._originals: list[Original] = []
        self._copies: dict[Copy, MirrorBudget] = {}  # in the order of their beginning
        self._is_idle = asyncio.Event()
        self._complaints = Seldom(_COMPLAIN_EVERY_S)
        plane.attach(self)

    def use(self, routes: Routes) -> bool:
        """Copy as a routing table says; tell whether there is anything to copy."""
        self._mirrors = {
            route: mirror
            for routed, route in routes.by_service()
            if (mirror := self._mirror(routed, route)) is not None
        }
        every = [
            (route, each)
            for route, mirror in self._mirrors.items()
            for each in (mirror, mirror.control)
            if each is not None
        ]
        self._ways = {way_of(route, each) for route, each in every}
        self._awaiting.use(
            each.target.awaiting
            for _route, each in every
            if each.target.awaiting is not None
        )
        return bool(self._mirrors)

    def _mirror(self, routed: RoutedService, route: Route) -> Mirror | None:
        """Copy to the candidate, or back to the baseline; None: there is no copying."""
        source, other = route.baseline, route.candidate
        if other is None:
            return None
        rules = tuple(
            (header_tests(rule.match), rule.share) for rule in routed.mirror_routes
        )
        if routed.reverse_mirror:
            source, other = other, source
            rules = (((), routed.reverse_mirror),)
        if not any(share for _tests, share in rules):
            return None
        target = self._target(routed, other)
        budget = self._budget(routed)
        is_reverse = source is route.candidate
        books = Books(budget, target.tally, is_reverse=is_reverse)
        control = None if is_reverse else self._control(routed, source, budget)
        return Mirror(rules, source, target, books, control)

    def _control(
        self, routed: RoutedService, source: Target, budget: MirrorBudget
    ) -> Mirror | None:
        """Copy some back to where they came from; None: nobody would compare those.

        Not in reverse, where it would be the candidate's answers that are compared: they
        were before, in a preview, or a coin had their place.
        """
        share = routed.mirror.control
        if not share or not any(each.compares for each in routed.service.evaluators):
            return None
        target = self._target(routed, source)
        books = Books(budget, target.tally, is_control=True)
        return Mirror((((), share),), source, target, books)

    def _target(self, routed: RoutedService, other: Target) -> Target:
        name, version = routed.service.name, other.version
        tally = self._tallies.setdefault(
            (name, version.name), Tally(name, version.name)
        )
        target = Target(routed, version, tally, other.tracing)
        target.pools = other.pools
        return target

    def _budget(self, routed: RoutedService) -> MirrorBudget:
        new = MirrorBudget(routed.mirror, self._plane.wheel.now)
        budget = self._budgets.setdefault(routed.service.name, new)
        budget.limits = routed.mirror
        return budget

    # A request arrives.

    def observe(
        self,
        target: Target,
        route: Route,
        head: RequestHead,
        body: RequestBody,
        key: bytes | None,
        peer: Sender,
    ) -> Observation:
        """Begin to notice an exchange whose version is chosen; copy it, perhaps."""
        mirror = self._mirrors.get(route)
        if (
            mirror is None
            or target is not mirror.source
            or not self._is_drawn(mirror, head)
            or not _can_be_read(route, head)
            or not self._can_afford(mirror)
        ):
            return Observation(target, route, head, body, key)
        plane = self._plane
        own = route.random_bits() if key is None else fingerprint_of(key)
        unit, now = Unit(own, 0, 0, 0), plane.wheel.now
        pair = Pair(plane.units, route.split, unit, now, mirror.books)
        seen = ClientsHalf(target, route, head, body, key, pair)
        mirror = self._judged(mirror, pair, seen)
        self._originals.append(
            Original(
                mirror=mirror,
                route=route,
                seen=seen,
                peer=peer,
                key=key,
                pair=pair,
                pieces=body.share_copy(route.json_limit),
            )
        )
        mirror.books.budget.running += 1
        plane.later(self._copy_what_is_whole)
        return seen

    def _judged(self, mirror: Mirror, pair: Pair, seen: ClientsHalf) -> Mirror:
        """Have the pair judged, where it is drawn: blind to what will become of it.

        Returns:
            By which it is mirrored: the one given, or its control.

        """
        sampler = seen.inspection.sampler
        if sampler is None:
            return mirror
        drawn = sampler.copied(pair.unit, seen.reading, seen.key)
        if drawn is None:
            return mirror
        plane = self._plane
        pair.judging = JudgedPair(plane.samples, drawn, plane.unique())
        control = mirror.control
        if (
            control is None
            or not sampler.is_compared(drawn)
            or not self._is_drawn(control, seen.head)
            or not _is_at_leisure(control.target)
        ):
            return mirror
        pair.books = control.books
        return control

    def _is_drawn(self, mirror: Mirror, head: RequestHead) -> bool:
        for tests, share in mirror.rules:
            if fit_all(tests, head.fields):
                return self._plane.dice.random() * BUCKETS < share
        return False

    def _can_afford(self, mirror: Mirror) -> bool:
        if self._plane.is_draining:
            return False
        lacking = mirror.books.budget.lacking(self._plane.wheel.now)
        if lacking is not None:
            skip(mirror, lacking)
        return lacking is None

    # Its body is whole.

    def _copy_what_is_whole(self) -> None:
        """Send copies of what is here whole; give up on what never will be."""
        originals, self._originals = self._originals, []
        for original in originals:
            if original.seen.body.is_whole:
                self._copy_or_not(original)
            elif original.pair.is_answered:
                self._give_up(original, "cut")
            else:
                self._originals.append(original)

    def _copy_or_not(self, original: Original) -> None:
        """Send a copy where requests are still copied so; a kill may have come."""
        if way_of(original.route, original.mirror) in self._ways:
            self._copy(original)
        else:
            self._give_up(original, "over")

    def _copy(self, original: Original) -> None:
        """Send a copy, if one may be made. Should that fail, no client hears of it."""
        try:
            copy = self._copy_of(original)
        except Exception as error:  # ruff: ignore[blind-except]: it is told
            self._complain("A request could not be copied.", error)
            original.pair.copied(None)
            original.mirror.books.budget.running -= 1
            skip(original.mirror, "error")
            return
        if copy is None:
            return
        self._copies[copy] = original.mirror.books.budget
        self._is_idle.clear()
        try:
            copy.start()
        except Exception as error:  # ruff: ignore[blind-except]: it is told
            self._complain("A copy of a request could not be sent.", error)
            copy.abandon(is_stopping=False)

    def _copy_of(self, original: Original) -> Copy | None:
        """Make a copy; None, with the reason counted, where there must be none."""
        seen, route = original.seen, original.route
        text = b"".join(original.pieces)
        dialect = route.inspection.dialects[seen.head.path]
        if len(text) != seen.body.received:
            self._give_up(original, "size")
            return None
        if dialect is None or not may_be_copied(dialect, text):
            self._give_up(original, "effects")
            return None
        head, body = copied_request(seen.head, text)
        mirror = original.mirror
        half = CopysHalf(mirror.target, route, head, body, original.key, original.pair)
        if half.reading is not None and seen.reading is not None:
            half.reading.is_sampled = seen.reading.is_sampled
        return Copy(self._plane, self, original.peer, route, half)

    def _give_up(self, original: Original, why: str) -> None:
        original.pair.cancel()
        original.mirror.books.budget.running -= 1
        skip(original.mirror, why)

    def copy_over(self, copy: Copy) -> None:
        """Let go of a copy whose answer is over."""
        budget = self._copies.pop(copy, None)
        if budget is not None:
            budget.running -= 1
        if not self._copies:
            self._is_idle.set()

    # Time passes.

    def sweep(self, now: float) -> None:
        """Look after originals, deadlines and answers without an end (monotonic)."""
        self._copy_what_is_whole()
        late = [*self._awaiting.overdue(now)]
        for half in late:
            self._try(partial(half.note_overdue, now, self._plane.units))
        if late:
            for copy in [copy for copy in self._copies if copy.is_late]:
                self._cut(copy)
        for copy in tuple(self._copies):
            if copy.began + LONGEST_S > now:
                return
            self._cut(copy)

    def _cut(self, copy: Copy) -> None:
        """End a copy whose half is known, or will not be: its place is for another.

        A candidate that hangs would take all places with the first few copies, and
        nobody would learn more of it.
        """
        self.copy_over(copy)
        self._try(copy.time_out)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # ruff: ignore[blind-except]: it is told
            self._complain("What was due for a copy failed.", error)

    def series(self) -> list[Series]:
        """Write down what was counted of copies."""
        return [tally.series() for tally in self._tallies.values()]

    async def drain(self, seconds: float = DRAIN_S) -> None:
        """Wait for the copies that run, for so long at most."""
        if self._copies:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._is_idle.wait()

    def abandon(self) -> None:
        """End all copies now, for the worker stops; their halves are missing."""
        for original in self._originals:
            self._give_up(original, "cut")
        self._originals = []
        for copy in tuple(self._copies):
            self._try(partial(copy.abandon, is_stopping=True))

    def _complain(self, what: str, error: Exception) -> None:
        if self._complaints.allow(self._plane.wheel.now):
            _logger.error(what, exc_info=error)


def _is_at_leisure(target: Target) -> bool:
    """Whether a second request finds room, on half of the connections that clients need."""
    return all(
        2 * (pool.outstanding + 2) <= pool.limits.connections for pool in target.pools
    )


def _can_be_read(route: Route, head: RequestHead) -> bool:
    """Whether it is a question to a model, in a dialect, of a length that is kept.

    Of anything else nobody could tell what comes of it.
    """
    return (
        head.method == _ASKING
        and head.has_body
        and head.is_json
        and (head.content_length or 0) <= route.json_limit
        and route.inspection.dialects[head.path] is not None
    )
