"""The first source that has a key wins, in the configured order."""

import pytest

from gateway.domain.service import DEFAULT_STICKY, StickyKind, StickySource
from gateway.routing.sticky import Absent, Body, StickyPlan, Wait, cookie_value

COOKIE = StickySource(kind=StickyKind.COOKIE, name="gate")
CLIENT = StickySource(kind=StickyKind.CLIENT_IP)


def key(
    plan: StickyPlan,
    fields: dict[bytes, bytes] | None = None,
    body: Body = Absent.BODY,
) -> bytes | Wait | None:
    return plan.find_key(fields or {}, lambda: "192.0.2.1", lambda: body)


DEFAULT = StickyPlan(DEFAULT_STICKY)


def test_the_header_comes_first_and_the_body_is_not_asked_for() -> None:
    assert key(DEFAULT, {b"x-user-id": b"ann"}, Wait.FOR_BODY) == b"ann"


def test_without_the_header_the_body_is_waited_for() -> None:
    assert key(DEFAULT, body=Wait.FOR_BODY) is Wait.FOR_BODY


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"user": "ann"}', b"ann"),
        (b'{"user": "ann", "safety_identifier": "s"}', b"s"),
        (b'{"user": 42}', b"42"),
        ('{"user": "Zoë"}'.encode(), "Zoë".encode()),
        (b'{"user": ""}', None),
        (b'{"user": null}', None),
        (b'{"user": true}', None),
        (b'{"user": {"id": 1}}', None),
        (b'{"user": 1.5}', None),
        (b"[]", None),
        (b"not json", None),
        (b'{"user": "ann"', None),
        (b'{"user": "ann"} x', None),
        (b'{"messages": [}, "user": "ann"}', None),
        (b' \n{"messages": [{"user": "bob"}], "user": "ann"}', b"ann"),
        (b'{"user": "bob", "user": "ann"}', b"ann"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b', "user": "ann"}', None),
        (b'{"user": "\xff"}', None),
    ],
)
def test_strings_and_whole_numbers_in_the_body_are_keys(
    body: bytes, found: bytes | None
) -> None:
    assert key(DEFAULT, body=body) == found


def test_an_empty_header_is_no_key() -> None:
    assert key(DEFAULT, {b"x-user-id": b""}, b'{"user":"ann"}') == b"ann"


def test_pointers_reach_into_objects_and_arrays() -> None:
    plan = StickyPlan([StickySource(kind=StickyKind.JSON, name="/a~1b/0/c")])

    assert key(plan, body=b'{"a/b": [{"c": "deep"}]}') == b"deep"
    assert key(plan, body=b'{"a/b": []}') is None


def test_the_same_text_is_the_same_key_wherever_it_was_found() -> None:
    assert key(DEFAULT, {b"x-user-id": b"ann"}) == key(DEFAULT, body=b'{"user":"ann"}')


def test_the_address_is_a_key_everybody_has() -> None:
    assert key(StickyPlan([CLIENT, COOKIE]), {b"cookie": b"gate=x"}) == b"192.0.2.1"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"gate=abc", b"abc"),
        (b"a=1; gate=abc; b=2", b"abc"),
        (b"a=1;gate=abc", b"abc"),
        (b"gates=abc", None),
        (b"gate=", None),
        (b"gate", None),
        (b"gate=" + b"x" * 300, None),
        (b"", None),
    ],
)
def test_the_cookie_is_read_among_others(header: bytes, value: bytes | None) -> None:
    assert cookie_value(header, b"gate") == value


def test_the_plan_knows_which_cookie_to_issue() -> None:
    assert StickyPlan([CLIENT, COOKIE]).cookie == b"gate"
    assert DEFAULT.cookie is None
