"""Who the client is, and what the next hop is told of it."""

import pytest

from gateway.wire.forwarded import (
    MOST_HOPS,
    client_address,
    forwarded_lines,
    parse_networks,
)

TRUSTED = parse_networks(["10.0.0.0/8", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("192.0.2.1", b"", "192.0.2.1"),
        ("192.0.2.1", b"203.0.113.9", "192.0.2.1"),  # an untrusted peer's word
        ("10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        (
            "10.0.0.1",
            b"198.51.100.1, 203.0.113.9",
            "203.0.113.9",
        ),  # forged further left
        ("10.0.0.1", b"203.0.113.9, 10.2.3.4", "203.0.113.9"),
        ("10.0.0.1", b"203.0.113.9:5555", "203.0.113.9"),
        ("10.0.0.1", b"[2001:db8::7]:5", "2001:db8::7"),
        ("10.0.0.1", b"junk", "10.0.0.1"),
        ("10.0.0.1", b"203.0.113.9, junk", "10.0.0.1"),
        ("::ffff:10.0.0.1", b"203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_client_is_the_first_hop_that_is_not_trusted(
    peer: str, chain: bytes, client: str
) -> None:
    assert client_address(peer, chain, TRUSTED) == client


def lines(fields: dict[bytes, bytes], *, is_trusted: bool) -> list[bytes]:
    return forwarded_lines(
        peer=b"192.0.2.1",
        scheme=b"http",
        host=b"gate:80",
        fields=fields,
        is_trusted=is_trusted,
    ).split(b"\r\n")[:-1]


def test_the_chain_is_appended_to() -> None:
    told = lines(
        {b"x-forwarded-for": b"1.1.1.1", b"forwarded": b"for=1.1.1.1"}, is_trusted=False
    )

    assert told == [
        b"x-forwarded-for: 1.1.1.1, 192.0.2.1",
        b"x-forwarded-host: gate:80",
        b"x-forwarded-proto: http",
        b'forwarded: for=1.1.1.1, for=192.0.2.1;host="gate:80";proto=http',
        b"via: 1.1 sluicegate",
    ]


def test_the_gateway_is_one_more_hop() -> None:
    """RFC 9110 section 7.6.3: appended, so that loops and versions can be seen."""
    assert b"via: 1.0 edge, 1.1 sluicegate" in lines(
        {b"via": b"1.0 edge"}, is_trusted=False
    )


def test_only_a_trusted_hop_may_say_which_scheme_and_host_were_asked_for() -> None:
    claims = {b"x-forwarded-proto": b"https", b"x-forwarded-host": b"public.example"}

    assert b"x-forwarded-proto: https" in lines(claims, is_trusted=True)
    assert b"x-forwarded-host: public.example" in lines(claims, is_trusted=True)
    assert b"x-forwarded-proto: http" in lines(claims, is_trusted=False)


def test_an_ipv6_peer_is_bracketed_and_quoted_in_forwarded() -> None:
    told = forwarded_lines(
        peer=b"2001:db8::1", scheme=b"http", host=b"h", fields={}, is_trusted=False
    )

    assert b'forwarded: for="[2001:db8::1]";host="h";proto=http' in told


def test_no_more_hops_are_walked_than_a_real_chain_has() -> None:
    hops = [b"10.0.%d.%d" % (n // 250, n % 250) for n in range(5000)]

    found = client_address("10.0.0.1", b",".join([b"203.0.113.9", *hops]), TRUSTED)

    assert found == hops[-MOST_HOPS].decode()


def test_a_chain_of_as_many_hops_as_are_walked_is_walked_to_its_end() -> None:
    chain = b", ".join([b"203.0.113.9", *[b"10.0.0.9"] * (MOST_HOPS - 1)])

    assert client_address("10.0.0.1", chain, TRUSTED) == "203.0.113.9"


def test_an_entry_that_is_too_long_for_an_address_is_none() -> None:
    assert client_address("10.0.0.1", b":" * 60_000, TRUSTED) == "10.0.0.1"
