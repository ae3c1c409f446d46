"""Whether a step has seen all keys that come."""

from gateway.analysis.counts import Counts
from gateway.domain.verdict import Assessment
from tests.unit.analysis.trial_play import TOP, counted, events, play, proven, trial


def newly(units: int, *, window: int) -> list[Counts]:
    """Give so many keys that come for the first time, a quarter of them on the candidate."""
    sent = units // 4
    return [events((units - sent, 0), (sent, 0)), again(units, window=window)]


def again(units: int, *, window: int) -> Counts:
    """Give so many that were seen in the step before."""
    visits = of_other_steps(units, window=window)
    visits.visits = units
    return visits


def of_other_steps(units: int, *, window: int) -> Counts:
    """Give so many that were sent before the step began."""
    return events((units - units // 4, 0), (units // 4, 0), process=window)


def test_new_keys_that_come_leave_hope() -> None:
    judged = trial()
    for window in (1, 2, 3):
        play(judged, *newly(200, window=window))
        play(judged, again(200, window=window))
    known = judged.look()
    assert not known.is_dry
    assert known.shortage is None


def test_when_all_that_come_were_seen_it_says_how_many_and_what_to_do() -> None:
    judged = play(trial(), *newly(120, window=1), proven((90, 0), (30, 0)))
    play(judged, again(60, window=2), again(60, window=2))
    known = judged.look()
    assert known.is_dry
    needed = known.units_needed
    assert needed is not None
    assert known.shortage == (
        "All 120 keys that come were seen in this step, 30 of them on the candidate, and"
        f" its margins take about {30 + needed:,}. Promote by hand, or begin again with a"
        " wider margin or a higher weight."
    )


def test_what_was_sent_before_the_step_began_says_nothing_of_its_keys() -> None:
    judged = trial()
    play(judged, of_other_steps(300, window=1), of_other_steps(300, window=2))
    assert judged.look().shortage is None
    play(judged, *newly(5, window=2), of_other_steps(300, window=2))
    assert judged.look().shortage is None


def test_a_key_that_is_new_now_and_then_helps_nobody() -> None:
    judged = play(trial(), *newly(200, window=1), *newly(4, window=2))
    play(judged, again(198, window=2))
    assert not judged.look().is_dry
    play(judged, again(100, window=3), *newly(2, window=3), again(104, window=3))
    assert judged.look().is_dry


def test_few_visits_say_nothing_yet() -> None:
    judged = play(trial(), *newly(40, window=1))
    play(judged, again(39, window=2))
    assert not judged.look().is_dry
    play(judged, again(40, window=3), again(40, window=4))
    play(judged, again(40, window=5), again(40, window=6), again(40, window=7))
    assert judged.look().is_dry


def test_new_keys_after_all_and_a_new_step_bring_hope_back() -> None:
    judged = play(trial(), *newly(120, window=1), again(120, window=2))
    play(judged, again(130, window=3))
    assert judged.look().is_dry
    play(judged, *newly(150, window=4), again(150, window=4))
    assert not judged.look().is_dry
    play(judged, again(300, window=5), again(300, window=6))
    assert judged.look().is_dry
    judged.step_begins(2)
    assert not judged.look().is_dry


def test_what_is_proven_lacks_nothing() -> None:
    judged = play(trial(), *newly(120, window=1))
    play(judged, again(130, window=2), again(130, window=3))
    play(judged, *[proven((300, 0), (100, 0))] * 10)
    known = judged.look()
    assert (known.is_dry, known.proven, known.shortage) == (True, True, None)


def test_it_is_kept() -> None:
    judged = play(trial(), *newly(120, window=1), again(120, window=2))
    judged.add(again(70, window=3))
    kept = type(judged).load(judged.design, judged.dump())
    for each in (judged, kept):
        play(each, again(60, window=3))
        assert each.look().is_dry


def test_where_nobody_is_on_the_candidate_it_says_so() -> None:
    known = Assessment(is_dry=True, baseline_units=40, no_data=("error_rate",))
    assert known.shortage is not None
    assert known.shortage.startswith(
        "All 40 keys that come were seen in this step, none of them on the candidate"
    )


def test_segments_and_other_processes_are_no_visits() -> None:
    judged = play(trial(cells=(("tenant", "a"),)), *newly(120, window=1))
    play(judged, events((90, 0), (30, 0), process=2, cell=1))
    play(judged, counted({0: 90}, {TOP: 1}, process=-2))
    assert not judged.look().is_dry
