"""The table and the JSON of `sluicegate status`."""

import io

import pytest
from rich.console import Console

from gateway.cli.status import status_of, with_protection
from gateway.cli.views import AllServices, OtherLanguage, ServiceView, read


def _version(role: str, weight: float, requests: int) -> dict[str, object]:
    seen = bool(requests)
    return {
        "role": role,
        "weight": weight,
        "endpoints": ["http://127.0.0.1:9001"],
        "statistics": {
            "requests": requests,
            "error_rate": 0.0125 if seen else None,
            "duration_seconds": {
                "count": requests,
                "p50": 0.0042 if seen else None,
                "p95": 1.0 if seen else None,
                "p99": 12.345 if seen else None,
            },
        },
    }


CHAT: dict[str, object] = {
    "name": "chat",
    "weights": {"v1": 87.655, "v2": 12.345},
    "revision": 3,
    "versions": {
        "v1": _version("baseline", 87.655, 800),
        "v2": _version("candidate", 12.345, 0),
    },
}


def _rows(width: int) -> list[list[str]]:
    out = io.StringIO()
    view = read(AllServices, {"epoch": 4, "services": [CHAT]})
    Console(file=out, width=width, highlight=False).print(status_of(view.services))
    return [line.split() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 200])
def test_every_version_has_a_line_with_its_weights_and_its_answers(width: int) -> None:
    """In 80 columns too, with the widest weights there are."""
    heading, columns, baseline, candidate = _rows(width)
    assert heading == ["chat", "protection:", "off"]
    assert columns[:3] == ["version", "desired", "effective"]
    assert baseline == [
        "v1", "87.655", "%", "87.655", "%",
        "800", "1.25", "%", "4.2", "ms", "12.3", "s",
    ]  # fmt: skip
    assert candidate == ["v2", "12.345", "%", "12.345", "%", "0", "-", "-", "-"]


def test_a_machine_gets_all_that_the_gateway_says() -> None:
    """And the word for what protects each service."""
    everything = with_protection({"epoch": 4, "services": [CHAT]})
    assert everything == {"epoch": 4, "services": [{**CHAT, "protection": "off"}]}
    assert with_protection(CHAT) == {**CHAT, "protection": "off"}


def test_an_answer_of_another_shape_is_refused_with_its_place() -> None:
    """A newer gateway must not be shown wrongly."""
    with pytest.raises(OtherLanguage, match=r"revision.*sluicegate"):
        read(ServiceView, {**CHAT, "revision": "three"})
