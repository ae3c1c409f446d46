"""The table of differences in the documents is what the cases say."""

from tests.conformance.document import shown
from tests.conformance.table import ANSWERS, EVERY, REQUESTS, differences


def test_the_table_of_differences_is_that_of_the_cases() -> None:
    """If not: `python -m tests.conformance` writes it."""
    assert shown() == differences()


def test_every_difference_has_its_reason_and_no_name_is_used_twice() -> None:
    assert all(bool(case.why) == (case.nginx is not None) for case in EVERY)
    assert all(case.nginx != case.ours for case in EVERY)
    for cases in (REQUESTS, ANSWERS):
        assert len({case.name for case in cases}) == len(cases)
