"""/metrics: a custom collector over the picture of one moment.

Nothing is counted here. The workers count; this only writes down, once per scrape.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Final, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.analysis.histogram import (
    BOUNDS,
    OTEL_DURATION,
    OTEL_FIRST_TOKEN,
    OTEL_PER_TOKEN,
    Histogram,
)
from gateway.domain.outcome import Failure
from gateway.telemetry import names
from gateway.telemetry.endpoints import endpoint_metrics
from gateway.telemetry.failovers import failover_metrics
from gateway.telemetry.judging import judging_metrics
from gateway.telemetry.labels import OUTCOMES, TOKENS, within
from gateway.telemetry.mirrored import mirrored_metrics
from gateway.telemetry.rollouts import rollout_metrics
from gateway.telemetry.tls import tls_metrics
from gateway.telemetry.traffic import Picture, SignalSums, VersionTraffic
from gateway.telemetry.tunnels import tunnel_metrics

K = TypeVar("K", bound=Hashable)
Version = tuple[tuple[str, str], VersionTraffic]

_FAILURES: Final = tuple(failure.value for failure in Failure)
_CODES: Final = range(100, 600)
_SHED: Final = (
    "connections",
    "connections_per_client",
    "files",
    "lag",
    "requests",
    "service",
)
_UNREAD: Final = ("answer", "event", "request", "signal")
_PINNED: Final = ("followed", "drained", "taken_back", "unknown")
_PLACE: Final = {bound: place for place, bound in enumerate(BOUNDS)}


class GatewayCollector(Collector):
    """Writes the picture of the moment of each scrape.

    Args:
        look: Gives the picture.
        version: The gateway's own.
        is_compiled: Whether its hot path is.

    """

    def __init__(
        self, look: Callable[[], Picture], *, version: str, is_compiled: bool
    ) -> None:
        self._look = look
        self._build = {"version": version, "compiled": "yes" if is_compiled else "no"}

    def collect(self) -> Iterator[Metric]:
        """Give every family (prometheus_client)."""
        picture = self._look()
        versions = [
            (labels, picture.traffic.of(*labels)) for labels in picture.percents
        ]
        yield from _exchanges(versions)
        yield from _durations(versions)
        yield from _tokens(versions)
        yield from _shortcomings(picture, versions)
        yield _pinned(versions)
        yield from tunnel_metrics(versions)
        yield from _evidence(picture)
        yield from _connections(picture, versions)
        yield from endpoint_metrics(
            picture.traffic.endpoints,
            {labels: traffic.ejections for labels, traffic in versions},
            {labels: traffic.retried for labels, traffic in versions},
        )
        yield from _signals(picture, versions)
        yield from mirrored_metrics(picture)
        yield from failover_metrics(picture)
        yield from rollout_metrics(picture.rollouts)
        yield from judging_metrics(picture.evaluators)
        yield from _gateway(picture)
        yield from tls_metrics(picture)
        yield InfoMetricFamily(
            names.BUILD.removesuffix("_info"),
            "The running gateway.",
            value=self._build,
        )


class Exposition:
    """What a scraper is sent.

    Args:
        collector: See GatewayCollector.

    """

    def __init__(self, collector: GatewayCollector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)

    def __call__(self, accept: str) -> tuple[bytes, str]:
        """Give the body and its content type, in the best format *accept* allows."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _exchanges(versions: Sequence[Version]) -> Iterator[Metric]:
    outcomes = CounterMetricFamily(
        names.REQUESTS,
        "Exchanges that reached a version, by what they turned out to be.",
        labels=("service", "version", "outcome"),
    )
    codes = CounterMetricFamily(
        names.RESPONSES,
        "Answers by the HTTP status the client was sent.",
        labels=("service", "version", "code"),
    )
    failures = CounterMetricFamily(
        names.UPSTREAM_FAILURES,
        "Exchanges an endpoint failed, by how.",
        labels=("service", "version", "kind"),
    )
    for labels, traffic in versions:
        for outcome, count in within(traffic.outcomes, OUTCOMES, fill=True):
            outcomes.add_metric([*labels, outcome], count)
        for code, count in within(traffic.codes, _CODES):
            codes.add_metric([*labels, code], count)
        for kind, count in within(traffic.failures, _FAILURES):
            failures.add_metric([*labels, kind], count)
    yield from (outcomes, codes, failures)


def _durations(versions: Sequence[Version]) -> Iterator[Metric]:
    for name, told, bounds, read in _HISTOGRAMS:
        family = HistogramMetricFamily(name, told, labels=("service", "version"))
        for labels, traffic in versions:
            histogram = read(traffic)
            family.add_metric(labels, _buckets(histogram, bounds), histogram.total)
        yield family


_HISTOGRAMS: Final[
    tuple[
        tuple[str, str, tuple[float, ...], Callable[[VersionTraffic], Histogram]], ...
    ]
] = (
    (
        names.DURATION,
        "From the request's head to the last byte of the answer.",
        OTEL_DURATION,
        attrgetter("duration"),
    ),
    (
        names.FIRST_BYTE,
        "From the request's head to the first body byte of the answer.",
        OTEL_FIRST_TOKEN,
        attrgetter("first_byte"),
    ),
    (
        names.FIRST_CONTENT,
        "From the request's head to the first content, of answers that are streams.",
        OTEL_FIRST_TOKEN,
        attrgetter("first_content"),
    ),
    (
        names.PER_OUTPUT,
        "Time for each output token after the first, by stream.",
        OTEL_PER_TOKEN,
        attrgetter("per_token"),
    ),
)


def _tokens(versions: Sequence[Version]) -> Iterator[Metric]:
    tokens = CounterMetricFamily(
        names.TOKENS,
        "Tokens as servers report them. cached_input is part of input, reasoning of"
        " output; output_estimated counts events where the server did not say.",
        labels=("service", "version", "type"),
    )
    cost = CounterMetricFamily(
        names.COST, "What tokens cost, in USD.", labels=("service", "version")
    )
    priced = CounterMetricFamily(
        names.PRICED,
        "Exchanges whose cost is known; the mean cost is that of these.",
        labels=("service", "version"),
    )
    for labels, traffic in versions:
        for kind, count in within(traffic.tokens, TOKENS):
            tokens.add_metric([*labels, kind], count)
        cost.add_metric(labels, traffic.cost)
        priced.add_metric(labels, traffic.priced)
    yield from (tokens, cost, priced)


def _shortcomings(picture: Picture, versions: Sequence[Version]) -> Iterator[Metric]:
    late = CounterMetricFamily(
        names.LATE,
        "Exchanges whose first content came after its deadline, or never.",
        labels=("service", "version"),
    )
    unread = CounterMetricFamily(
        names.UNREAD,
        "Answers, events and requests that could not be read, signals there was no"
        " time for.",
        labels=("service", "version", "what"),
    )
    for labels, traffic in versions:
        late.add_metric(labels, traffic.late)
        for what, count in within(traffic.skipped, _UNREAD, fill=True):
            unread.add_metric([*labels, what], count)
    yield from (late, unread)
    yield CounterMetricFamily(
        names.ACCESS_LOG_DROPPED,
        "Lines of the access log that could not be written.",
        value=picture.traffic.dropped["access_log"],
    )
    yield CounterMetricFamily(
        names.SPANS_DROPPED,
        "Steps of traces that did not reach the collector.",
        value=picture.traffic.dropped["span"],
    )
    yield CounterMetricFamily(
        names.EVALUATION_EVENTS_DROPPED,
        "Events of evaluations that did not reach the collector.",
        value=picture.traffic.dropped["evaluated"],
    )


def _pinned(versions: Sequence[Version]) -> Metric:
    pinned = CounterMetricFamily(
        names.PINNED,
        "Requests that a server's state decided of, or might have, by what came of it.",
        labels=("service", "version", "found"),
    )
    for labels, traffic in versions:
        for found, count in within(traffic.pinned, _PINNED, fill=True):
            pinned.add_metric([*labels, found], count)
    return pinned


def _evidence(picture: Picture) -> Iterator[Metric]:
    units = CounterMetricFamily(
        names.EVIDENCE_UNITS,
        "Units of evidence: sticky keys, once for each weight, and keyless requests.",
        labels=("service", "version"),
    )
    for labels in picture.percents:
        units.add_metric(labels, picture.units.get(labels, 0))
    age = GaugeMetricFamily(
        names.EVIDENCE_AGE, "Time since the last unit.", labels=("service",)
    )
    for service, seconds in picture.evidence_age.items():
        age.add_metric([service], seconds)
    yield from (units, age)
    yield CounterMetricFamily(
        names.OBSERVATIONS_DROPPED,
        "Records of evidence lost, in whole blocks, whatever they said.",
        value=picture.traffic.dropped["evidence"],
    )
    yield CounterMetricFamily(
        names.SAMPLES_DROPPED,
        "Exchanges to be judged that there was no room for, whatever they said.",
        value=picture.traffic.dropped["sample"],
    )


def _connections(picture: Picture, versions: Sequence[Version]) -> Iterator[Metric]:
    upstream = GaugeMetricFamily(
        names.UPSTREAM_CONNECTIONS,
        "Connections to endpoints.",
        labels=("service", "version", "state"),
    )
    for labels, traffic in versions:
        upstream.add_metric([*labels, "active"], traffic.active)
        upstream.add_metric([*labels, "idle"], traffic.idle)
    downstream = GaugeMetricFamily(
        names.DOWNSTREAM_CONNECTIONS, "Connections of clients.", labels=("worker",)
    )
    for worker, connections in sorted(picture.traffic.downstream.items()):
        downstream.add_metric([str(worker)], connections)
    yield from (upstream, downstream)


def _signals(picture: Picture, versions: Sequence[Version]) -> Iterator[Metric]:
    by = ("service", "version", "signal")
    count = CounterMetricFamily(
        names.SIGNAL, "Values of a signal, feedback included.", labels=by
    )
    total = GaugeMetricFamily(  # values may be negative, or be replaced by lower ones
        names.SIGNAL_SUM, "Sum of the values of a signal.", labels=by
    )
    for labels, traffic in versions:
        for signal, sums in sorted(_signals_of(picture, labels, traffic).items()):
            count.add_metric([*labels, signal], sums.count)
            total.add_metric([*labels, signal], sums.total)
    yield from (count, total)


def _signals_of(
    picture: Picture, labels: tuple[str, str], traffic: VersionTraffic
) -> dict[str, SignalSums]:
    """Give measured signals and feedback by label.

    A name that is not measured any more is `other`, and so is feedback under the name
    of a signal that is measured: one label never stands for two things.
    """
    service, version = labels
    measured = picture.signals.get(service, ())
    shown: dict[str, SignalSums] = {}
    for signal, sums in traffic.signals.items():
        label = signal if signal in measured else names.OTHER
        shown[label] = shown.get(label, SignalSums()).plus(sums)
    told = picture.feedback.get(service, {}).get(version, {})
    for signal, parts in told.items():
        label = names.OTHER if signal in measured else signal
        sums = SignalSums(parts.whole.count, parts.whole.total)
        shown[label] = shown.get(label, SignalSums()).plus(sums)
    return shown


def _gateway(picture: Picture) -> Iterator[Metric]:
    refused = CounterMetricFamily(
        names.REFUSED,
        "Requests the gateway refused before a version was assigned.",
        labels=("code",),
    )
    for code, count in within(picture.traffic.refused, _CODES):
        refused.add_metric([code], count)
    shed = CounterMetricFamily(
        names.SHED,
        "Of those refused: connections and requests that there was no room for.",
        labels=("reason",),
    )
    for reason in _SHED:
        shed.add_metric([reason], picture.traffic.dropped[f"shed {reason}"])
    weight = GaugeMetricFamily(
        names.WEIGHT, "Weight in force.", labels=("service", "version")
    )
    for labels, percent in picture.percents.items():
        weight.add_metric(labels, percent)
    yield from (refused, shed, weight)
    yield GaugeMetricFamily(names.WORKERS, "Workers connected.", value=picture.workers)
    yield GaugeMetricFamily(
        names.EPOCH, "Epoch of the routing table in force.", value=picture.epoch
    )


def _buckets(histogram: Histogram, bounds: Sequence[float]) -> list[tuple[str, float]]:
    reached = list(accumulate(histogram.counts))
    buckets = [(str(bound), reached[_PLACE[bound]]) for bound in bounds]
    return [*buckets, ("+Inf", reached[-1])]
