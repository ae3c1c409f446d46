"""Listeners change whole or not at all, and what stays keeps its socket."""

import socket
from collections.abc import Iterator

import pytest

from gateway.app.bound import MOST_LISTENERS, Bound, bind, shown
from gateway.domain.deployment import Address
from gateway.domain.errors import CannotListen

ANY = Address(host="127.0.0.1", port=0)


def free() -> Address:
    """Give an address that nobody uses."""
    with bind(ANY) as one:
        return Address(host="127.0.0.1", port=one.getsockname()[1])


def accepts(address: Address) -> bool:
    """Tell whether somebody listens there."""
    try:
        socket.create_connection((address.host, address.port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def bound() -> Iterator[Bound]:
    """Give one listener."""
    made = Bound([free()])
    yield made
    made.close()


def test_what_is_prepared_changes_nothing_until_it_is_taken(bound: Bound) -> None:
    [first] = bound.listening
    new = free()

    bound.prepare([new])

    assert bound.listening == [first]
    gone = bound.take()
    assert gone == [first]
    assert [each.address for each in bound.listening] == [new]
    gone[0].socket.close()
    assert accepts(new)
    assert bound.take() == []


def test_what_stays_keeps_its_socket_in_the_order_of_the_configuration(
    bound: Bound,
) -> None:
    [first] = bound.listening

    bound.prepare([free(), first.address])

    assert bound.take() == []
    assert bound.listening[1] is first


def test_where_one_cannot_be_bound_none_is(bound: Bound) -> None:
    new = free()
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = Address(host="127.0.0.1", port=somebody.getsockname()[1])
        with pytest.raises(CannotListen, match="Address already in use"):
            bound.prepare([new, taken])

    assert not accepts(new)
    assert bound.take() == []
    assert len(bound.listening) == 1


def test_what_is_dropped_is_free_again(bound: Bound) -> None:
    new = free()
    bound.prepare([bound.listening[0].address, new])

    bound.drop()

    assert not accepts(new)
    assert accepts(bound.listening[0].address)


def test_ports_that_the_system_chooses_are_as_many_as_are_asked_for() -> None:
    bound = Bound([ANY, ANY])
    before = [shown(each.socket) for each in bound.listening]

    bound.prepare([ANY, ANY, ANY])

    assert bound.take() == []
    assert [shown(each.socket) for each in bound.listening[:2]] == before
    assert [name for _each, name in bound.named()] == [
        "127.0.0.1:0",
        "127.0.0.1:0#2",
        "127.0.0.1:0#3",
    ]
    bound.close()


def test_more_than_one_message_can_carry_are_refused(bound: Bound) -> None:
    with pytest.raises(CannotListen, match="up to 200 listeners"):
        bound.prepare([ANY] * (MOST_LISTENERS + 1))
