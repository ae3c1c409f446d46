"""What workers say of endpoints: put together, and forgotten with the worker."""

from collections import Counter

import pytest

from gateway.control.aggregate import Aggregate
from gateway.domain.health import EndpointState
from gateway.handoff.observations import EndpointTold, Observations, Series

PLACE = ("chat", "v1")


def _frame(
    worker: int, *told: EndpointTold, ejected: int = 0, pid: int = 0
) -> Observations:
    return Observations(
        worker=worker,
        pid=pid or 10 + worker,
        sequence=1,
        series=[
            Series(service="chat", version="v1", ejections={"unreachable": ejected})
        ],
        endpoints=list(told),
        downstream_connections=0,
        refused={},
    )


def _told(state: str = "up", url: str = "http://a", **more: object) -> EndpointTold:
    return EndpointTold(service="chat", version="v1", url=url, state=state, **more)  # type: ignore[arg-type]


def test_the_worst_that_a_worker_sees_is_shown_with_how_many_see_it() -> None:
    aggregate = Aggregate()
    aggregate.take(_frame(0, _told("ejected", back_in=9.0), _told(url="http://b")))
    aggregate.take(_frame(1, _told(), _told(url="http://b")))
    aggregate.take(_frame(2, _told("ejected", back_in=4.0), _told(url="http://b")))

    a, b = aggregate.traffic().endpoints[PLACE]

    assert (a.state, a.states) == (EndpointState.EJECTED, {"ejected": 2, "up": 1})
    assert a.back_in == pytest.approx(4.0)
    assert (b.state, b.states) == (EndpointState.UP, {"up": 3})


def test_addresses_of_one_name_are_told_apart() -> None:
    aggregate = Aggregate()
    aggregate.take(_frame(0, _told(address="10.0.0.1"), _told(address="10.0.0.2")))

    seen = aggregate.endpoints()[PLACE]

    assert [one.address for one in seen] == ["10.0.0.1", "10.0.0.2"]


def test_what_a_worker_that_is_gone_saw_counts_no_more_but_its_counts_do() -> None:
    aggregate = Aggregate()
    aggregate.take(_frame(0, _told("ejected"), ejected=2))
    aggregate.lost(0, 10)
    assert aggregate.endpoints() == {}

    aggregate.take(_frame(0, _told(), ejected=1, pid=99))
    aggregate.welcome(0, 99)

    [one] = aggregate.endpoints()[PLACE]
    assert one.states == {"up": 1}
    assert aggregate.traffic().of(*PLACE).ejections == Counter({"unreachable": 3})
    successor = Aggregate()
    successor.go_on_from(aggregate.counted())
    assert successor.traffic().of(*PLACE).ejections == Counter({"unreachable": 3})
