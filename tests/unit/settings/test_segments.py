"""How traffic is sliced: what is declared arrives, and what cannot be told apart not."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.answers.script import SCRIPTS
from gateway.domain.deployment import Deployment
from gateway.domain.segment import MOST_VALUES, Segment, SegmentBy
from gateway.domain.units import Bytes

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]

PLACE = "services.chat.segments"


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        (
            "by: request_bytes, edges: [1KiB, 8192, 1MB]",
            Segment(
                name="s",
                by=SegmentBy.REQUEST_BYTES,
                edges=(Bytes(1024), Bytes(8192), Bytes(1_000_000)),
            ),
        ),
        (
            "by: {header: X-Tenant}, values: [a, B]",
            Segment(name="s", by=SegmentBy.HEADER, key="x-tenant", values=("a", "B")),
        ),
        (
            "by: {json: /a/b~1c}, values: ['1', 'true']",
            Segment(name="s", by=SegmentBy.JSON, key="/a/b~1c", values=("1", "true")),
        ),
        (
            "by: path, values: [/v1/, /v2]",
            Segment(name="s", by=SegmentBy.PATH, values=("/v1/", "/v2")),
        ),
        (
            "by: model, values: [org/small:1]",
            Segment(name="s", by=SegmentBy.MODEL, values=("org/small:1",)),
        ),
        (
            "by: script, values: [latin]",
            Segment(name="s", by=SegmentBy.SCRIPT, values=("latin",)),
        ),
        (
            "by: prompt, patterns: {code: 'def |class ', money: '.{0,9}refund'}",
            Segment(
                name="s",
                by=SegmentBy.PROMPT,
                patterns=(("code", "def |class "), ("money", ".{0,9}refund")),
            ),
        ),
    ],
)
def test_a_segment_is_what_decides_and_what_is_told_apart(
    written: Write, load: Load, text: str, segment: Segment
) -> None:
    """In the order it is written in, which is the order of its numbers."""
    document = written("service", f"segments: [{{name: s, {text}}}]")

    assert load(document).services[0].segments == (segment,)


def test_every_way_to_slice_has_a_place_in_the_configuration(
    written: Write, lines: Lines
) -> None:
    (found,) = lines(written("service", "segments: [{name: s, by: dice, values: [a]}]"))

    assert all(by.value in found for by in SegmentBy)


def test_a_segment_may_be_as_wide_as_its_numbers_reach(
    written: Write, load: Load
) -> None:
    """31 values and `other`; 30 edges, for they make one range more than they are."""
    values = ", ".join(f"v{n}" for n in range(31))
    edges = ", ".join(str(n) for n in range(1, 31))
    document = written(
        "service",
        f"segments: [{{name: a, by: model, values: [{values}]}}, "
        f"{{name: b, by: request_bytes, edges: [{edges}]}}]",
    )

    for segment in load(document).services[0].segments:
        assert len(segment.labels) == MOST_VALUES


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_that_can_be_told_may_be_declared(
    written: Write, load: Load, script: str
) -> None:
    text = f"segments: [{{name: s, by: script, values: [{script}]}}]"

    assert load(written("service", text)).services[0].segments[0].values == (script,)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("{}", "[0].name", "missing"),
        ("{name: a b, by: model, values: [a]}", "[0].name", "found the name"),
        ("{name: a, values: [a]}", "[0].by", "such as `by: request_bytes`"),
        ("a", "[0]", "some of: name, by, edges, values, patterns"),
        ("{name: a, by: modle, values: [a]}", "[0].by", "Did you mean 'model'?"),
        ("{name: a, by: header, values: [a]}", "[0].by", "'header' without a name"),
        ("{name: a, by: 5, values: [a]}", "[0].by", "found 5. Write one of: request"),
        ("{name: a, by: [], values: [a]}", "[0].by", "found an empty list"),
        ("{name: a, by: {}, values: [a]}", "[0].by", "found 0 keys"),
        (
            "{name: a, by: {header: a, json: /b}, values: [a]}",
            "[0].by",
            "found 2 keys",
        ),
        ("{name: a, by: {heder: a}, values: [a]}", "[0].by", "mean 'header'?"),
        ("{name: a, by: {header: te}, values: [a]}", "[0].by.header", "ends at each"),
        ("{name: a, by: {json: a}, values: [a]}", "[0].by.json", "no JSON pointer"),
        ("{name: a, by: model}", "[0].values", "missing. Add it, such as `values: ["),
        ("{name: a, by: model, values: []}", "[0].values", "missing"),
        ("{name: a, by: request_bytes}", "[0].edges", "`edges: [1KiB, 8KiB, 32KiB]`"),
        ("{name: a, by: prompt}", "[0].patterns", "missing"),
        (
            "{name: a, by: request_bytes, values: [a]}",
            "[0].values",
            "found values in a segment by request_bytes. Write `edges: [1KiB",
        ),
        ("{name: a, by: model, edges: [1]}", "[0].edges", "Write `values: [small"),
        ("{name: a, by: path, patterns: {a: b}}", "[0].patterns", "segment by path"),
        (
            "{name: a, by: request_bytes, edges: [1KiB, 1024]}",
            "[0].edges[1]",
            "found 1024 bytes after 1024. Write edges that rise.",
        ),
        ("{name: a, by: request_bytes, edges: [0]}", "[0].edges[0]", "no size"),
        ("{name: a, by: request_bytes, edges: 1KiB}", "[0].edges", "Write a list"),
        ("{name: a, by: model, values: a}", "[0].values", "Write a list"),
        ("{name: a, by: model, values: [1]}", "[0].values[0]", "quote it"),
        ("{name: a, by: model, values: [yes]}", "[0].values[0]", "quote them"),
        ("{name: a, by: model, values: ['']}", "[0].values[0]", "1 to 128 printable"),
        ('{name: a, by: model, values: ["\\n"]}', "[0].values[0]", "printable"),
        ("{name: a, by: model, values: [a, b, a]}", "[0].values[2]", "'a' again"),
        ("{name: a, by: model, values: [other]}", "[0].values[0]", "always there"),
        ("{name: a, by: path, values: [v1]}", "[0].values[0]", "begins with /"),
        (
            "{name: a, by: script, values: [latin, cyrilic]}",
            "[0].values[1]",
            "unknown script 'cyrilic'. Known: latin, greek,",
        ),
        ("{name: a, by: script, values: [Latin]}", "[0].values[0]", "mean 'latin'?"),
        ("{name: a, by: script, values: [none]}", "[0].values[0]", "unknown script"),
        ("{name: a, by: prompt, patterns: [a]}", "[0].patterns", "{name: value}"),
        ("{name: a, by: prompt, patterns: {a b: c}}", "[0].patterns['a b']", "'a b'"),
        ("{name: a, by: prompt, patterns: {a: 5}}", "[0].patterns.a", "found 5"),
        ("{name: a, by: prompt, patterns: {a: ''}}", "[0].patterns.a", "1 to 1000"),
        ("{name: a, by: prompt, patterns: {a: b+}}", "[0].patterns.a", "a limit"),
        ("{name: a, by: prompt, patterns: {a: (}}", "[0].patterns.a", "compiled"),
        ("{name: a, by: prompt, patterns: {a: '[[]'}}", "[0].patterns.a", "two ways"),
        (
            "{name: a, by: prompt, patterns: {other: b}}",
            "[0].patterns.other",
            "always there",
        ),
        (
            "{name: a, by: prompt, patterns: {a: '(b.{0,600})', c: '(d.{0,600})'}}",
            "[0].patterns",
            "are allowed",
        ),
        ("{name: a, by: model, values: [a], edge: 1}", "[0]", "mean 'edges'?"),
        (
            "{name: a, by: model, values: [a]}, {name: a, by: path, values: [/]}",
            "[1].name",
            "found the name 'a' again",
        ),
    ],
)
def test_a_segment_that_cannot_be_told_apart_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    found = lines(written("service", f"segments: [{text}]"))

    assert found[0].startswith(f"{PLACE}{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"{{name: a, by: model, values: [{', '.join(f'v{n}' for n in range(32))}]}}",
            "[0].values: found 32 values. Write at most 31: the rest is other.",
        ),
        (
            "{name: a, by: request_bytes, edges: "
            f"[{', '.join(str(n) for n in range(1, 32))}]}}",
            "[0].edges: found 31 edges. Write at most 30: the rest is other.",
        ),
        (
            ", ".join(f"{{name: s{n}, by: path, values: [/]}}" for n in range(17)),
            ": found 17 segments. Write at most 16.",
        ),
    ],
)
def test_there_is_a_bound_on_what_is_told_apart(
    written: Write, lines: Lines, text: str, words: str
) -> None:
    """Each costs memory for each version, and a part of the evidence."""
    assert lines(written("service", f"segments: [{text}]")) == [f"{PLACE}{words}"]
