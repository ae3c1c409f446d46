"""Nothing a worker counted is lost or counted twice."""

from gateway.analysis.histogram import Histogram
from gateway.control.aggregate import Aggregate
from gateway.handoff.observations import Observations, Series, Spread

A, B = ("tenant", "a", 1), ("tenant", "b", 1)
A_ANEW = ("tenant", "a", 2)


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


def test_copies_are_counted_apart_from_traffic() -> None:
    """Over workers that live, that died, and of a controller before."""
    aggregate = Aggregate()
    for worker, pid in ((0, 10), (0, 11), (1, 12)):
        frame = _frame(worker, pid, 1, complete=1)
        frame.mirrored = [
            Series(service="chat", version="v2", outcomes={"complete": 2}, cost=0.25)
        ]
        aggregate.take(frame)
        if pid == 10:
            aggregate.lost(worker, pid)
            aggregate.welcome(worker, 11)
    successor = Aggregate()
    successor.go_on_from(aggregate.counted())

    for traffic in (aggregate.traffic(), successor.traffic()):
        copies = traffic.mirrored["chat", "v2"]
        assert (copies.requests, copies.cost) == (6, 0.75)
        assert traffic.of("chat", "v2").requests == 0
        assert traffic.of("chat", "v1").requests == 3
    successor.forget_all_but({("chat", "v1"): ()})
    assert successor.traffic().mirrored["chat", "v2"].requests == 4  # of the living


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

    aggregate.forget_all_but({("chat", "v1"): ()})

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


def _sliced(
    worker: int, pid: int, sequence: int, slices: dict[tuple[str, str, int], int]
) -> Observations:
    """Give a frame that tells how many exchanges there were in some slices."""
    frame = _frame(worker, pid, sequence, complete=1)
    frame.slices = []
    for place, complete in slices.items():
        (series,) = _frame(worker, pid, sequence, complete).series
        series.slice = place
        frame.slices.append(series)
    return frame


def _shown(aggregate: Aggregate, version: str = "v1") -> dict[tuple[str, str], int]:
    slices = aggregate.slices("chat").get(version, {})
    return {place: seen.requests for place, seen in slices.items()}


def test_slices_are_added_up_over_the_living_and_the_dead() -> None:
    """Each once, of one service."""
    aggregate = Aggregate()
    aggregate.take(_sliced(0, 10, 1, {A: 2}))
    aggregate.lost(0, 10)
    aggregate.welcome(0, 11)
    aggregate.take(_sliced(0, 11, 1, {A: 3, B: 1}))
    aggregate.take(_sliced(1, 20, 1, {A: 4}))

    assert _shown(aggregate) == {("tenant", "a"): 9, ("tenant", "b"): 1}
    assert _shown(aggregate) == {("tenant", "a"): 9, ("tenant", "b"): 1}
    assert aggregate.slices("chat")["v1"]["tenant", "a"].duration.count == 9
    assert aggregate.slices("talk") == {}


def test_slices_that_are_defined_otherwise_are_forgotten() -> None:
    """Of the living and the dead, and of frames that were under way."""
    aggregate = Aggregate()
    aggregate.take(_sliced(0, 10, 1, {A: 2, B: 2}))
    aggregate.lost(0, 10)
    aggregate.welcome(0, 11)
    aggregate.take(_sliced(0, 11, 1, {A: 3, B: 3}))

    aggregate.forget_all_but({("chat", "v1"): (A_ANEW, B)})
    aggregate.take(_sliced(1, 20, 1, {A: 4, A_ANEW: 1}))

    assert _shown(aggregate) == {("tenant", "a"): 1, ("tenant", "b"): 5}
    aggregate.forget_all_but({})
    assert aggregate.slices("chat") == {}
    assert not aggregate._gone_slices


def test_a_successor_has_the_slices_that_nobody_tells_again() -> None:
    """Those of the dead; whoever lives tells its own."""
    aggregate = Aggregate()
    aggregate.take(_sliced(0, 10, 1, {A: 1}))
    aggregate.lost(0, 10)
    aggregate.welcome(0, 11)
    aggregate.take(_sliced(0, 11, 1, {A: 2}))
    aggregate.lost(0, 11)
    aggregate.take(_sliced(1, 20, 1, {A: 4}))
    successor = Aggregate()

    successor.go_on_from(aggregate.counted())

    assert _shown(successor) == {("tenant", "a"): 3}
    successor.take(_sliced(1, 20, 2, {A: 5}))
    assert _shown(successor) == {("tenant", "a"): 8}
    assert successor.traffic().of("chat", "v1").requests == 3


def test_what_a_frame_does_not_tell_of_a_slice_still_holds() -> None:
    """The newest that told of it counts, whatever comes late."""
    aggregate = Aggregate()
    aggregate.take(_sliced(0, 10, 1, {A: 1}))
    aggregate.take(_sliced(0, 10, 3, {B: 3}))
    aggregate.take(_sliced(0, 10, 4, {A: 4}))
    aggregate.take(_sliced(0, 10, 2, {A: 2, B: 2}))
    aggregate.take(_sliced(0, 10, 5, {}))

    assert _shown(aggregate) == {("tenant", "a"): 4, ("tenant", "b"): 3}
