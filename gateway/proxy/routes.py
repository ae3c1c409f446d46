"""The routing table made ready for the hot path: bytes, pools and tallies in place.

Built anew for every table; pools and tallies live on under their names, so that a
change of weights touches no connection and no count.
"""

from collections.abc import Callable, Iterable
from random import Random
from time import monotonic

from gateway.answers.segments import code_of
from gateway.domain.errors import Refused
from gateway.domain.service import HostRule, Version
from gateway.domain.ticket_key import TicketKey
from gateway.domain.units import BUCKETS
from gateway.flags.bucket import bucket_of
from gateway.handoff.routing_table import RoutedService
from gateway.handoff.ticket import TicketMaker, route_code
from gateway.proxy.awaiting import Awaiting
from gateway.proxy.guard import Guard
from gateway.proxy.inspection import Inspection
from gateway.proxy.load import Load
from gateway.proxy.pins import Pins
from gateway.proxy.pool import Pool
from gateway.proxy.standby import Standby
from gateway.proxy.standing import pick
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.proxy.units import Split
from gateway.routing.headers import fit_all, header_tests
from gateway.routing.json_pointer import split_pointer
from gateway.routing.match import fits_path
from gateway.routing.split import is_candidate, lane_of, lane_salt
from gateway.routing.sticky import StickyPlan
from gateway.wire.forwarded import is_within, parse_networks
from gateway.wire.request_head import RequestHead


class Target:
    """A version, ready to be sent to.

    Attributes:
        version: Its definition.
        tally: Its running totals.
        pools: One per endpoint.
        keeps_host: Whether the endpoint is told the Host the client asked for.
        set_lines: Header lines that replace the client's.
        set_names: Their lower-case names.
        set_json: (steps, JSON text) pairs to be set in the body.
        answer_lines: Header lines added to its answers.
        price: Of its tokens; None when it has none.
        awaiting: Those that are running, where there is a deadline; None: there is none.
        first_content_due: Seconds after which its first content is late; None: never.
        standby: Lets the baseline answer for it; None: nobody does.
        ticket: Makes request ids; None where nobody could read them.
        tracing: Makes its requests steps of traces.

    """

    __slots__ = (
        "_dice",
        "answer_lines",
        "awaiting",
        "first_content_due",
        "keeps_host",
        "pools",
        "price",
        "rewrites",
        "set_json",
        "set_lines",
        "set_names",
        "standby",
        "tally",
        "ticket",
        "tracing",
        "version",
    )

    def __init__(
        self, routed: RoutedService, version: Version, tally: Tally, tracing: Tracing
    ) -> None:
        self.version = version
        self.tracing = tracing
        self.tally = tally
        self.pools: tuple[Pool, ...] = ()
        self._dice = tracing.dice
        self.keeps_host = version.host is HostRule.KEEP
        self.set_lines = b"".join(
            f"{name}: {value}\r\n".encode() for name, value in version.set_headers
        )
        self.set_names = frozenset(
            name.lower().encode() for name, _value in version.set_headers
        )
        self.set_json = tuple(
            (split_pointer(pointer), text.encode())
            for pointer, text in version.set_json
        )
        self.rewrites = version.path_rewrite is not None or any(
            endpoint.base_path for endpoint in version.endpoints
        )
        self.price = version.price
        self.first_content_due = due = version.deadlines.first_token
        self.awaiting = None if due is None else Awaiting(due)
        self.ticket: TicketMaker | None = None
        self.standby: Standby | None = None
        shown = routed.service.expose
        self.answer_lines = (
            f"x-sluicegate-version: {version.name}\r\n".encode() if shown else b""
        )

    @property
    def names_endpoint(self) -> bool:
        """Whether a request's head depends on the endpoint it goes to."""
        return self.rewrites or not self.keeps_host

    def pool(self) -> Pool:
        """Pick one of several endpoints: the less busy of two random ones."""
        pools, random = self.pools, self._dice.random
        count = len(pools)
        one = pools[int(random() * count)]
        other = pools[int(random() * (count - 1))]
        if other is one:  # it stands for the last, which could not be picked
            other = pools[-1]
        if one.is_suspect or other.is_suspect:
            return pick(pools, random, monotonic())
        return one if one.outstanding <= other.outstanding else other

    @staticmethod
    def host_of(pool: Pool) -> bytes:
        """Give the endpoint's own Host."""
        endpoint = pool.endpoint
        name = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        usual = endpoint.port == (443 if endpoint.tls else 80)
        return (name if usual else f"{name}:{endpoint.port}").encode()

    def path_for(self, pool: Pool, target: bytes) -> bytes:
        """Give the request target the endpoint is asked for."""
        rewrite = self.version.path_rewrite
        if rewrite is not None and target.startswith(rewrite.old.encode()):
            target = rewrite.new.encode() + target[len(rewrite.old.encode()) :]
        if target == b"*":  # OPTIONS about the server itself (RFC 9110 section 9.3.7)
            return target
        return pool.endpoint.base_path.encode() + target


class Route:
    """A service, or a lane of one, ready to choose a version for a request.

    Attributes:
        lanes: All of the service, of which any is asked for; none: it has no lanes.
        load: What runs of the service, all lanes together.
        covering: The baseline as it answers for a candidate that failed; None: it does not.
        diverted: The baseline as it gets what the guard diverts.
        guard: Of the candidate; None: there is none.
        is_tossing: Whether a coin decides between the two.

    """

    __slots__ = (
        "_by_header",
        "_dice",
        "_lane_salt",
        "_override",
        "_override_senders",
        "_prefixes",
        "_salt",
        "_share",
        "_targets",
        "_unsplit",
        "baseline",
        "candidate",
        "cookie",
        "covering",
        "diverted",
        "guard",
        "inspection",
        "is_tossing",
        "json_limit",
        "lanes",
        "load",
        "may_repeat",
        "pins",
        "service",
        "split",
        "sticky",
        "upgrades",
    )

    def __init__(
        self, routed: RoutedService, targets: dict[str, Target], dice: Random
    ) -> None:
        service = routed.service
        self.service = service
        self._targets = targets
        self.baseline = targets[service.baseline]
        self.candidate = targets.get(service.candidate or "")
        self._share = routed.share
        self._salt = routed.salt.encode()
        self._dice = dice
        self._lane_salt = lane_salt(service.known_as)
        self.lanes: tuple[Route, ...] = ()
        self.sticky = StickyPlan(service.sticky)
        self.cookie = self.sticky.cookie or b""
        self.json_limit = service.json_limit
        self.may_repeat = service.repeat
        self.upgrades = frozenset(each.encode() for each in service.upgrades)
        self.inspection = Inspection(service, dice.random)
        self.split = _split_of(routed, self.inspection.names)
        self.is_tossing = self.split.is_coin
        self.pins: Pins | None = None
        self.load = Load()
        self.guard: Guard | None = None
        self.covering: Target | None = None
        self.diverted: Target | None = None
        self._by_header = tuple(
            header_tests(rule.match) for rule in routed.header_routes if rule.match
        )
        self._unsplit = service.unsplit
        self._prefixes = tuple(p.encode() for p in service.unsplit)
        override = service.override
        self._override = None if override is None else override.header.encode()
        self._override_senders = parse_networks(
            () if override is None else override.senders
        )

    def fixed_target(
        self, head: RequestHead, client: Callable[[RequestHead], str]
    ) -> Target | None:
        """Give the version that no key decides.

        That is the one an override names; the only one; the baseline, where a path is
        not split; and the candidate, where the headers say so.

        Args:
            head: The request.
            client: Gives the client's address, asked for only when needed.

        Raises:
            Refused: An override names no version.

        """
        if self._override is not None and self._override in head.fields:
            named = self._overridden(head, head.fields[self._override], client)
            if named is not None:
                return named
        if self.candidate is None and not self.lanes:
            return self.baseline
        # Nearly every path is told apart by the prefixes alone, without decoding.
        if head.path.startswith(self._prefixes) and self._is_unsplit(head.path):
            return self.baseline
        if self._by_header and self._goes_by_header(head):
            return self.candidate
        return None

    def is_overridden(
        self, head: RequestHead, client: Callable[[RequestHead], str]
    ) -> bool:
        """Whether the request has an override, from somebody who may."""
        if self._override is None or self._override not in head.fields:
            return False
        return is_within(client(head), self._override_senders)

    def named(self, version: str) -> Target:
        """Give a version of the service, ready to be sent to."""
        return self._targets[version]

    def targets(self) -> Iterable[Target]:
        """Give the versions, ready to be sent to."""
        return self._targets.values()

    def issue_tickets(self, key: TicketKey) -> None:
        """Give the targets what makes their request ids."""
        epoch = self.split.revision
        segments = self.split.segments
        for name, target in self._targets.items():
            route = route_code(self.service.name, name)
            target.ticket = TicketMaker(
                key, route=route, segments=segments, epoch=epoch
            )

    def bucket(self, key: bytes) -> int:
        """Give the bucket a key lands in."""
        return bucket_of(self._salt + key)

    def random_bits(self) -> int:
        """Give 64 bits for a request that has no key."""
        return self._dice.getrandbits(64)

    def key_for_cookie(self, head: RequestHead) -> bytes | None:
        """Make a key to be issued as a cookie; None when none is to be issued."""
        if not self.cookie or not _is_browser(head):
            return None
        return b"%032x" % self._dice.getrandbits(128)

    def in_lane(self, key: bytes | None) -> "Route":
        """Give the lane of *key*, where there are lanes; without a key, one by dice."""
        lanes = self.lanes
        if key is None:
            return lanes[self._dice.randrange(len(lanes))]
        return lanes[lane_of(self._lane_salt, key, len(lanes))]

    def target_for(self, key: bytes | None) -> Target:
        """Give the version of *key*; without a key, of a fresh coin."""
        if self.candidate is None:
            return self.baseline
        if key is None:
            mine = self._dice.randrange(BUCKETS) < self._share
        else:
            mine = is_candidate(self._salt, key, self._share)
        return self.candidate if mine else self.baseline

    def directed(self, target: Target, now: float) -> tuple[Target, bool]:
        """Say where a request goes while the guard diverts, and whether it is evidence.

        That is decided before it is tossed for, and so for both versions alike: while the
        candidate is tried, until a request has come that is its.

        Args:
            target: Where it would go.
            now: Monotonic clock, seconds.

        """
        guard, diverted = self.guard, self.diverted
        if guard is None or diverted is None:
            return target, True
        is_open = guard.is_open(now)
        if target is not self.candidate:
            return target, is_open
        if is_open:
            guard.try_it(now)
            return target, True
        target.tally.diverted += 1
        return diverted, False

    def _goes_by_header(self, head: RequestHead) -> bool:
        return any(fit_all(tests, head.fields) for tests in self._by_header)

    def _is_unsplit(self, path: bytes) -> bool:
        return fits_path(path.decode("latin-1"), self._unsplit)

    def _overridden(
        self, head: RequestHead, value: bytes, client: Callable[[RequestHead], str]
    ) -> Target | None:
        if not is_within(client(head), self._override_senders):
            return None
        name = value.decode("latin-1").strip()
        target = self._targets.get(name)
        if target is None:
            raise Refused(
                400,
                f"The override names the version '{name[:64]}', which does not exist.",
                remedy=f"Name one of: {', '.join(self._targets)}.",
            )
        return target


def _split_of(routed: RoutedService, names: tuple[str, ...]) -> Split:
    service = routed.service
    return Split(
        service=service.name,
        revision=routed.revision,
        versions=(service.baseline, service.candidate or ""),
        share=routed.share,
        names=names,
        segments=code_of(service.segments),
        window=routed.window,
        washout=routed.washout,
    )


def _is_browser(head: RequestHead) -> bool:
    agent = head.fields.get(b"user-agent", b"")
    return b"sec-fetch-mode" in head.fields or agent.startswith(b"Mozilla/")
