"""However a stream is cut, exactly the usage that nobody asked for is gone from it."""

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.answers.events import ServerSentEvents
from gateway.answers.usage_injection import UsageStrip
from tests.properties.exchange import cut

cuts = st.lists(st.integers(0, 5_000), max_size=25)
ends = st.sampled_from(["\n", "\r\n", "\r"])
words = st.sampled_from([
    "usage",
    '"usage": null',
    "\\",
    '"',
    ',"usage":',
    "{",
    "data: ",
    "é\u2028",
])
names = st.sampled_from(["id", "model", "a", 'a"', "us\\age", "Usage"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.just("usage") | names, inner, max_size=3)
    ),
    max_leaves=6,
)
usages = st.none() | st.dictionaries(
    st.sampled_from(["prompt_tokens", "completion_tokens", "usage"]), values, max_size=2
)


@dataclass(frozen=True)
class Event:
    """An event as the server sends it, and as the client must see it."""

    sent: str
    seen: str


@st.composite
def events(draw: st.DrawFn, end: str, *, has_usage: bool = True) -> Event:
    before = draw(st.sampled_from(["", ": ping" + end, "event: x" + end, end]))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        word = draw(st.sampled_from(["[DONE]", '{"usage": null', "usage", ""]))
        return _same(f"{before}data: {word}{end}{end}")
    members = draw(st.dictionaries(names, values, max_size=4))
    members["choices"] = draw(st.lists(values, min_size=1, max_size=2))
    texts = [_member(draw, name, value) for name, value in members.items()]
    without = before + "data: {" + ",".join(texts) + "}" + end + end
    if kind == 1 or not has_usage:
        return _same(without)
    usage = draw(usages)
    if kind == 2 and usage is not None:
        extra = _member(draw, "usage", usage)
        left = {":": before + end, "": "", "e": ""}.get(before[:1], before)
        sent = before + 'data: {"choices":[],' + extra + "}" + end + end
        return Event(sent, left)
    texts.insert(draw(st.integers(1, len(texts))), _member(draw, "usage", usage))
    return Event(before + "data: {" + ",".join(texts) + "}" + end + end, without)


def streams(*, has_usage: bool = True) -> st.SearchStrategy[list[Event]]:
    """Events of one server, that ends its lines in one way."""
    return ends.flatmap(
        lambda end: st.lists(events(end, has_usage=has_usage), max_size=6)
    )


def _same(text: str) -> Event:
    return Event(text, text)


def _member(draw: st.DrawFn, name: str, value: object) -> str:
    blank = draw(st.sampled_from(["", " ", "\t"]))
    is_ascii = draw(st.booleans())
    written = json.dumps(value, ensure_ascii=is_ascii)
    return blank + json.dumps(name) + blank + ":" + blank + written


def stripped(pieces: list[bytes]) -> bytes:
    strip = UsageStrip()
    return b"".join(map(strip.feed, pieces)) + strip.rest()


def parsed(stream: bytes) -> list[object]:
    found: list[object] = []
    for event in ServerSentEvents().feed(stream):
        try:
            found.append(json.loads(event))
        except ValueError:
            found.append(event)
    return found


@given(streams(), cuts)
def test_only_usage_is_gone_wherever_the_stream_is_cut(
    told: list[Event], places: list[int]
) -> None:
    sent = "".join(event.sent for event in told).encode()
    seen = "".join(event.seen for event in told).encode()

    assert stripped(cut(sent, places)) == seen


@given(streams())
def test_each_event_means_what_it_meant_but_for_usage(told: list[Event]) -> None:
    sent = "".join(event.sent for event in told).encode()
    expected = []
    for event in parsed(sent + b"\n"):
        if isinstance(event, dict) and "usage" in event:
            usage = event.pop("usage")
            if event["choices"] == [] and usage is not None:
                continue
        expected.append(event)

    assert parsed(stripped([sent]) + b"\n") == expected


@given(streams(has_usage=False), cuts)
def test_a_stream_without_usage_passes_byte_for_byte(
    told: list[Event], places: list[int]
) -> None:
    sent = "".join(event.sent for event in told).encode()

    assert stripped(cut(sent, places)) == sent


@given(
    st.lists(
        st.sampled_from([
            b"\r",
            b"\n",
            b"data:",
            b' {"a":1',
            b',"usage":null',
            b"}",
            b"x",
            b"{",
            b":",
        ]),
        max_size=40,
    ),
    cuts,
)
def test_any_bytes_give_the_same_however_they_are_cut(
    words: list[bytes], places: list[int]
) -> None:
    stream = b"".join(words)

    assert stripped(cut(stream, places)) == stripped([stream])
