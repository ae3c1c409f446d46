"""Every request case, over a socket, to the running command and to nginx beside it."""

import pytest

from tests.conformance.case import Case
from tests.conformance.conftest import Proxy
from tests.conformance.strict import Seen
from tests.conformance.table import REQUESTS, named
from tests.conformance.talk import PROBE, outcome
from tests.conformance.through import cut_evenly, through

WAITS = ", waits"


def passed_on(seen: list[Seen]) -> set[bytes]:
    """Give the names of all fields and trailers that reached the endpoint."""
    return {name for each in seen for name, _ in (*each.fields, *each.trailers)}


@pytest.mark.parametrize("case", REQUESTS, ids=named)
def test_a_request_is_served_or_refused_as_the_table_says(
    case: Case, ours: Proxy
) -> None:
    told, seen = outcome(
        ours.port, ours.behind, case.request, waits=case.ours.endswith(WAITS)
    )

    assert told == case.ours
    assert not ours.behind.garbled
    assert set(case.has) <= passed_on(seen)
    assert not set(case.lacks) & passed_on(seen)


@pytest.mark.parametrize("case", REQUESTS, ids=named)
def test_nginx_does_what_the_table_says_of_it(case: Case, theirs: Proxy) -> None:
    wanted = case.ours if case.nginx is None else case.nginx
    told, _ = outcome(
        theirs.port, theirs.behind, case.request, waits=wanted.endswith(WAITS)
    )

    assert told == wanted


@pytest.mark.parametrize("case", REQUESTS, ids=named)
def test_a_request_that_comes_byte_by_byte_is_the_same_request(case: Case) -> None:
    """Alone as well: what comes whole, in one read, is read in another way (whole.py)."""
    alone = case.request[:20_000]
    for stream in (alone, alone + PROBE):
        whole = through([stream])

        assert through(cut_evenly(stream, 1)) == whole
        assert through(cut_evenly(stream, 7)) == whole
