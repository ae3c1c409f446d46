"""Each way to slice traffic: what is declared has a number, all else is other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.answers.patterns import LONGEST_TEXT
from gateway.answers.segments import Facts, SegmentPlan, code_of, places_of
from gateway.domain.errors import BadConfiguration
from gateway.domain.segment import MOST_SEGMENTS, MOST_VALUES, Segment, SegmentBy
from gateway.domain.units import Bytes


def _latin(_text: str) -> str:
    return "latin"


def _label(
    segment: Segment, facts: Facts, script_of: Callable[[str], str] = _latin
) -> str:
    (number,) = SegmentPlan([segment], script_of).cell(facts)
    return segment.labels[number]


@pytest.mark.parametrize(
    ("size", "label"),
    [
        (0, "<1KiB"),
        (1023, "<1KiB"),
        (1024, "1KiB..8KiB"),
        (8192, ">=8KiB"),
        (1 << 40, ">=8KiB"),
        (None, "other"),
    ],
)
def test_a_size_on_an_edge_is_above_it(size: int | None, label: str) -> None:
    segment = Segment(
        name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(1024), Bytes(8192))
    )

    assert _label(segment, Facts(fields={}, size=size)) == label


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({b"x-tenant": b"b"}, "b"),
        ({b"x-tenant": b"B"}, "other"),
        ({b"x-tenant": b""}, "other"),
        ({b"x-tenant": b"\xff\x00"}, "other"),
        ({}, "other"),
    ],
)
def test_a_header_has_declared_values(fields: dict[bytes, bytes], label: str) -> None:
    segment = Segment(
        name="tenant", by=SegmentBy.HEADER, key="X-Tenant", values=("a", "b")
    )

    assert _label(segment, Facts(fields=fields)) == label


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (b"/v1/chat", "/v1/chat"),
        (b"/v1/chat/completions", "/v1/chat"),
        (b"/v1/chats", "/v1/"),
        (b"/v1/", "/v1/"),
        (b"/v1", "other"),
        (b"/v1.chat", "other"),
        (b"/a+b/c", "/a+b"),
        (b"", "other"),
    ],
)
def test_the_first_prefix_that_fits_a_path_counts(path: bytes, label: str) -> None:
    segment = Segment(
        name="route", by=SegmentBy.PATH, values=("/v1/chat", "/v1/", "/a+b")
    )

    assert _label(segment, Facts(fields={}, path=path)) == label


def test_a_model_has_declared_values() -> None:
    segment = Segment(name="model", by=SegmentBy.MODEL, values=("small", "large"))

    assert _label(segment, Facts(fields={}, model="large")) == "large"
    assert _label(segment, Facts(fields={}, model="huge")) == "other"
    assert _label(segment, Facts(fields={})) == "other"


def test_the_script_is_asked_of_the_beginning_of_the_prompt_alone() -> None:
    asked: list[str] = []

    def script_of(text: str) -> str:
        asked.append(text)
        return "cyrillic"

    segment = Segment(name="script", by=SegmentBy.SCRIPT, values=("latin", "cyrillic"))

    assert _label(segment, Facts(fields={}, prompt="ж" * 9999), script_of) == "cyrillic"
    assert _label(segment, Facts(fields={}, prompt=""), script_of) == "other"
    assert [len(text) for text in asked] == [LONGEST_TEXT]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("search", "search"),
        (7, "7"),
        (True, "true"),
        (1.5, "other"),
        (None, "other"),
        (["search"], "other"),
        ({"search": 1}, "other"),
        pytest.param(10**5000, "other", id="huge"),
    ],
)
def test_a_json_value_is_compared_as_text(value: object, label: str) -> None:
    segment = Segment(
        name="query_type",
        by=SegmentBy.JSON,
        key="/metadata/kind",
        values=("search", "7", "true"),
    )

    assert _label(segment, Facts(fields={}, json={"/metadata/kind": value})) == label
    assert _label(segment, Facts(fields={}, json={"/elsewhere": value})) == "other"


def test_the_first_pattern_found_in_the_beginning_of_a_prompt_counts() -> None:
    segment = Segment(
        name="query_type",
        by=SegmentBy.PROMPT,
        patterns=(("code", r"\bdef\b"), ("math", r"\d"), ("code", "class")),
    )

    assert _label(segment, Facts(fields={}, prompt="1 + 1, and def")) == "code"
    assert _label(segment, Facts(fields={}, prompt="1 + 1, a class")) == "math"
    assert _label(segment, Facts(fields={}, prompt="my class")) == "code"
    assert _label(segment, Facts(fields={}, prompt=" " * 2000 + "1")) == "other"
    assert _label(segment, Facts(fields={})) == "other"


@pytest.mark.parametrize("by", [by for by in SegmentBy if by is not SegmentBy.PROMPT])
def test_a_segment_that_declares_nothing_is_all_other(by: SegmentBy) -> None:
    facts = Facts(fields={b"": b""}, path=b"/", size=1, model="m", prompt="p")

    assert _label(Segment(name="none", by=by), facts) == "other"


def test_a_plan_says_what_must_be_read_of_a_body() -> None:
    by_json = Segment(name="a", by=SegmentBy.JSON, key="/a")
    by_model = Segment(name="b", by=SegmentBy.MODEL)
    by_script = Segment(name="c", by=SegmentBy.SCRIPT)

    nothing = SegmentPlan([], _latin)
    everything = SegmentPlan([by_json, by_model, by_script], _latin)

    assert (nothing.pointers, nothing.needs_model, nothing.needs_prompt) == (
        (),
        False,
        False,
    )
    assert everything.pointers == ("/a",)
    assert everything.needs_model
    assert everything.needs_prompt
    assert nothing.cell(Facts(fields={})) == ()


def test_more_segments_or_values_than_are_counted_are_refused() -> None:
    most = [Segment(name=f"s{n}", by=SegmentBy.MODEL) for n in range(MOST_SEGMENTS)]
    values = tuple(f"v{n}" for n in range(MOST_VALUES - 1))
    SegmentPlan(most, _latin)
    SegmentPlan([Segment(name="s", by=SegmentBy.MODEL, values=values)], _latin)

    with pytest.raises(BadConfiguration, match="at most 16"):
        SegmentPlan([*most, most[0]], _latin)
    with pytest.raises(BadConfiguration, match="at most 31"):
        SegmentPlan(
            [Segment(name="s", by=SegmentBy.MODEL, values=(*values, "more"))], _latin
        )


def test_other_definitions_have_another_code() -> None:
    one = Segment(name="tenant", by=SegmentBy.HEADER, key="x-t", values=("a", "b"))
    other = Segment(name="tenant", by=SegmentBy.HEADER, key="x-t", values=("b", "a"))

    assert code_of([one]) == code_of([one]) == SegmentPlan([one], _latin).code
    assert code_of([one]) != code_of([other])
    assert 0 <= code_of([one]) < 1 << 16


def test_a_segment_that_is_defined_otherwise_has_other_places() -> None:
    """Though its values are called the same."""
    tenant = Segment(name="t", by=SegmentBy.HEADER, key="x", values=("a",))

    (_, place) = places_of(tenant)

    assert place[:2] == ("t", "a")
    assert places_of(replace(tenant)) == places_of(tenant)
    assert place not in places_of(replace(tenant, key="y"))
