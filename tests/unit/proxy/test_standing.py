"""When an endpoint is left out, for how long, how it comes back, and who is never left out."""

import random
from collections import Counter
from collections.abc import Coroutine

import pytest

from gateway.domain.health import EndpointCare, EndpointState, OutlierDetection
from gateway.domain.service import Endpoint, PoolLimits, Timeouts
from gateway.domain.units import Seconds
from gateway.proxy.deadlines import Wheel
from gateway.proxy.pool import Pool
from gateway.proxy.standing import pick
from gateway.proxy.whole import WholeAnswers

USUAL = OutlierDetection()
BASE = USUAL.base_ejection_time


def endpoint(number: int) -> Pool:
    """Make an endpoint that nobody connects to."""
    where = Endpoint(url=f"http://e{number}", host=f"e{number}", port=80)
    pool = Pool(where, Timeouts(), PoolLimits(), Wheel(), WholeAnswers(), _never)
    pool.name = f"e{number}"
    return pool


def _never(work: Coroutine[object, object, None]) -> None:
    work.close()


def endpoints(
    number: int,
    detection: OutlierDetection | None = USUAL,
    *,
    slow_start: float = 0.0,
    chance: float = 0.0,
) -> list[Pool]:
    """Make the endpoints of a version; whose dice always say *chance*."""
    made = [endpoint(n) for n in range(number)]
    care = EndpointCare(outlier_detection=detection, slow_start=Seconds(slow_start))
    counts: dict[str, int] = {}
    for one in made:
        one.belongs(care, lambda: chance, counts)
        one.peers = tuple(made)
    return made


def fail(endpoint: Pool, times: int = 5, now: float = 0.0) -> None:
    for _ in range(times):
        endpoint.failed(now)


def come_back(endpoint: Pool, now: float, *, is_reached: bool = True) -> None:
    assert endpoint.wants_trial(now)
    endpoint.tried(now, is_reached=is_reached)


def test_an_endpoint_that_fails_five_times_in_a_row_is_left_out() -> None:
    one, other = endpoints(2)

    fail(one, 4)
    before = one.state(0.0)
    assert one.is_suspect
    fail(one, 1)

    assert before is EndpointState.UP
    assert not one.is_available
    assert one.state(0.0) is EndpointState.EJECTED
    assert not other.is_suspect


def test_an_answer_in_between_forgives_what_was() -> None:
    one, _ = endpoints(2)

    fail(one, 4)
    one.answered(0.0)
    assert not one.is_suspect
    fail(one, 4)

    assert one.is_available


def test_the_last_one_is_never_left_out() -> None:
    for number in (1, 2, 5):
        made = endpoints(number, OutlierDetection(max_ejection_percent=100))

        for one in made:
            fail(one, 50)

        assert sum(one.is_available for one in made) == 1


def test_of_those_that_answer_badly_at_most_half_are_left_out() -> None:
    """They may have been asked badly."""
    made = endpoints(7)

    for one in made:
        fail(one)

    assert sum(one.is_ejected for one in made) == 3


def test_of_those_that_take_no_connection_only_the_last_is_kept() -> None:
    made = endpoints(7)

    for one in made:
        one.is_unreachable = True
        fail(one)

    assert sum(one.is_ejected for one in made) == 6


def test_one_may_be_left_out_however_few_there_are() -> None:
    one, other = endpoints(2, OutlierDetection(max_ejection_percent=0))

    fail(one)
    fail(other)

    assert [one.is_ejected, other.is_ejected] == [True, False]


def test_an_endpoint_whose_others_are_not_well_is_not_left_out() -> None:
    one, other = endpoints(2)
    other.checked(False, 0.0)

    fail(one, 50)

    assert one.is_available


def test_what_began_before_does_not_make_it_longer() -> None:
    one, _ = endpoints(2)

    fail(one, 100)

    assert one.back_in(0.0) == BASE


def test_it_is_left_out_for_longer_each_time_and_the_longest_is_bounded() -> None:
    one, _ = endpoints(2)
    now, lasted = 0.0, []

    for _ in range(15):
        fail(one, now=now)
        lasted.append(one.back_in(now))
        now += lasted[-1]
        come_back(one, now)

    assert lasted == [min(BASE * (n + 1), 300.0) for n in range(15)]


def test_the_end_is_spread_so_that_workers_do_not_come_back_together() -> None:
    one, _ = endpoints(2, chance=1.0)

    fail(one)

    assert one.back_in(0.0) == pytest.approx(BASE * 1.2)


def test_being_sound_for_as_long_is_forgotten_as_fast() -> None:
    one, _ = endpoints(2)
    fail(one)
    come_back(one, BASE)

    fail(one, now=BASE * 2.5)
    assert one.back_in(BASE * 2.5) == BASE


def test_one_that_is_still_not_reached_stays_out_without_a_request() -> None:
    one, _ = endpoints(2)
    fail(one)

    come_back(one, BASE, is_reached=False)

    assert not one.is_available
    assert one.back_in(BASE) == 2 * BASE
    assert not one.wants_trial(BASE)


def test_it_is_tried_once_at_a_time() -> None:
    one, _ = endpoints(2)
    fail(one)

    assert not one.wants_trial(BASE - 0.1)
    assert one.wants_trial(BASE)
    assert not one.wants_trial(BASE)


def test_after_its_return_one_failure_is_enough_and_one_answer_forgives() -> None:
    relapsing, recovered = endpoints(2)
    fail(relapsing)
    come_back(relapsing, BASE)
    fail(relapsing, 1, now=BASE)
    assert relapsing.is_ejected
    come_back(relapsing, 3 * BASE)

    fail(recovered)
    come_back(recovered, BASE)
    recovered.answered(BASE)
    fail(recovered, 4, now=BASE)
    assert not recovered.is_ejected


def test_it_comes_back_bit_by_bit() -> None:
    one, _ = endpoints(2, slow_start=10.0)
    fail(one)
    come_back(one, 30.0)
    one.answered(30.0)

    assert [one.part(30.0 + s) for s in (0.0, 5.0, 10.0)] == [0.1, 0.5, 1.0]
    assert one.state(35.0) is EndpointState.WARMING
    one.look(35.0)
    assert one.is_suspect
    one.look(40.0)
    assert not one.is_suspect


def test_without_slow_start_it_is_back_at_once() -> None:
    one, _ = endpoints(2, slow_start=0.0)
    fail(one)
    come_back(one, 30.0)

    assert one.state(29.9) is EndpointState.UP


def test_switched_off_nothing_is_left_out() -> None:
    one, _ = endpoints(2, None)

    fail(one, 1000)

    assert one.is_available


def test_a_failed_health_check_takes_it_out_and_a_good_one_brings_it_back() -> None:
    one, _ = endpoints(2, slow_start=10.0)

    one.checked(False, 0.0)
    assert one.state(0.0) is EndpointState.DOWN
    assert one.is_suspect
    one.checked(True, 5.0)

    assert one.is_available
    assert one.state(5.0) is EndpointState.WARMING


def test_a_health_check_that_passes_does_not_cut_an_ejection_short() -> None:
    """It may pass while everything else fails."""
    one, _ = endpoints(2)
    fail(one)

    one.checked(False, 1.0)
    one.checked(True, 2.0)

    assert not one.is_available


def test_health_that_was_first_known_changes_nothing() -> None:
    one, _ = endpoints(2, slow_start=10.0)

    one.checked(True, 0.0)

    assert not one.is_suspect


# Who is picked.


def shares(among: list[Pool], now: float = 0.0) -> Counter[str]:
    dice = random.Random(1).random
    return Counter(pick(among, dice, now).name for _ in range(3_000))


def test_nobody_that_is_left_out_is_picked() -> None:
    made = endpoints(3)
    fail(made[1])

    assert shares(made).keys() == {"e0", "e2"}


def test_where_all_are_out_all_are_picked() -> None:
    made = endpoints(3)
    for one in made:
        one.checked(False, 0.0)

    assert shares(made).keys() == {"e0", "e1", "e2"}


def test_one_that_warms_up_is_given_a_part_of_its_share() -> None:
    made = endpoints(3, slow_start=10.0)
    made[2].warm_up(0.0)

    part = [shares(made, now)["e2"] / 1_000 for now in (0.0, 5.0, 10.0)]

    assert 0.03 < part[0] < 0.2
    assert 0.3 < part[1] < 0.7
    assert part[2] == pytest.approx(1.0, abs=0.15)


def test_one_that_warms_up_is_not_flooded_for_being_idle() -> None:
    """The others are busy, and two random choices would all go to it."""
    made = endpoints(3, slow_start=10.0)
    made[0].busy = made[1].busy = 50
    made[2].busy = 6
    made[2].warm_up(0.0)

    assert shares(made)["e2"] == 0


def test_where_all_warm_up_nobody_is_passed_over() -> None:
    made = endpoints(3, slow_start=10.0)
    for one in made:
        one.warm_up(0.0)

    assert min(shares(made).values()) > 800


def test_the_less_busy_of_two_is_picked() -> None:
    made = endpoints(2)
    made[0].busy = 3
    fail(made[1], 1)

    assert shares(made).keys() == {"e1"}
