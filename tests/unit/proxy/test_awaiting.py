"""What hangs is late at its deadline, not when its client gives up."""

from gateway.proxy.awaiting import Awaiting


class Exchange:
    """Waits for its first content."""

    def __init__(self, *, has_first_content: bool = False) -> None:
        self.has_first_content = has_first_content
        self.told = 0

    def note_overdue(self) -> None:
        self.told += 1


def test_the_overdue_are_told_once() -> None:
    awaiting, early, late = Awaiting(2.0), Exchange(), Exchange()
    awaiting.began(early, 10.0)
    awaiting.began(late, 11.0)

    awaiting.sweep(11.9)
    assert (early.told, late.told) == (0, 0)
    awaiting.sweep(12.0)
    assert (early.told, late.told) == (1, 0)
    awaiting.sweep(20.0)
    awaiting.sweep(30.0)
    assert (early.told, late.told) == (1, 1)


def test_what_came_in_time_is_forgotten() -> None:
    awaiting, answered = Awaiting(2.0), Exchange(has_first_content=True)
    awaiting.began(answered, 10.0)

    awaiting.sweep(20.0)
    answered.has_first_content = False
    awaiting.sweep(30.0)

    assert answered.told == 0


def test_what_is_over_is_awaited_no_more() -> None:
    awaiting, over = Awaiting(2.0), Exchange()
    awaiting.began(over, 10.0)

    awaiting.ended(over)
    awaiting.ended(over)
    awaiting.sweep(20.0)

    assert over.told == 0
