"""A trace goes on where it is one, and begins where it is none."""

import random

import pytest

from gateway.wire.trace import (
    ID_BITS,
    begun,
    begun_recorded,
    continued,
    is_recorded,
    limit_of,
)

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"
NUMBER = 0x8EDCBA0987654321
SPAN = b"8edcba0987654321"
PREFIX = b"1234567890abcdef"


def _given(flags: bytes = b"01", version: bytes = b"00", more: bytes = b"") -> bytes:
    return b"-".join((version, TRACE, PARENT, flags)) + more


def test_a_valid_parent_is_continued_with_a_step_of_our_own() -> None:
    """The state of the trace goes with it."""
    fields = {b"traceparent": _given(), b"tracestate": b"a=1,b=2"}
    found = continued(fields, NUMBER)

    assert found is not None
    lines, trace = found
    assert lines == (
        b"traceparent: 00-%b-%b-01\r\ntracestate: a=1,b=2\r\n" % (TRACE, SPAN)
    )
    assert trace is not None
    assert (trace.trace, trace.span, trace.parent) == (TRACE, SPAN, PARENT)


def test_a_trace_the_client_does_not_record_is_not_recorded() -> None:
    """Flags that we do not know are not passed on (section 3.2.2.3)."""
    assert continued({b"traceparent": _given(b"fe")}, NUMBER) == (
        b"traceparent: 00-%b-%b-00\r\n" % (TRACE, SPAN),
        None,
    )


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """And ours is what we write."""
    found = continued({b"traceparent": _given(version=b"cc", more=b"-what")}, NUMBER)

    assert found is not None
    assert found[0].startswith(b"traceparent: 00-%b-" % TRACE)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonsense",
        _given(version=b"ff"),
        _given(more=b"-what"),
        _given(version=b"cc", more=b"what"),
        _given().upper(),
        _given() + b", " + _given(),
        _given().replace(TRACE, b"0" * 32),
        _given().replace(PARENT, b"0" * 16),
        _given()[:-1],
        _given() + b"\n",
    ],
)
def test_what_is_no_valid_parent_is_not_continued(value: bytes) -> None:
    """Its state neither."""
    assert continued({b"traceparent": value, b"tracestate": b"a=1"}, NUMBER) is None


def test_a_new_trace_is_a_valid_parent() -> None:
    """Recorded or not, for whoever reads it next."""
    for line in (begun(PREFIX, 1), begun_recorded(PREFIX, 1)[0]):
        value = line.removeprefix(b"traceparent: ").removesuffix(b"\r\n")
        assert value[:-3] == b"00-%b%b1-%b1" % (PREFIX, b"0" * 15, b"0" * 15)
        assert continued({b"traceparent": value}, NUMBER) is not None


def test_a_recorded_trace_tells_the_next_hop() -> None:
    """And begins here."""
    line, trace = begun_recorded(PREFIX, NUMBER)

    assert line.endswith(b"-01\r\n")
    assert (trace.trace, trace.span, trace.parent) == (PREFIX + SPAN, SPAN, b"")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_chosen_part_of_new_traces_is_recorded(share: float) -> None:
    """By their ids."""
    dice = random.Random(7)
    numbers = [dice.getrandbits(ID_BITS) for _ in range(4000)]

    recorded = sum(is_recorded(number, limit_of(share)) for number in numbers)
    assert recorded / 4000 == pytest.approx(share, abs=0.03)
