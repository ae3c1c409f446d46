"""Running totals of one version in this worker: a few integer adds per exchange."""

from gateway.analysis.histogram import Histogram
from gateway.domain.outcome import Failure, Outcome
from gateway.handoff.observations import Series


class Tally:
    """What this worker has seen of one version of one service since it started.

    Kept by name across routing tables.
    """

    __slots__ = (
        "codes",
        "duration",
        "failures",
        "first_byte",
        "in_flight",
        "outcomes",
        "service",
        "version",
    )

    def __init__(self, service: str, version: str) -> None:
        self.service = service
        self.version = version
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.codes: dict[int, int] = {}
        self.failures: dict[Failure, int] = {}
        self.duration = Histogram()
        self.first_byte = Histogram()
        self.in_flight = 0

    def fail(self, failure: Failure) -> None:
        """Count why an endpoint's answer was none or not whole."""
        self.failures[failure] = self.failures.get(failure, 0) + 1

    def end(self, outcome: Outcome, status: int | None, duration: float) -> None:
        """Count a running exchange as over.

        Args:
            outcome: What it turned out to be.
            status: What the client was sent; None when it left before.
            duration: Seconds, from the head's arrival to the last byte handed over.

        """
        self.in_flight -= 1
        self.outcomes[outcome] += 1
        self.duration.add(duration)
        if status is not None:
            self.codes[status] = self.codes.get(status, 0) + 1

    def series(self) -> Series:
        """Write the totals for the link; the caller adds the connections."""
        return Series(
            service=self.service,
            version=self.version,
            outcomes={o.value: n for o, n in self.outcomes.items()},
            codes=dict(self.codes),
            failures={f.value: n for f, n in self.failures.items()},
            duration=list(self.duration.counts),
            duration_sum=self.duration.total,
            first_byte=list(self.first_byte.counts),
            first_byte_sum=self.first_byte.total,
            in_flight=self.in_flight,
        )
