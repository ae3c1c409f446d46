"""Which service takes a request."""

import pytest

from gateway.domain.service import Match
from gateway.routing.match import bare_host, fits


@pytest.mark.parametrize(
    ("match", "host", "path", "takes"),
    [
        (Match(), "any", "/any", True),
        (Match(hosts=("a.example",)), "a.example", "/", True),
        (Match(hosts=("a.example",)), "b.example", "/", False),
        (Match(hosts=("*.example",)), "x.y.example", "/", True),
        (Match(hosts=("*.example",)), "example", "/", False),
        (Match(paths=("/v1/",)), "a", "/v1/chat", True),
        (Match(paths=("/v1/",)), "a", "/v1", False),
        (Match(paths=("/v1",)), "a", "/v1", True),
        (Match(paths=("/v1",)), "a", "/v1/chat", True),
        (Match(paths=("/v1",)), "a", "/v10", False),
        (Match(hosts=("a",), paths=("/x",)), "a", "/y", False),
    ],
)
def test_host_and_path_must_both_fit(
    match: Match, host: str, path: str, takes: bool
) -> None:
    assert fits(match, host, path) is takes


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("A.Example:8080", "a.example"),
        ("a.example", "a.example"),
        ("a.example.", "a.example"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
        ("a:", "a"),
    ],
)
def test_a_host_is_compared_without_port_and_case(authority: str, host: str) -> None:
    assert bare_host(authority) == host
