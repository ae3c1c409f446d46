"""What operators are shown, and what never."""

import json

import pytest

from gateway.admin.view import service_view
from gateway.analysis.sums import SlicedSum
from gateway.domain.service import Endpoint, Service, StickyKind, StickySource, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService
from gateway.state.store import Change
from gateway.telemetry.traffic import Traffic

ENDPOINT = Endpoint(url="http://me:swordfish@h:1/base?key=swordfish", host="h", port=1)
SERVICE = Service(
    name="chat",
    versions=(
        Version(name="v1", endpoints=(ENDPOINT,)),
        Version(
            name="v2",
            endpoints=(ENDPOINT,),
            set_headers=(("authorization", "swordfish"),),
            set_json=(("/key", '"swordfish"'),),
        ),
        Version(name="old", endpoints=(ENDPOINT,)),
    ),
    baseline="v1",
    candidate="v2",
    sticky=(
        StickySource(kind=StickyKind.HEADER, name="x-user-id"),
        StickySource(kind=StickyKind.CLIENT_IP),
    ),
)


FEEDBACK = SlicedSum()
FEEDBACK.add(1, 1.0, [("tenant", "b")])
FEEDBACK.add(3, 1.0, [("tenant", "a")])


def _view(traffic: Traffic) -> dict[str, object]:
    routed = RoutedService(service=SERVICE, share=Share(12_345), salt="s", revision=4)
    change = Change(by="ci", reason="why", at=0.0)
    told = {("chat", "v2"): {"thumbs_up": FEEDBACK}}
    view = service_view(
        routed,
        epoch=9,
        change=change,
        traffic=traffic,
        feedback=lambda *version: told.get(version, {}),
    )
    shown: dict[str, object] = json.loads(json.dumps(view))
    return shown


def test_a_split_is_shown_whole() -> None:
    """Versions without a role are shown with nothing."""
    view = _view(Traffic())

    assert view["weights"] == {"v1": 87.655, "v2": 12.345, "old": 0.0}
    assert (view["revision"], view["epoch"], view["salt"]) == (4, 9, "s")
    assert view["sticky"] == [{"header": "x-user-id"}, "client_ip"]
    assert view["changed"] == {
        "by": "ci",
        "reason": "why",
        "at": "1970-01-01T00:00:00.000+00:00",
    }


def test_no_secret_is_shown() -> None:
    """Not from headers, bodies or URLs."""
    view = json.dumps(_view(Traffic()))

    assert "swordfish" not in view
    assert "http://h:1/base" in view


def test_no_traffic_is_unknown_and_not_zero() -> None:
    """None, where a number would be a lie."""
    statistics = _view(Traffic())["versions"]["v1"]["statistics"]  # type: ignore[index]

    assert statistics["requests"] == 0
    assert statistics["error_rate"] is None
    assert statistics["duration_seconds"]["p99"] is None


def test_feedback_is_shown_whole_and_by_segment() -> None:
    """With its mean, for every signal there is."""
    versions = _view(Traffic())["versions"]

    assert versions["v1"]["feedback"] == {}  # type: ignore[index]
    assert versions["v2"]["feedback"] == {  # type: ignore[index]
        "thumbs_up": {
            "count": 4,
            "sum": 2.0,
            "mean": 0.5,
            "segments": {
                "tenant": {
                    "a": {"count": 3, "sum": 1.0, "mean": pytest.approx(1 / 3)},
                    "b": {"count": 1, "sum": 1.0, "mean": 1.0},
                }
            },
        }
    }


def test_errors_are_shown_as_a_share_of_all_requests() -> None:
    """Truncated answers are errors, client errors are not."""
    traffic = Traffic()
    version = traffic.of("chat", "v2")
    traffic.versions["chat", "v2"] = version
    version.outcomes.update({"complete": 6, "truncated": 1, "upstream_error": 1})
    version.outcomes.update({"client_error": 2})
    version.duration.add(10_000.0)

    statistics = _view(traffic)["versions"]["v2"]["statistics"]  # type: ignore[index]

    assert statistics["error_rate"] == pytest.approx(0.2)
    assert statistics["duration_seconds"]["p50"] < 10_000
