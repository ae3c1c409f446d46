"""Slices are told in turn: some in each frame, all of them after a few."""

from gateway.answers.segments import Place
from gateway.domain.outcome import Outcome
from gateway.proxy.seen import Seen
from gateway.proxy.tally import MOST_SLICES, ROUND, SlicesInTurn, Tally

SEEN = Seen(Outcome.COMPLETE, 200, 0.1, 0.1)


def _places(number: int) -> list[Place]:
    return [("tenant", str(each), 1) for each in range(number)]


def _tally(places: list[Place], version: str = "v1") -> Tally:
    tally = Tally("chat", version)
    tally.keep_slices(places)
    tally.end(SEEN, places)
    return tally


def _told(turns: SlicesInTurn, *tallies: Tally) -> list[tuple[str, Place | None]]:
    written = turns.write(tallies, everything=False)
    return [(series.version, series.slice) for series in written]


def test_a_round_of_frames_tells_every_slice_once() -> None:
    """Of all versions, then again."""
    turns, places = SlicesInTurn(), _places(20)
    both = _tally(places), _tally(places, "v2")
    every = sorted((version, place) for version in ("v1", "v2") for place in places)

    for _ in range(2):
        frames = [_told(turns, *both) for _ in range(ROUND)]
        assert sorted(each for frame in frames for each in frame) == every
        assert max(map(len, frames)) == 5


def test_a_frame_tells_of_so_many_slices_and_no_more() -> None:
    """However many there are; the last frame tells of all."""
    turns, places = SlicesInTurn(), _places(1_024)
    tally = _tally(places)

    frames = [_told(turns, tally) for _ in range(1_024 // MOST_SLICES)]

    assert {len(frame) for frame in frames} == {MOST_SLICES}
    assert {place for frame in frames for _, place in frame} == set(places)
    assert len(turns.write([tally], everything=True)) == 1_024


def test_turns_go_on_when_slices_vanish() -> None:
    turns, places = SlicesInTurn(), _places(16)
    tally = _tally(places)
    for _ in range(ROUND - 1):
        _told(turns, tally)

    tally.keep_slices(places[:1])

    assert _told(turns, tally) == [("v1", places[0])]
    assert _told(turns, tally) == [("v1", places[0])]
    tally.keep_slices(())
    assert _told(turns, tally) == []


def test_totals_are_told_and_not_what_came_since() -> None:
    """So a frame that is lost costs nothing."""
    turns, places = SlicesInTurn(), _places(1)
    tally = _tally(places)
    _told(turns, tally)
    tally.end(SEEN, places)

    (series,) = turns.write([tally], everything=False)

    assert series.outcomes == {"complete": 2}
