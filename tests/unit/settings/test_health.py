"""What decides whether an endpoint is asked, as it is written and as it is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.deployment import Deployment
from gateway.domain.health import EndpointCare, HealthCheck, OutlierDetection

V1 = "services.chat.versions.v1"
Write = Callable[[str, str], dict[str, Any]]


def care_of(deployment: Deployment) -> EndpointCare:
    return deployment.services[0].versions[0].care


def test_who_says_nothing_gets_ejection_and_no_checks(
    written: Write, load: Callable[[dict[str, Any]], Deployment]
) -> None:
    care = care_of(load(written("version", "host: keep")))

    assert care == EndpointCare()
    assert care.health is None
    assert care.outlier_detection == OutlierDetection()


def test_everything_said_is_read(
    written: Write, load: Callable[[dict[str, Any]], Deployment]
) -> None:
    text = """
      health: {path: /health, interval: 1s, timeout: 500ms, healthy_threshold: 1,
               unhealthy_threshold: 4, expected_statuses: [200, 204]}
      outlier_detection: {consecutive_failures: 3, base_ejection_time: 10s,
                          max_ejection_time: 1m, max_ejection_percent: 30}
      slow_start: 0
      resolve: 5s
    """

    assert care_of(load(written("version", text))) == EndpointCare(
        health=HealthCheck(
            path="/health",
            interval=1.0,  # type: ignore[arg-type]
            timeout=0.5,  # type: ignore[arg-type]
            healthy_threshold=1,
            unhealthy_threshold=4,
            expected_statuses=(200, 204),
        ),
        outlier_detection=OutlierDetection(
            consecutive_failures=3,
            base_ejection_time=10.0,  # type: ignore[arg-type]
            max_ejection_time=60.0,  # type: ignore[arg-type]
            max_ejection_percent=30,
        ),
        slow_start=0.0,  # type: ignore[arg-type]
        resolve=5.0,  # type: ignore[arg-type]
    )


def test_ejection_can_be_switched_off(
    written: Write, load: Callable[[dict[str, Any]], Deployment]
) -> None:
    text = "outlier_detection: 'off'"

    assert care_of(load(written("version", text))).outlier_detection is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("health: {}", "health.path"),
        ("health: {path: health}", "health.path"),
        ("health: {path: /h, unhealthy_threshold: 0}", "health.unhealthy_threshold"),
        ("health: {path: /h, expected_statuses: [99]}", "health.expected_statuses[0]"),
        ("health: {path: /h, interval: 0}", "health.interval"),
        ("outlier_detection: 5", "outlier_detection"),
        ("outlier_detection: {max_ejection_percent: 101}", "outlier_detection.max_"),
        ("outlier_detection: {max_ejection_time: 1s}", "outlier_detection"),
        ("resolve: 0", "resolve"),
        ("slow_start: -1", "slow_start"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    written: Write, lines: Callable[[dict[str, Any]], list[str]], text: str, place: str
) -> None:
    found = lines(written("version", text))

    assert len(found) == 1
    assert found[0].startswith(f"{V1}.{place}")


@pytest.mark.parametrize(
    ("expected", "status", "is_good"),
    [
        ((), 200, True),
        ((), 204, True),
        ((), 301, False),
        ((), 503, False),
        ((301,), 301, True),
        ((204,), 200, False),
    ],
)
def test_a_good_answer_is_what_was_said_to_be_one(
    expected: tuple[int, ...], status: int, is_good: bool
) -> None:
    check = HealthCheck(path="/health", expected_statuses=expected)

    assert check.likes(status) is is_good
