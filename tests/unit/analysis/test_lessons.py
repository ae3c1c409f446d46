"""What bets are made from, and when."""

from gateway.analysis.bets import Bets
from gateway.analysis.lessons import Lessons
from gateway.analysis.past import Past


def _of_total(past: Past, coin: float) -> Bets:
    return Bets(((past.total,),), ((coin,),))


def _lessons() -> Lessons:
    return Lessons(2, _of_total)


def test_what_is_learnt_changes_no_bet_before_it_is_settled() -> None:
    lessons = _lessons()
    before = lessons.bets(0.5)
    lessons.learn({0: 100})
    assert lessons.bets(0.5) is before
    lessons.settle()
    assert lessons.bets(0.5) != before


def test_few_new_units_wait_until_they_are_a_fifth() -> None:
    lessons = _lessons()
    lessons.learn({0: 100})
    lessons.settle()
    settled = lessons.bets(0.5)
    lessons.learn({0: 19})
    lessons.settle()
    assert lessons.bets(0.5) is settled
    lessons.learn({0: 1})
    lessons.settle()
    assert lessons.bets(0.5) is not settled
    assert lessons.past.total > 119


def test_what_waits_is_kept_too() -> None:
    lessons, again = _lessons(), _lessons()
    lessons.learn({0: 100})
    lessons.settle()
    lessons.learn({1: 19})
    again.load(lessons.kept())
    for each in (lessons, again):
        each.learn({0: 1})
        each.settle()
    assert again.bets(0.5) == lessons.bets(0.5)


def test_tables_of_many_coins_are_made_again_and_not_held() -> None:
    lessons = _lessons()
    first = lessons.bets(0.001)
    for place in range(2, 100):
        lessons.bets(place / 1000)
    assert lessons.bets(0.001) == first
    assert lessons.bets(0.001) is not first


def _steady(units: int) -> dict[int, int]:
    return dict.fromkeys(range(10, 30), units // 20)


def _settled(bins: dict[int, int]) -> bool:
    """Tell whether new units make new tables, after 10,000 that are spread evenly."""
    lessons = Lessons(41, _of_total)
    lessons.learn(_steady(10_000))
    lessons.settle()
    before = lessons.bets(0.5)
    lessons.learn(bins)
    lessons.settle()
    return lessons.bets(0.5) is not before


def test_steady_units_make_no_new_tables_until_they_are_as_many_as_before() -> None:
    assert not _settled(_steady(9_000))
    assert _settled(_steady(10_000))


def test_units_that_are_unlike_make_new_tables() -> None:
    assert _settled(dict.fromkeys(range(15, 35), 130))
    assert not _settled(dict.fromkeys(range(15, 35), 90))
    assert _settled(_steady(2_400) | {40: 200})


def test_steady_units_do_not_wait_for_ever() -> None:
    lessons = Lessons(41, _of_total)
    for _ in range(8):
        lessons.learn(_steady(10_000))
        lessons.settle()
    made = 0
    for _ in range(40):
        before = lessons.bets(0.5)
        lessons.learn(_steady(10_000))
        lessons.settle()
        made += lessons.bets(0.5) is not before

    assert made == 2
