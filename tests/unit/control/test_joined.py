"""What was counted is known for as long as it matters, in bounded memory."""

from gateway.control.joined import Joined, Sealed

LASTS_S = 100.0


def test_the_newest_are_known_with_their_values() -> None:
    joined = Joined(lasts_s=LASTS_S, recent=4)
    joined.write(1, 0.0, now=0)
    joined.write(1, 5.0, now=0)

    assert joined.find(1) == 5.0  # ruff: ignore[float-equality-comparison]: kept, not computed
    assert joined.find(2) is None


def test_older_ones_are_known_without_their_values() -> None:
    joined = Joined(lasts_s=LASTS_S, recent=4)
    for key in (9, 2**64 - 1, 0, 5, 7):
        joined.write(key, 1.0, now=0)

    assert [joined.find(key) for key in (9, 2**64 - 1, 0, 5)] == [Sealed.VALUE] * 4
    assert joined.find(7) is not None
    assert joined.find(8) is None


def test_what_no_feedback_can_come_for_is_forgotten() -> None:
    joined = Joined(lasts_s=LASTS_S, recent=2)
    for key in range(3):
        joined.write(key, 1.0, now=0)
    assert joined.find(0) is Sealed.VALUE

    for key in range(10, 13):
        joined.write(key, 1.0, now=LASTS_S + 1)

    assert joined.find(0) is None


def test_memory_is_bounded_whatever_comes() -> None:
    joined = Joined(lasts_s=LASTS_S, recent=2)
    for key in range(1000):
        joined.write(key, 1.0, now=0)

    found = [key for key in range(1000) if joined.find(key) is not None]

    assert len(found) <= 2 * 36 + 2
    assert found[-1] == 999
