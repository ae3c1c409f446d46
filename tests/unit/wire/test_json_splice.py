"""Values are set inside a JSON text, and nothing else of it changes."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Refused
from gateway.wire.json_splice import (
    MOST_CONTAINERS,
    MOST_MEMBERS,
    splice_all,
)


def splice(body: bytes, steps: tuple[str, ...], value: bytes) -> bytes:
    """Set one value."""
    return splice_all(body, ((steps, value),))


@pytest.mark.parametrize(
    ("body", "steps", "after"),
    [
        (b'{"model": "a", "n": 1}', ("model",), b'{"model": "X", "n": 1}'),
        (
            b'{"n": 12345678901234567890}',
            ("model",),
            b'{"model":"X","n": 12345678901234567890}',
        ),
        (b"{ }", ("model",), b'{"model":"X" }'),
        (
            b'{"a": 1, "a": 2, "model":null}',
            ("model",),
            b'{"a": 1, "a": 2, "model":"X"}',
        ),
        (b'{"a":{"b":[1,2]}}', ("a", "b", "1"), b'{"a":{"b":[1,"X"]}}'),
        (
            b'{"a":"}\\"{", "model" : {"x":[{}]} }',
            ("model",),
            b'{"a":"}\\"{", "model" : "X" }',
        ),
        (b'{"mod\\u0065l":1}', ("model",), b'{"mod\\u0065l":"X"}'),
        (b'{"a":{}}', ("a", "b"), b'{"a":{"b":"X"}}'),
    ],
)
def test_only_the_bytes_of_the_value_change(
    body: bytes, steps: tuple[str, ...], after: bytes
) -> None:
    assert splice(body, steps, b'"X"') == after


@pytest.mark.parametrize(
    ("body", "steps", "status"),
    [
        (b"not json", ("model",), 415),
        (b'{"model":1', ("model",), 415),
        (b"[1,2]", ("model",), 400),
        (b'"text"', ("model",), 400),
        (b"{}", ("a", "b"), 400),
        (b"[1]", ("5",), 400),
        (b'{"model":1,"model":2}', ("model",), 400),
        (b'{"a":{"b":1},"a":2}', ("a", "b"), 400),
        (b'{"a":[]}', ("a", "0"), 400),
        (b'{"a":[{}]}', ("a", "-"), 400),
        (b'{"a":"\xff"}', ("model",), 415),
        (b'{"a":NaN}', ("model",), 415),
        (b"", ("model",), 415),
        (b"[" * 100_000 + b"]" * 100_000, ("model",), 415),
    ],
)
def test_what_cannot_be_set_is_refused(
    body: bytes, steps: tuple[str, ...], status: int
) -> None:
    with pytest.raises(Refused) as refused:
        splice(body, steps, b"1")
    assert refused.value.status == status


def lists(count: int) -> bytes:
    return b'{"a":[%b]}' % b",".join([b"[]"] * (count - 2))


def members(count: int) -> bytes:
    return b"{%b}" % b",".join([b'"":1'] * count)


def items(count: int) -> bytes:
    return b"[%b]" % b",".join([b"1"] * count)


@pytest.mark.parametrize(
    ("make", "most", "steps"),
    [
        (lists, MOST_CONTAINERS, ("model",)),
        (members, MOST_MEMBERS - 1, ("model",)),
        (items, MOST_MEMBERS - 1, ("0",)),
    ],
)
def test_what_would_keep_the_event_loop_busy_is_refused(
    make: Callable[[int], bytes], most: int, steps: tuple[str, ...]
) -> None:
    assert b'"X"' in splice(make(most), steps, b'"X"')
    with pytest.raises(Refused, match=r"Send .* at most") as refused:
        splice(make(most + 1), steps, b'"X"')
    assert refused.value.status == 400


def test_brackets_in_a_text_are_no_arrays() -> None:
    body = b'{"prompt":"%b"}' % (b'[\\"' * (MOST_CONTAINERS + 1))

    assert splice(body, ("model",), b"1") == b'{"model":1,' + body[1:]


def test_members_that_no_pointer_leads_through_may_be_many() -> None:
    body = b'{"a":%b}' % members(MOST_MEMBERS + 1)

    assert splice(body, ("model",), b"1") == b'{"model":1,' + body[1:]


def test_several_settings_are_made_one_after_the_other() -> None:
    settings = [(("a",), b"{}"), (("a", "b"), b"1"), (("n",), b'"\xc3\xa9"')]

    assert splice_all(b'{"n":"\xc3\xbc"}', settings) == (
        b'{"a":{"b":1},"n":"\xc3\xa9"}'
    )


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    document=st.dictionaries(st.text(max_size=4), values, max_size=6),
    key=st.text(max_size=4),
    value=values,
    indent=st.sampled_from([None, 0, 2]),
)
def test_setting_a_key_is_the_same_as_setting_it_in_the_parsed_document(
    document: dict[str, object], key: str, value: object, indent: int | None
) -> None:
    body = json.dumps(document, indent=indent).encode()

    spliced = splice(body, (key,), json.dumps(value).encode())

    assert json.loads(spliced) == {**document, key: value}
