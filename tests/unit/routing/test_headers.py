"""Which request headers a route takes."""

import pytest

from gateway.domain.rollout import HeaderMatch
from gateway.routing.headers import LONGEST_VALUE, fit_all, header_tests


@pytest.mark.parametrize(
    ("match", "value", "fits"),
    [
        (HeaderMatch(name="x-staff", exact="1"), b"1", True),
        (HeaderMatch(name="x-staff", exact="1"), b"10", False),
        (HeaderMatch(name="x-staff", exact=""), b"", True),
        (HeaderMatch(name="x-staff", prefix="be"), b"beta", True),
        (HeaderMatch(name="x-staff", prefix="be"), b"alphabet", False),
        (HeaderMatch(name="x-staff", regex="a|b"), b"b", True),
        (HeaderMatch(name="x-staff", regex="a|b"), b"bc", False),
        (HeaderMatch(name="x-staff", regex="."), "é".encode(), True),
        (HeaderMatch(name="x-staff", regex="."), b"\xff", True),
        (HeaderMatch(name="x-staff", exact="é"), "é".encode(), True),
        (HeaderMatch(name="X-Staff", exact="1"), b"1", True),
    ],
)
def test_a_value_is_exact_or_begins_so_or_fits_an_expression_as_a_whole(
    match: HeaderMatch, value: bytes, fits: bool
) -> None:
    assert fit_all(header_tests([match]), {b"x-staff": value}) is fits


@pytest.mark.parametrize(
    "match",
    [
        HeaderMatch(name="x-staff", exact=""),
        HeaderMatch(name="x-staff", prefix=""),
        HeaderMatch(name="x-staff", regex=".{0,9}"),
    ],
)
def test_a_header_that_is_not_there_does_not_fit(match: HeaderMatch) -> None:
    assert not fit_all(header_tests([match]), {b"x-other": b""})


def test_all_conditions_must_hold() -> None:
    tests = header_tests([
        HeaderMatch(name="x-staff", exact="1"),
        HeaderMatch(name="x-site", prefix="eu-"),
    ])

    assert fit_all(tests, {b"x-staff": b"1", b"x-site": b"eu-1"})
    assert not fit_all(tests, {b"x-staff": b"1", b"x-site": b"us-1"})
    assert not fit_all(tests, {b"x-staff": b"1"})


def test_no_expression_is_tried_on_a_very_long_value() -> None:
    tests = header_tests([HeaderMatch(name="x-staff", regex="a{0,9999}")])

    assert fit_all(tests, {b"x-staff": b"a" * LONGEST_VALUE})
    assert not fit_all(tests, {b"x-staff": b"a" * (LONGEST_VALUE + 1)})
