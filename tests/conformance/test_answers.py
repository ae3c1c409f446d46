"""Every answer case, from an endpoint that is broken or means harm, and through nginx."""

import pytest

from tests.conformance.answered import Answered
from tests.conformance.conftest import Proxy
from tests.conformance.table import ANSWERS, named
from tests.conformance.talk import outcome


def answered(proxy: Proxy, case: Answered, wanted: str) -> str:
    """Give what the client got; of what the endpoint saw, only what is out of the way."""
    told, _ = outcome(
        proxy.port, proxy.behind, case.request, waits=wanted.endswith(", waits")
    )
    asked = " ".join(case.request.decode().split(" ", 2)[:2])
    return told.replace(f" <- {asked}", "").replace(f"; {asked}", "; twice")


@pytest.mark.parametrize("case", ANSWERS, ids=named)
def test_an_answer_passes_or_fails_as_the_table_says(
    case: Answered, ours: Proxy
) -> None:
    assert answered(ours, case, case.ours) == case.ours


@pytest.mark.parametrize("case", ANSWERS, ids=named)
def test_nginx_does_what_the_table_says_of_it(case: Answered, theirs: Proxy) -> None:
    wanted = case.ours if case.nginx is None else case.nginx

    assert answered(theirs, case, wanted) == wanted
