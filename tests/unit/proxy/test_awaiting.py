"""What hangs is late at its deadline, not when its client gives up."""

from gateway.proxy.awaiting import AllAwaiting, Awaited, Awaiting
from gateway.proxy.units import Units


class Exchange:
    """Waits for its first content."""

    def __init__(self, *, has_first_content: bool = False) -> None:
        self.has_first_content = has_first_content

    def note_overdue(self, now: float, units: Units) -> None:
        raise AssertionError


def late(awaiting: Awaiting | AllAwaiting, now: float) -> list[Awaited]:
    return list(awaiting.overdue(now))


def test_the_overdue_are_told_once() -> None:
    awaiting, first, second = Awaiting(2.0), Exchange(), Exchange()
    awaiting.began(first, 10.0)
    awaiting.began(second, 11.0)

    assert late(awaiting, 11.9) == []
    assert late(awaiting, 12.0) == [first]
    assert late(awaiting, 20.0) == [second]
    assert late(awaiting, 30.0) == []


def test_what_came_in_time_is_forgotten() -> None:
    awaiting, answered = Awaiting(2.0), Exchange(has_first_content=True)
    awaiting.began(answered, 10.0)

    assert late(awaiting, 20.0) == []
    answered.has_first_content = False
    assert late(awaiting, 30.0) == []


def test_what_is_over_is_awaited_no_more() -> None:
    awaiting, over = Awaiting(2.0), Exchange()
    awaiting.began(over, 10.0)

    awaiting.ended(over)
    awaiting.ended(over)

    assert late(awaiting, 20.0) == []


def test_a_new_routing_table_lets_nobody_hang_unnoticed() -> None:
    before, after, hung, other = Awaiting(2.0), Awaiting(2.0), Exchange(), Exchange()
    awaiting = AllAwaiting()
    awaiting.use((before,))
    before.began(hung, 10.0)
    awaiting.use((after,))
    after.began(other, 10.5)

    assert late(awaiting, 12.0) == [hung]
    assert late(awaiting, 13.0) == [other]
    assert awaiting.kept == 1


def test_what_nobody_is_awaited_in_any_more_is_let_go_of() -> None:
    awaiting = AllAwaiting()
    for _ in range(100):
        awaiting.use((Awaiting(2.0),))
        assert late(awaiting, 10.0) == []

    assert awaiting.kept == 1
