"""Nothing a worker counted is lost or counted twice."""

from gateway.analysis.histogram import Histogram
from gateway.control.aggregate import Aggregate
from gateway.handoff.observations import Observations, Series, Spread


def _frame(
    worker: int, pid: int, sequence: int, complete: int, version: str = "v1"
) -> Observations:
    duration = Histogram()
    for _ in range(complete):
        duration.add(0.1)
    return Observations(
        worker=worker,
        pid=pid,
        sequence=sequence,
        series=[
            Series(
                service="chat",
                version=version,
                outcomes={"complete": complete},
                codes={200: complete},
                failures={},
                duration=Spread(duration.sparse(), duration.total),
                cost=0.5,
                priced=complete,
                in_flight=2,
            )
        ],
        downstream_connections=3,
        refused={404: 1},
    )


def test_workers_are_added_up() -> None:
    """Counts, histograms, gauges."""
    aggregate = Aggregate()
    aggregate.take(_frame(0, 10, 1, complete=3))
    aggregate.take(_frame(1, 11, 1, complete=4))

    traffic = aggregate.traffic()

    assert traffic.of("chat", "v1").requests == 7
    assert traffic.of("chat", "v1").duration.count == 7
    assert traffic.of("chat", "v1").in_flight == 4
    assert traffic.of("chat", "v1").priced == 7
    assert traffic.refused == {404: 2}
    assert traffic.downstream == {0: 3, 1: 3}


def test_what_was_dropped_outlives_workers_and_controllers() -> None:
    """The workers' and this process's own."""
    aggregate = Aggregate()
    frame = _frame(0, 10, 1, complete=1)
    frame.dropped = {"access_log": 4, "span": 1}
    aggregate.take(frame)
    aggregate.drop("span", 2)
    successor = Aggregate()
    successor.go_on_from(aggregate.counted())

    assert successor.traffic().dropped == {"access_log": 4, "span": 3}


def test_a_repeated_or_late_frame_changes_nothing() -> None:
    """Frames are running totals, told apart by sequence."""
    aggregate = Aggregate()
    for sequence, complete in ((1, 1), (2, 5), (2, 5), (1, 1)):
        aggregate.take(_frame(0, 10, sequence, complete))

    assert aggregate.traffic().of("chat", "v1").requests == 5


def test_the_dead_keep_their_totals_and_lose_their_gauges() -> None:
    """And memory does not grow with restarts."""
    aggregate = Aggregate()
    for pid in range(10, 40):
        aggregate.welcome(0, pid)
        aggregate.take(_frame(0, pid, 1, complete=2))
        aggregate.lost(0, pid)

    traffic = aggregate.traffic()

    assert traffic.of("chat", "v1").requests == 60
    assert traffic.of("chat", "v1").in_flight == 0
    assert traffic.downstream == {}
    assert len(aggregate._processes) == 1


def test_what_the_dead_counted_for_versions_that_are_gone_is_forgotten() -> None:
    """Memory does not grow with names either."""
    aggregate = Aggregate()
    aggregate.take(_frame(0, 10, 1, complete=2, version="old"))
    aggregate.lost(0, 10)
    aggregate.welcome(0, 11)

    aggregate.forget_all_but({("chat", "v1")})

    assert aggregate.traffic().versions == {}


def test_a_successor_goes_on_from_what_was_counted() -> None:
    """The dead stay counted; whoever lives is counted once."""
    aggregate = Aggregate()
    for pid in (10, 11):
        aggregate.welcome(0, pid)
        aggregate.take(_frame(0, pid, 7, complete=2))
        aggregate.lost(0, pid)
    aggregate.take(_frame(1, 20, 7, complete=4))
    successor = Aggregate()

    successor.go_on_from(aggregate.counted())
    before = successor.traffic()
    successor.welcome(1, 20)
    successor.take(_frame(1, 20, 8, complete=5))
    successor.welcome(0, 12)
    after = successor.traffic()

    assert before.of("chat", "v1").requests == 8
    assert before.of("chat", "v1").in_flight == 0
    assert before.of("chat", "v1").priced == 8
    assert after.of("chat", "v1").requests == 9
    assert after.of("chat", "v1").duration.count == 9
    assert after.of("chat", "v1").in_flight == 2
    assert after.refused == {404: 3}
