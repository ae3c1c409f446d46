"""Windows are numbered from 0, and no number is given twice."""

from gateway.analysis.window_numbers import WindowNumbers


def test_the_first_is_1_for_another_keys_may_have_begun_before() -> None:
    windows = WindowNumbers()
    assert [windows.number(each) for each in (500, 499, 501)] == [1, 0, 2]


def test_a_window_before_the_first_counts_nowhere() -> None:
    windows = WindowNumbers()
    windows.number(500)
    assert windows.number(490) is None


def test_after_a_reboot_all_windows_are_new() -> None:
    windows = WindowNumbers()
    used = [windows.number(each) for each in (500, 501, 502)]
    again = windows.after_restart()
    after = [again.number(each) for each in (3, 2, 1, 4)]
    assert after[2] is None
    assert not {*used} & {*after}
