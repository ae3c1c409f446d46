"""Connections are counted by where they come from."""

import pytest

from gateway.proxy.crowd import Crowd, origin_of


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, origin: str) -> None:
    assert origin_of(address) == origin


def test_who_has_no_connection_is_forgotten() -> None:
    crowd = Crowd()
    for origin in ("a", "b", "a"):
        crowd.came(origin)
    assert (crowd.of("a"), crowd.of("b"), crowd.of("c")) == (2, 1, 0)

    for origin in ("a", "b", "a"):
        crowd.left(origin)
    assert crowd.origins == 0
