"""The configuration of `sluicegate serve --baseline URL`."""

import pytest

from gateway.domain.deployment import Deployment
from gateway.settings.document import two_endpoints
from gateway.settings.load import load_document
from gateway.settings.problem import RejectedDocument


def _load(candidate: str | None, weight: float) -> Deployment:
    document = two_endpoints(
        "http://127.0.0.1:9001",
        candidate,
        weight=weight,
        listen="127.0.0.1:8080",
        admin="127.0.0.1:8081",
        state="memory:",
    )
    return load_document(document, source="command line", environment={}, cores=1)


def test_two_urls_are_one_service_with_a_split() -> None:
    """As the smallest configuration file has it."""
    (service,) = _load("http://127.0.0.1:9002", 12.5).services

    assert (service.name, service.baseline, service.candidate) == ("chat", "v1", "v2")
    assert service.configured_share == 12_500


def test_one_url_is_a_service_without_a_candidate() -> None:
    """A proxy, until there is something to release."""
    (service,) = _load(None, 10.0).services

    assert (service.baseline, service.candidate) == ("v1", None)
    assert not service.configured_share


@pytest.mark.parametrize("weight", [101.0, float("nan"), -1.0])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    """The same checks as in a file."""
    with pytest.raises(
        RejectedDocument, match=r"^command line: services\.chat\.weights"
    ):
        _load("http://127.0.0.1:9002", weight)
