"""The table and the JSON of `sluicegate status`."""

import copy
import io
from typing import cast

import pytest
from rich.console import Console

from gateway.cli.detail import detail_of
from gateway.cli.figures import age
from gateway.cli.status import status_of
from gateway.cli.views import AllServices, OtherLanguage, ServiceView, read

SIGNALS = {
    "refusal": {"count": 800, "mean": 0.0125, "sd": 0.1111},
    "output_length": {"count": 800, "mean": 1234.6, "sd": None},
}
SEGMENTS = {
    "size": {
        "large": {
            "requests": 50,
            "error_rate": 0.02,
            "duration_seconds": {"p50": 1.5, "p95": 2.5},
            "time_to_first_token_seconds": {"p50": 0.321, "p95": None},
            "cost_usd": 0.0012,
            "signals": {"refusal": {"count": 50, "mean": 0.0}},
        }
    }
}
STATISTICS: dict[str, object] = {
    "requests": 0,
    "error_rate": None,
    "duration_seconds": {},
}
THUMBS = {"count": 12, "sum": 9.0, "mean": 0.75, "segments": {}}


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
            "time_to_first_token_seconds": {"p50": 0.321 if seen else None},
            "tokens_per_second": 56.7 if seen else None,
            "cost_usd": 12.345 if seen else 0.0,
            "refused_rate": 0.005 if seen else None,
            "signals": SIGNALS if seen else {},
        },
        "segments": SEGMENTS if seen else {"size": {}},
        "evidence": {"units": requests // 2},
        "feedback": {"thumbs_up": THUMBS} if seen else {},
    }


CHAT: dict[str, object] = {
    "name": "chat",
    "weights": {"v1": 87.655, "v2": 12.345},
    "revision": 3,
    "evidence_age_seconds": 12.3,
    "versions": {
        "v1": _version("baseline", 87.655, 800),
        "v2": _version("candidate", 12.345, 0),
    },
}


def _rows(width: int, service: dict[str, object] | None = None) -> list[list[str]]:
    out = io.StringIO()
    view = read(AllServices, {"epoch": 4, "services": [service or CHAT]})
    Console(file=out, width=width, highlight=False).print(status_of(view.services))
    return [line.split() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 200])
def test_every_version_has_a_line_with_its_weights_and_its_answers(width: int) -> None:
    """In 80 columns too, with the widest weights there are."""
    heading, columns, baseline, candidate = _rows(width)
    assert heading == [
        "chat", "protection:", "off", "last", "evidence:", "12", "s", "ago",
    ]  # fmt: skip
    assert columns[:3] == ["version", "weight", "requests"]
    assert baseline == [
        "v1", "87.655", "%", "800", "1.25", "%", "4.2", "ms", "321", "ms", "57", "$12.35",
    ]  # fmt: skip
    assert candidate == ["v2", "12.345", "%", "0", "-", "-", "-", "-", "-"]


def test_a_weight_that_is_not_in_force_is_shown_beside_the_one_that_is() -> None:
    """Desired and effective weight are two columns then."""
    _, columns, baseline, candidate = _rows(80, {**CHAT, "weights": {"v2": 25.0}})
    assert columns[:3] == ["version", "desired", "effective"]
    assert baseline[:4] == ["v1", "-", "87.655", "%"]
    assert candidate[:5] == ["v2", "25", "%", "12.345", "%"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0.2, "0 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7200, "2 h ago"),
        (1e6, "12 d ago"),
    ],
)
def test_the_age_of_evidence_is_said_in_a_word_or_two(
    seconds: float | None, said: str
) -> None:
    """A dash where there is none: also of a gateway that does not tell."""
    assert age(seconds) == said


def test_a_gateway_that_tells_no_evidence_is_shown_without() -> None:
    """An older one: its status is still worth seeing."""
    versions = {"v1": {"role": None, "weight": 1, "statistics": STATISTICS}}
    old = {"name": "chat", "weights": {}, "revision": 1, "versions": versions}
    heading, *_ = _rows(80, old)
    assert heading[-1] == "-"
    assert len([*detail_of(read(ServiceView, old))]) == 1


def test_mirrored_pairs_are_shown_where_there_are_any() -> None:
    """While a mirror alone shows a candidate, there are no units."""
    versions = {
        name: {"role": None, "weight": 1, "statistics": STATISTICS, "evidence": counted}
        for name, counted in (("v1", {"units": 0, "pairs": 31}), ("v2", None))
    }
    shown = {"name": "chat", "weights": {}, "revision": 1, "versions": versions}
    out = io.StringIO()
    Console(file=out, width=80).print(*detail_of(read(ServiceView, shown)))
    rows = [line.split() for line in out.getvalue().splitlines()]

    assert ["version", "units", "of", "evidence", "mirrored", "pairs"] in rows
    assert ["v1", "0", "31"] in rows
    assert ["v2", "-", "-"] in rows


def test_a_rollout_that_waits_in_vain_says_so() -> None:
    rollout = {"phase": "progressing", "attempt": 1, "shortage": "All 40 were seen."}
    rows = _rows(80, {**CHAT, "rollout": rollout})
    assert ["waits", "in", "vain:", "All", "40", "were", "seen."] in rows


def test_one_service_is_shown_with_all_that_is_known_of_it() -> None:
    """In 80 columns, the versions one below the other."""
    out = io.StringIO()
    view = read(ServiceView, CHAT)
    console = Console(file=out, width=80, highlight=False)
    console.print(status_of([view]), *detail_of(view))
    rows = [line.split() for line in out.getvalue().splitlines()]

    assert ["v1", "0.50", "%", "-", "-", "-", "-", "-"] in rows
    assert ["v1", "400"] in rows
    assert ["v2", "0"] in rows
    assert ["thumbs_up", "v1", "12", "0.75"] in rows
    assert ["refusal", "v1", "800", "0.0125", "0.111"] in rows
    assert ["output_length", "v1", "800", "1235", "-"] in rows
    assert [
        "large", "v1", "50", "2.00", "%", "1500", "ms", "2500", "ms", "321", "ms", "$0.0012",
    ] in rows  # fmt: skip


def test_evaluators_and_scores_are_shown_in_80_columns() -> None:
    """What judging cost stands beside what serving cost."""
    judge = {
        "name": "llm-judge",
        "results": {
            "judged": 12345,
            "failed": 67,
            "late": 3,
            "no_room": 2,
            "not_shown": 9,
        },
        "queued": 1999,
        "seconds_per_verdict": 2.25,
        "tokens": {"input": 1_234_567, "output": 89},
        "cost_usd": 12.345,
        "serving_cost_usd": 345.678,
        "budget": {"tokens_left": 100_000, "usd_left": 0.5},
    }
    bare = {"name": "own", "budget": {"tokens_left": 77}}
    scored = {"judge:relevance": {"count": 40, "mean": 0.875}}
    versions = {"v1": {**_version("baseline", 100, 8), "scores": scored}}
    shown = {**CHAT, "versions": versions, "evaluators": [judge, bare]}
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(
        *detail_of(read(ServiceView, shown))
    )
    rows = [line.split() for line in out.getvalue().splitlines()]

    assert ["judge:relevance", "v1", "40", "0.875"] in rows
    assert ["llm-judge", "12345", "67", "5", "1999", "2250", "ms"] in rows
    assert ["llm-judge", "1.23M", "$12.35", "$345.68", "$0.50"] in rows
    assert ["own", "0", "0", "0", "0", "-"] in rows
    assert ["own", "0", "-", "-", "77", "tokens"] in rows


def test_an_answer_of_another_shape_is_refused_with_its_place() -> None:
    """A newer gateway must not be shown wrongly."""
    with pytest.raises(OtherLanguage, match=r"revision.*sluicegate"):
        read(ServiceView, {**CHAT, "revision": "three"})


def test_endpoints_are_shown_where_one_is_not_simply_up() -> None:
    """Also which address of a name it is, and how long it stays out."""
    shown = copy.deepcopy(CHAT)
    versions = cast("dict[str, dict[str, object]]", shown["versions"])
    place = {"url": "http://models:8000", "workers": {"up": 2}, "state": "up"}
    versions["v1"]["endpoint_health"] = [
        {**place, "address": "10.0.0.1", "healthy": True},
        {
            **place,
            "address": "10.0.0.2",
            "state": "ejected",
            "back_in_seconds": 21.4,
            "workers": {"ejected": 1, "up": 1},
        },
    ]
    out = io.StringIO()

    Console(file=out, width=100).print(*detail_of(read(ServiceView, shown)))

    rows = [line.split() for line in out.getvalue().splitlines()]
    first = rows.index([
        "v1",
        "http://models:8000",
        "(10.0.0.1)",
        "up",
        "passes",
        "2",
        "up",
    ])
    left = "ejected, 21 s left - 1 ejected, 1 up"
    assert rows[first + 1] == ["http://models:8000", "(10.0.0.2)", *left.split()]


def test_one_endpoint_that_is_up_is_not_worth_a_table() -> None:
    shown = copy.deepcopy(CHAT)
    versions = cast("dict[str, dict[str, object]]", shown["versions"])
    before = len([*detail_of(read(ServiceView, shown))])
    versions["v1"]["endpoint_health"] = [{"url": "http://a", "state": "up"}]

    assert len([*detail_of(read(ServiceView, shown))]) == before
