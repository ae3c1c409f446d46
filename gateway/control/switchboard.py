"""The switchboard: every message from a worker reaches who needs it."""

from collections.abc import Callable

from gateway.control.aggregate import Aggregate
from gateway.control.publish import Publisher
from gateway.control.unharmed import unharmed
from gateway.domain.span import Span
from gateway.handoff.evidence import Evidence
from gateway.handoff.link import Applied, Hello, Link, Message, Publish, Spans
from gateway.handoff.observations import Observations
from gateway.handoff.samples import Samples


class Switchboard:
    """Takes what the workers' links bring.

    Args:
        publisher: Told who is there and what is in force.
        aggregate: Given what was seen.
        hear: Given what may be evidence.
        record: Given the steps of traces.
        judge: Given what was sampled for the evaluators.

    """

    def __init__(
        self,
        publisher: Publisher,
        aggregate: Aggregate,
        hear: Callable[[Evidence], None],
        record: Callable[[list[Span]], None],
        judge: Callable[[Samples], None],
    ) -> None:
        self._record = record
        self._judge = judge
        self._publisher = publisher
        self._aggregate = aggregate
        self._hear_evidence = hear
        self._links: set[Link] = set()

    def made(self, link: Link) -> None:
        """Note that somebody connected."""
        self._links.add(link)

    def received(self, link: Link, message: Message) -> None:
        """Hand on one message; all but a hello are nothing before the hello."""
        with unharmed("Taking a worker's message"):
            self._take(link, message)

    def _take(self, link: Link, message: Message) -> None:
        match message:
            case Hello():
                self._publisher.welcome(link, message)
                self._aggregate.welcome(message.worker, message.pid)
            case Applied():
                self._publisher.applied(link, message.epoch)
            case Publish():
                link.close()  # no worker may say this
            case _ if self._publisher.seat(link) is not None:
                self._hear(message)

    def _hear(self, message: Observations | Evidence | Spans | Samples) -> None:
        """Hand on what a worker has noticed."""
        match message:
            case Observations():
                self._aggregate.take(message)
            case Evidence():
                self._hear_evidence(message)
            case Spans():
                self._record(message.spans)
            case Samples():
                self._judge(message)

    def lost(self, link: Link) -> None:
        """Note that a link is gone."""
        self._links.discard(link)
        with unharmed("Letting go of a worker's link"):
            if (seat := self._publisher.lost(link)) is not None:
                self._aggregate.lost(seat.worker, seat.pid)

    def close(self) -> None:
        """Close every link."""
        for link in self._links:
            link.close()
