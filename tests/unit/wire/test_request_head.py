"""What a request's head must be, beyond what the parser has already refused."""

import pytest

from gateway.domain.errors import Refused
from gateway.wire.request_head import (
    REQUEST_LINES,
    RequestHead,
    check_method,
    read_request_head,
)

HOST = (b"Host", b"models.example")


def read(
    *fields: tuple[bytes, bytes],
    method: bytes = b"POST",
    target: bytes = b"/v1/chat",
    version: str = "1.1",
) -> RequestHead:
    understood = [REQUEST_LINES.field(*field) for field in fields]
    return read_request_head(method, target, version, understood)


def refusal(*fields: tuple[bytes, bytes], **also: object) -> Refused:
    with pytest.raises(Refused) as refused:
        read(*fields, **also)  # type: ignore[arg-type]
    return refused.value


def test_ordinary_fields_pass_as_they_were_sent_and_in_order() -> None:
    head = read(HOST, (b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3"))

    assert head.block == b"".join([b"X-B: 1\r\n", b"x-a: 2\r\n", b"X-B: 3\r\n"])


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    head = read(
        (b"Host", b"gate \t"), (b"X-User-Id", b"ann  "), (b"Content-Length", b"5 ")
    )

    assert (head.host, head.fields[b"x-user-id"], head.content_length) == (
        b"gate",
        b"ann",
        5,
    )


def test_a_repeated_field_is_looked_up_by_its_first_value() -> None:
    assert read(HOST, (b"X-B", b"1"), (b"x-b", b"2")).fields[b"x-b"] == b"1"


@pytest.mark.parametrize(
    "name",
    [
        b"Connection",
        b"Keep-Alive",
        b"Proxy-Connection",
        b"Proxy-Authorization",
        b"TE",
        b"Transfer-Encoding",
        b"Upgrade",
    ],
)
def test_hop_by_hop_fields_stop_here(name: bytes) -> None:
    value = b"chunked" if name == b"Transfer-Encoding" else b"x"

    assert read(HOST, (name, value)).block == b""


def test_fields_listed_in_connection_stop_here() -> None:
    head = read(
        HOST, (b"X-Hop", b"1"), (b"Connection", b"close, x-hop"), (b"X-On", b"2")
    )

    assert head.block == b"".join([b"X-On: 2\r\n"])


def test_nobody_may_speak_as_the_gateway() -> None:
    assert read(HOST, (b"X-Sluicegate-Version", b"v2")).block == b""


@pytest.mark.parametrize("hosts", [0, 2])
def test_http_1_1_needs_exactly_one_host(hosts: int) -> None:
    assert refusal(*[HOST] * hosts).status == 400


def test_http_1_0_needs_no_host() -> None:
    assert read(version="1.0").host == b""


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2", "3.0"])
def test_other_versions_are_505(version: str) -> None:
    assert refusal(HOST, version=version).status == 505


def test_chunks_in_http_1_0_are_refused() -> None:
    assert refusal((b"Transfer-Encoding", b"chunked"), version="1.0").status == 400


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a/b",
        b"user@host",
        b"host:port",
        b"[::1",
        b"a\\b",
        b"a?b",
        b"host:80:80",
    ],
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    assert refusal((b"Host", host)).status == 400


@pytest.mark.parametrize(
    "host", [b"", b"a.example", b"a:8080", b"[::1]:80", b"10.0.0.1"]
)
def test_host_names_and_addresses_are_taken(host: bytes) -> None:
    assert read((b"Host", host)).host == host


def test_an_absolute_target_wins_over_the_host_field() -> None:
    head = read(HOST, target=b"http://other.example:81/a?b=1")

    assert (head.host, head.target, head.path) == (
        b"other.example:81",
        b"/a?b=1",
        b"/a",
    )


def test_an_absolute_target_without_a_path_asks_for_the_root() -> None:
    assert read(HOST, target=b"http://other.example").target == b"/"
    assert read(HOST, target=b"http://other.example?q").target == b"/?q"


def test_options_may_ask_for_the_server_as_a_whole() -> None:
    assert read(HOST, method=b"OPTIONS", target=b"*").target == b"*"


@pytest.mark.parametrize(
    "target", [b"*", b"v1/chat", b"ftp://a/b", b"/a#b", b"http:///x"]
)
def test_other_targets_are_refused(target: bytes) -> None:
    assert refusal(HOST, target=target).status == 400


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE"])
def test_what_reaches_past_the_gateway_is_refused(method: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check_method(method)

    assert refused.value.status == 405


@pytest.mark.parametrize(
    "codings", [[b"gzip, chunked"], [b"identity", b"chunked"], [b", chunked"], [b"x"]]
)
def test_a_body_in_another_coding_than_chunks_is_refused(codings: list[bytes]) -> None:
    """It is framed anew: the endpoint would get a compressed body that says nothing of it."""
    fields = [(b"Transfer-Encoding", coding) for coding in codings]

    assert refusal(HOST, *fields).status == 501


def test_a_second_expectation_counts_as_the_first_does() -> None:
    expect = b"Expect"

    assert refusal(HOST, (expect, b"100-continue"), (expect, b"x")).status == 417


def test_a_broken_host_is_refused_beside_an_absolute_target() -> None:
    assert refusal((b"Host", b"a/b"), target=b"http://h/").status == 400


@pytest.mark.parametrize(
    "name",
    [b"X_Forwarded_For", b"x_sluicegate_version", b"Content_Length", b"X-Request_Id"],
)
def test_a_name_that_some_servers_read_as_one_of_ours_stops_here(name: bytes) -> None:
    """Of CGI and WSGI, which know no hyphens, and of what copies them."""
    head = read(HOST, (name, b"1"), (b"X_User", b"2"))

    assert head.block == b"X_User: 2\r\n"


def test_an_unknown_expectation_is_417() -> None:
    assert refusal(HOST, (b"Expect", b"a-miracle")).status == 417


def test_100_continue_is_expected_only_where_there_is_a_body() -> None:
    expect = (b"Expect", b"100-Continue")
    assert read(HOST, expect, (b"Content-Length", b"5")).expects_continue
    assert not read(HOST, expect).expects_continue
    assert not read(expect, (b"Content-Length", b"5"), version="1.0").expects_continue


@pytest.mark.parametrize(
    ("kind", "is_json"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/vnd.api+json", True),
        (b"text/plain", False),
        (b"application/jsonl", False),
    ],
)
def test_json_is_told_by_the_content_type(kind: bytes, is_json: bool) -> None:
    assert read(HOST, (b"Content-Type", kind)).is_json is is_json


def test_encoded_json_is_not_readable() -> None:
    head = read(
        HOST, (b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")
    )

    assert not head.is_json


def test_a_refusal_says_what_to_do() -> None:
    error = refusal(HOST, HOST)

    assert str(error) == (
        "The request has 2 Host headers. Send exactly one (RFC 9112 section 3.2)."
    )
