"""The exposition keeps its names, counts exactly, and is bounded."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from gateway.analysis.histogram import OTEL_DURATION
from gateway.analysis.sums import SlicedSum
from gateway.telemetry.endpoints import EndpointSeen
from gateway.telemetry.prometheus import Exposition, GatewayCollector
from gateway.telemetry.traffic import Picture, SignalSums, Traffic, VersionTraffic


def _scrape(traffic: Traffic) -> list[str]:
    stars = SlicedSum()
    stars.add(2, -0.5, ())
    picture = Picture(
        traffic=traffic,
        percents={("chat", "v1"): 99.5},
        workers=2,
        epoch=7,
        feedback={
            "chat": {"v1": {"stars": stars, "empty": stars}, "gone": {"stars": stars}}
        },
        signals={"chat": ("refusal", "empty")},
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
    version.first_content.add(0.06)
    for seconds in (0.025, 0.026, 3.0):
        version.per_token.add(seconds)
    version.tokens.update({"input": 7, "output": 5, "thoughts": 4})
    version.cost = 0.125
    version.skipped.update({"event": 2})
    version.late = 3
    version.signals = {
        "refusal": SignalSums(5, 2.0, 2.0),
        "forgotten": SignalSums(3, 1.5, 1.0),
    }
    traffic.dropped.update({"access_log": 6})
    return traffic


def test_copies_have_names_of_their_own() -> None:
    """Their cost is no cost of the candidate's traffic."""
    traffic = _traffic()
    traffic.mirrored["chat", "v1"] = VersionTraffic(cost=0.5)
    traffic.mirrored["chat", "v1"].outcomes.update({"complete": 4})
    traffic.mirrored["chat", "v1"].skipped.update({"tokens": 2, "lost": 3})
    traffic.mirrored["gone", "v1"] = VersionTraffic(cost=9.0)

    lines = _scrape(traffic)

    of = 'service="chat",version="v1"'
    for line in (
        f'sluicegate_mirrored_requests_total{{outcome="complete",{of}}} 4.0',
        f"sluicegate_mirrored_cost_usd_total{{{of}}} 0.5",
        f'sluicegate_mirrored_skipped_total{{{of},why="tokens"}} 2.0',
        f'sluicegate_mirrored_lost_total{{{of},why="lost"}} 3.0',
        f"sluicegate_cost_usd_total{{{of}}} 0.125",
    ):
        assert line in lines
    assert not any("gone" in line for line in lines)


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
        'sluicegate_requests_total{outcome="degenerate",service="chat",version="v1"} 0.0',
        'sluicegate_time_to_first_token_seconds_bucket{le="0.06",service="chat",version="v1"} 1.0',
        'sluicegate_time_per_output_token_seconds_bucket{le="0.025",service="chat",version="v1"} 1.0',
        'sluicegate_time_per_output_token_seconds_bucket{le="2.5",service="chat",version="v1"} 2.0',
        'sluicegate_time_per_output_token_seconds_count{service="chat",version="v1"} 3.0',
        'sluicegate_tokens_total{service="chat",type="input",version="v1"} 7.0',
        'sluicegate_cost_usd_total{service="chat",version="v1"} 0.125',
        'sluicegate_unread_total{service="chat",version="v1",what="event"} 2.0',
        'sluicegate_unread_total{service="chat",version="v1",what="answer"} 0.0',
        'sluicegate_first_token_late_total{service="chat",version="v1"} 3.0',
        'sluicegate_signal_total{service="chat",signal="refusal",version="v1"} 5.0',
        'sluicegate_signal_sum{service="chat",signal="refusal",version="v1"} 2.0',
        "sluicegate_access_log_dropped_total 6.0",
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
    values = [line.rpartition(" ")[2] for line in other if "signal" not in line]
    assert values == ["2.0", "2.0", "4.0"]


def test_one_label_never_stands_for_a_measured_signal_and_for_feedback() -> None:
    """Feedback under a measured signal's name is other, with signals of the past."""
    name = "sluicegate_signal_total"
    lines = [line for line in _scrape(_traffic()) if line.startswith(f"{name}{{")]

    counts = {_label(line, "signal"): float(line.split()[-1]) for line in lines}
    assert len(lines) == len(counts)
    assert counts == {"refusal": 5.0, "stars": 2.0, "other": 5.0}


def _label(line: str, name: str) -> str:
    return line.partition(f'{name}="')[2].partition('"')[0]


def test_prometheus_reads_what_it_is_sent() -> None:
    """Each series once, in families that its own parser knows."""
    families = list(text_string_to_metric_families("\n".join(_scrape(_traffic()))))

    series = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]
    assert len(series) == len(set(series))
    assert {"sluicegate_tokens", "sluicegate_cost_usd"} <= {f.name for f in families}


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


def test_endpoints_are_counted_by_state_and_by_why_they_were_left_out() -> None:
    """A worker alone may have left one out; its address is no label."""
    traffic = _traffic()
    traffic.of("chat", "v1").ejections.update({"unreachable": 2, "nonsense": 1})
    traffic.of("chat", "v1").retried = 7
    traffic.endpoints["chat", "v1"] = [
        EndpointSeen(url="http://a", address="10.0.0.1", states=Counter(up=2)),
        EndpointSeen(
            url="http://a", address="10.0.0.2", states=Counter(up=1, ejected=1)
        ),
    ]
    traffic.endpoints["gone", "v1"] = traffic.endpoints["chat", "v1"]

    families = text_string_to_metric_families("\n".join(_scrape(traffic)) + "\n")
    shown = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("sluicegate_endpoint")
    }

    states = {"up": 1, "warming": 0, "ejected": 1, "down": 0}
    reasons = {"unreachable": 2, "failures": 0, "health_check": 0, "other": 1}
    retries = shown.pop(("sluicegate_endpoint_retries_total", "chat", "v1"))
    assert retries == 7
    assert shown == {
        (name, *sorted(("chat", "v1", what))): number
        for name, numbers in (
            ("sluicegate_endpoints", states),
            ("sluicegate_endpoint_ejections_total", reasons),
        )
        for what, number in numbers.items()
    }
