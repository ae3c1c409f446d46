"""What an operator is told before acting."""

from collections import Counter
from dataclasses import replace

from gateway.analysis.histogram import Histogram
from gateway.control.notes import baseline_health, outlook_of
from gateway.domain.rollout import AnalysisPlan, MetricRule, RolloutPlan
from gateway.domain.service import Endpoint, Service, Version
from gateway.telemetry.traffic import VersionTraffic


def version(name: str) -> Version:
    return Version(name=name, endpoints=(Endpoint(url="http://h:1", host="h", port=1),))


CHAT = Service(
    name="chat",
    versions=(version("v1"), version("v2")),
    baseline="v1",
    candidate="v2",
    rollout=RolloutPlan(),
)


def traffic(**outcomes: int) -> VersionTraffic:
    return VersionTraffic(outcomes=Counter(outcomes), duration=Histogram())


def test_who_kills_hears_how_the_baseline_does_and_of_the_other_way_out() -> None:
    said = baseline_health("v1", traffic(complete=950, upstream_error=50))

    assert "1000 requests with 5.00% errors" in said
    assert "promote --full" in said


def test_who_kills_hears_that_nobody_has_asked_the_baseline() -> None:
    assert "not known" in baseline_health("v1", traffic())


def test_who_starts_hears_how_long_proof_takes_with_the_traffic_there_was() -> None:
    first, second, *_ = outlook_of(CHAT, traffic(complete=36_000), 3600.0)

    assert "36,000 requests an hour" in first
    assert second.startswith("An equal v2 reaches 100 % after about")


def test_the_errors_that_came_are_what_is_reckoned_with() -> None:
    alone = AnalysisPlan(metrics=(MetricRule(signal="error_rate"),))
    service = replace(CHAT, rollout=RolloutPlan(analysis=alone))

    def told(errors: int) -> str:
        seen = traffic(complete=36_000 - errors, upstream_error=errors)
        return "\n".join(outlook_of(service, seen, 3600.0))

    assert told(36) != told(3_600)


def test_little_traffic_foretells_no_time() -> None:
    said = list(outlook_of(CHAT, traffic(complete=3), 3600.0))

    assert "an hour" not in said[0]
    assert said
