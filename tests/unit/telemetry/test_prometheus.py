"""The exposition keeps its names, counts exactly, and is bounded."""

from gateway.analysis.histogram import OTEL_DURATION
from gateway.analysis.sums import SlicedSum
from gateway.telemetry.prometheus import Exposition, GatewayCollector
from gateway.telemetry.traffic import Picture, Traffic


def _scrape(traffic: Traffic) -> list[str]:
    stars = SlicedSum()
    stars.add(2, -0.5, ())
    picture = Picture(
        traffic=traffic,
        percents={("chat", "v1"): 99.5},
        workers=2,
        epoch=7,
        feedback={"chat": {"v1": {"stars": stars}, "gone": {"stars": stars}}},
    )
    collector = GatewayCollector(lambda: picture, version="1.2.3", is_compiled=True)
    body, _ = Exposition(collector)("")
    return body.decode().splitlines()


def _traffic() -> Traffic:
    traffic = Traffic()
    version = traffic.of("chat", "v1")
    traffic.versions["chat", "v1"] = version
    version.outcomes.update({"complete": 3, "nonsense": 2})
    version.codes.update({200: 3, 999: 1, 7: 1})
    version.failures.update({"connect": 1})
    for seconds in (0.01, 0.02, 0.5, 100.0):
        version.duration.add(seconds)
    return traffic


def test_the_names_are_the_promised_ones() -> None:
    """Other people's dashboards depend on them."""
    lines = _scrape(_traffic())

    for line in (
        'sluicegate_requests_total{outcome="complete",service="chat",version="v1"} 3.0',
        'sluicegate_requests_total{outcome="truncated",service="chat",version="v1"} 0.0',
        'sluicegate_responses_total{code="200",service="chat",version="v1"} 3.0',
        'sluicegate_upstream_failures_total{kind="connect",service="chat",version="v1"} 1.0',
        'sluicegate_weight_percent{service="chat",version="v1"} 99.5',
        'sluicegate_signal_total{service="chat",signal="stars",version="v1"} 2.0',
        'sluicegate_signal_sum{service="chat",signal="stars",version="v1"} -0.5',
        "sluicegate_workers 2.0",
        "sluicegate_routing_epoch 7.0",
        'sluicegate_build_info{compiled="yes",version="1.2.3"} 1.0',
    ):
        assert _sorted(line) in {_sorted(found) for found in lines}


def _sorted(line: str) -> str:
    name, _, rest = line.partition("{")
    labels, _, value = rest.partition("}")
    return f"{name}{sorted(labels.split(','))}{value}"


def test_values_outside_their_set_are_other() -> None:
    """Nobody can blow up the number of series."""
    lines = _scrape(_traffic())

    other = [line for line in lines if '"other"' in line]
    assert [line.rpartition(" ")[2] for line in other] == ["2.0", "2.0"]


def test_buckets_are_counted_at_the_promised_bounds() -> None:
    """The OpenTelemetry bounds, and +Inf."""
    name = "sluicegate_request_duration_seconds_bucket"
    lines = [line for line in _scrape(_traffic()) if line.startswith(name)]

    counts = [float(line.rpartition(" ")[2]) for line in lines]
    assert len(lines) == len(OTEL_DURATION) + 1
    assert counts[:3] == [1.0, 2.0, 2.0]
    assert counts[-2:] == [3.0, 4.0]


def test_a_version_that_is_not_configured_is_not_shown() -> None:
    """Label values come from the configuration only."""
    traffic = _traffic()
    traffic.versions["chat", "gone"] = traffic.versions["chat", "v1"]

    assert not any("gone" in line for line in _scrape(traffic))
