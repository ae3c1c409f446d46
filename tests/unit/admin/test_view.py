"""What operators are shown, and what never."""

import json
from typing import Any
from unittest.mock import ANY

import pytest

from gateway.admin.statistics import by_segment, statistics
from gateway.admin.view import service_view
from gateway.analysis.sums import SlicedSum
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import Endpoint, Service, StickyKind, StickySource, Version
from gateway.domain.units import Share
from gateway.handoff.routing_table import RoutedService
from gateway.state.store import Change
from gateway.telemetry.traffic import SignalSums, Traffic, VersionTraffic

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


class _Counted:
    """Evidence of v2 only."""

    def units(self, service: str, version: str) -> int:
        return 7 if (service, version) == ("chat", "v2") else 0

    def pairs(self, service: str, _version: str) -> int:
        return 4 if service == "chat" else 0

    def age(self, service: str) -> float | None:
        return 1.5 if service == "chat" else None


def _view(traffic: Traffic) -> dict[str, object]:
    routed = RoutedService(service=SERVICE, share=Share(12_345), salt="s", revision=4)
    change = Change(by="ci", reason="why", at=0.0)
    told = {("chat", "v2"): {"thumbs_up": FEEDBACK}}
    view = service_view(
        [routed],
        epoch=9,
        change=change,
        traffic=traffic,
        feedback=lambda *version: told.get(version, {}),
        evidence=_Counted(),
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


def test_evidence_is_shown_by_version_with_its_age() -> None:
    """None of it is a zero: a version that gets no keys has no evidence."""
    view = _view(Traffic())
    versions = view["versions"]

    assert view["evidence_age_seconds"] == pytest.approx(1.5)
    assert versions["v1"]["evidence"] == {"units": 0, "pairs": 4}  # type: ignore[index]
    assert versions["v2"]["evidence"] == {"units": 7, "pairs": 4}  # type: ignore[index]


def _statistics(version: VersionTraffic) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(json.dumps(statistics(version)))
    return shown


def test_rates_are_shares_of_all_requests() -> None:
    """Of those too whose client erred or left: nothing leaves the denominator."""
    version = VersionTraffic()
    version.outcomes.update({"complete": 2, "truncated": 1, "upstream_error": 1})
    version.outcomes.update({"client_error": 2, "client_cancelled": 1, "refused": 1})
    version.outcomes.update({"length": 1, "invalid": 1})
    version.duration.add(10_000.0)

    shown = _statistics(version)

    assert shown["error_rate"] == pytest.approx(0.3)
    assert shown["client_error_rate"] == pytest.approx(0.2)
    assert shown["cancel_rate"] == pytest.approx(0.1)
    assert shown["refused_rate"] == shown["length_rate"] == pytest.approx(0.1)
    assert not shown["content_filter_rate"] + shown["degenerate_rate"]
    assert shown["duration_seconds"]["p50"] < 10_000


def test_what_was_read_in_answers_is_shown() -> None:
    """Times, tokens, their cost, signals, and what could not be read."""
    version = VersionTraffic()
    version.first_content.add(0.2)
    for seconds in (0.01, 0.03):
        version.per_token.add(seconds)
    version.tokens.update({"input": 10, "output": 20})
    version.cost, version.priced = 0.5, 4
    version.signals = {
        "refusal": SignalSums(4, 1.0, 1.0),
        "output_length": SignalSums(1, 7.0, 49.0),
    }
    version.skipped.update({"event": 1})
    version.late = 2

    shown = _statistics(version)

    assert shown["time_to_first_token_seconds"]["p50"] == pytest.approx(0.2, rel=0.11)
    assert shown["time_per_output_token_seconds"]["mean"] == pytest.approx(0.02)
    assert shown["tokens_per_second"] == pytest.approx(50)
    assert shown["tokens"] == {"input": 10, "output": 20}
    assert shown["cost_usd"] == pytest.approx(0.5)
    assert shown["cost_per_request_usd"] == pytest.approx(0.125)
    assert shown["signals"] == {
        "output_length": {"count": 1, "mean": 7.0, "sd": None},
        "refusal": {"count": 4, "mean": 0.25, "sd": pytest.approx(0.5)},
    }
    assert (shown["skipped"], shown["late"]) == ({"event": 1}, 2)
    assert _statistics(VersionTraffic())["tokens_per_second"] is None
    assert _statistics(VersionTraffic())["cost_per_request_usd"] is None


def test_nothing_is_said_of_segments_where_nobody_added_their_slices_up() -> None:
    """So does the list of services: there may be many."""
    versions: Any = _view(Traffic())["versions"]

    assert all("segments" not in version for version in versions.values())


def test_the_slices_of_segments_that_are_defined_are_shown_in_short() -> None:
    """Not those of segments and values that are none any more."""
    tenant = Segment(name="tenant", by=SegmentBy.HEADER, key="x-t", values=("a", "b"))
    slice_a = VersionTraffic(
        cost=0.25, priced=1, signals={"refusal": SignalSums(2, 1.0, 1.0)}
    )
    slice_a.outcomes.update({"complete": 1, "empty": 1})
    slice_a.duration.add(0.1)
    slices = {
        ("tenant", "a"): slice_a,
        ("tenant", "gone"): slice_a,
        ("x", "a"): slice_a,
    }

    shown: dict[str, Any] = json.loads(json.dumps(by_segment([tenant], slices)))

    assert shown == {"tenant": {"a": ANY}}
    assert shown["tenant"]["a"]["error_rate"] == pytest.approx(0.5)
    assert shown["tenant"]["a"]["cost_usd"] == pytest.approx(0.25)
    assert shown["tenant"]["a"]["cost_per_request_usd"] == pytest.approx(0.25)
    assert shown["tenant"]["a"]["signals"] == {"refusal": {"count": 2, "mean": 0.5}}
    assert set(shown["tenant"]["a"]["duration_seconds"]) == {
        "count", "mean", "p50", "p95",
    }  # fmt: skip
