"""What the values of a segment are called."""

from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.units import Bytes


def test_other_is_always_the_first_value() -> None:
    segment = Segment(name="tenant", by=SegmentBy.HEADER, values=("a", "b"))

    assert segment.labels == ("other", "a", "b")


def test_sizes_are_named_as_people_write_them() -> None:
    edges = (Bytes(1024), Bytes(1500), Bytes(2 << 20))
    segment = Segment(name="size", by=SegmentBy.REQUEST_BYTES, edges=edges)

    assert segment.labels == (
        "other",
        "<1KiB",
        "1KiB..1500B",
        "1500B..2MiB",
        ">=2MiB",
    )


def test_values_found_by_several_patterns_are_named_once() -> None:
    patterns = (("code", "def"), ("math", "sum"), ("code", "class"))
    segment = Segment(name="kind", by=SegmentBy.PROMPT, patterns=patterns)

    assert segment.labels == ("other", "code", "math")
