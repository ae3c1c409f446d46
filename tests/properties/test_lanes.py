"""Several candidates: what one gains it gains from the baseline, and from nobody else."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import BadWeights, GatewayError, NotAllowedNow
from gateway.domain.lane import (
    candidate_of,
    lane_name,
    largest_share,
    service_of,
    within_lane,
)
from gateway.domain.rollout import RolloutPlan, Strategy
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import BUCKETS, Share, percent_from_share
from gateway.handoff.routing_table import RoutedService, RoutingTable, percents_of
from gateway.proxy.plane import Plane
from gateway.proxy.routes import Route
from tests.unit.control.release import Release
from tests.unit.control.test_lanes import Comparison, ab

KEYS = [b"user-%d" % number for number in range(2000)]
NAMES = ("A", "B", "C", "D")

shares = st.lists(st.integers(0, BUCKETS // 4), min_size=2, max_size=4)


def lanes(of_service: Sequence[int], salts: Sequence[str] = ()) -> RoutingTable:
    """Make a table of one service, with these shares of it for its candidates."""
    count = len(of_service)
    names = NAMES[:count]
    endpoint = Endpoint(url="http://h:1", host="h", port=1)
    versions = tuple(Version(name=n, endpoints=(endpoint,)) for n in ("base", *names))
    plan = RolloutPlan(strategy=Strategy.AB, lanes=names)
    return RoutingTable(
        epoch=1,
        services=tuple(
            RoutedService(
                service=Service(
                    name=lane_name("chat", name),
                    versions=versions,
                    baseline="base",
                    candidate=name,
                    rollout=plan,
                ),
                share=within_lane(Share(share), count),
                salt=salts[number] if salts else f"salt-{name}",
                revision=1,
            )
            for number, (name, share) in enumerate(zip(names, of_service, strict=True))
        ),
    )


def head_of(table: RoutingTable) -> Route:
    plane = Plane(asyncio.Task)
    plane.dice = Random(7)
    plane.use(table)
    assert plane.routes is not None
    assert plane.routes.takes_all is not None
    return plane.routes.takes_all


def assigned(table: RoutingTable) -> list[str]:
    head = head_of(table)
    return [head.in_lane(key).target_for(key).version.name for key in KEYS]


@given(before=shares, changes=st.data())
def test_no_key_ever_moves_from_one_candidate_to_another(
    before: list[int], changes: st.DataObject
) -> None:
    after = changes.draw(
        st.lists(
            st.integers(0, BUCKETS // 4), min_size=len(before), max_size=len(before)
        )
    )

    pairs = zip(assigned(lanes(before)), assigned(lanes(after)), strict=True)

    assert not {
        (was, now) for was, now in pairs if was != now and "base" not in (was, now)
    }


@given(before=shares, which=st.integers(0, 3), share=st.integers(0, BUCKETS // 4))
def test_what_becomes_of_one_candidate_touches_no_key_of_another(
    before: list[int], which: int, share: int
) -> None:
    which %= len(before)
    after = [share if number == which else s for number, s in enumerate(before)]
    salts = [f"s{n}" for n in range(len(before))]
    fresh = ["anew" if number == which else salt for number, salt in enumerate(salts)]

    pairs = zip(
        assigned(lanes(before, salts)), assigned(lanes(after, fresh)), strict=True
    )

    assert {name for pair in pairs if len(set(pair)) > 1 for name in pair} <= {
        "base",
        NAMES[which],
    }


@given(of_service=shares)
def test_weights_sum_to_a_hundred_percent_of_the_service(of_service: list[int]) -> None:
    percents = percents_of(lanes(of_service).services)

    assert sum(percents.values()) == pytest.approx(100)
    for name, share in zip(NAMES, of_service, strict=False):
        assert percents[name] == pytest.approx(percent_from_share(Share(share)))


def test_everybody_has_what_the_weights_say() -> None:
    """20,000 keys within five sigma of 20, 10 and 70 percent; without a key too."""
    head = head_of(lanes([20_000, 10_000]))
    keys = [b"k%d" % number for number in range(20_000)]

    keyed = Counter(head.in_lane(k).target_for(k).version.name for k in keys)
    tossed = Counter(head.in_lane(None).target_for(None).version.name for _ in keys)

    for counted in (keyed, tossed):
        for name, percent in (("A", 20), ("B", 10), ("base", 70)):
            p = percent / 100
            assert abs(counted[name] - 20_000 * p) < 5 * (20_000 * p * (1 - p)) ** 0.5


def test_where_a_key_lies_in_its_lane_does_not_depend_on_the_lane() -> None:
    """A chi-squared test of two lanes by ten tenths: 9 degrees, 33.7 is 1 in 10,000."""
    head = head_of(lanes([20_000, 20_000], ["the-same", "the-same"]))
    counted: Counter[tuple[int, int]] = Counter()
    for number in range(20_000):
        key = b"u-%d" % number
        route = head.in_lane(key)
        counted[head.lanes.index(route), route.bucket(key) * 10 // BUCKETS] += 1

    rows = [sum(counted[lane, tenth] for tenth in range(10)) for lane in (0, 1)]
    columns = [sum(counted[lane, tenth] for lane in (0, 1)) for tenth in range(10)]
    chi = sum(
        (counted[lane, tenth] - expected) ** 2 / expected
        for lane in (0, 1)
        for tenth in range(10)
        if (expected := rows[lane] * columns[tenth] / 20_000)
    )

    assert chi < 33.7


def test_all_that_a_candidate_can_have_of_the_service_is_its_lane() -> None:
    assert [largest_share(count) for count in (1, 2, 3)] == [100_000, 50_000, 33_333]
    assert within_lane(largest_share(2), 2) == BUCKETS
    assert within_lane(Share(BUCKETS), 3) == BUCKETS
    assert service_of(lane_name("chat", "A")) == service_of("chat") == "chat"


ACTIONS = [
    (lane, action)
    for lane in ("chat:A", "chat:B")
    for action in (
        "start",
        "pause",
        "resume",
        "promote",
        "promote in full",
        "abort",
        "retry",
        "kill",
        "unkill",
        "fails",
        "10 %",
        "30 %",
    )
]


@settings(max_examples=30, deadline=None)
@given(done=st.lists(st.sampled_from(ACTIONS), max_size=12))
def test_whatever_is_done_no_key_moves_between_candidates(
    done: list[tuple[str, str]],
) -> None:
    """By hand or by evidence: each table that is published, against the one before."""
    asyncio.run(_holds(done))


async def _holds(done: list[tuple[str, str]]) -> None:
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    before, baseline = assigned(compared.release.gate.table), "base"
    for lane, action in done:
        with suppress(NotAllowedNow, BadWeights):
            await _do(compared, lane, action)
        await compared.release.passes()
        table = compared.release.gate.table
        now, serves = assigned(table), table.services[0].service.baseline
        assert {routed.service.baseline for routed in table.services} == {serves}
        moved = {pair for pair in zip(before, now, strict=True) if len({*pair}) > 1}
        assert all({baseline, serves} & {*pair} for pair in moved), moved
        assert sum(compared.percents().values()) == pytest.approx(100)
        before, baseline = now, serves


async def _do(compared: Comparison, lane: str, action: str) -> None:
    if action == "fails":
        compared.fails(candidate_of(lane), keys=100)
    elif action.endswith("%"):
        await compared.sets(None, **{candidate_of(lane): int(action[:2])})
    else:
        word, _, full = action.partition(" ")
        await compared.one_does(lane, word, full=bool(full))


@settings(max_examples=100, deadline=None)
@given(
    done=st.lists(st.sampled_from(ACTIONS), max_size=5),
    first=st.sampled_from(ACTIONS),
    second=st.sampled_from([*ACTIONS, ("chat", "kill"), ("chat", "abort")]),
    with_last=st.booleans(),
)
def test_whatever_overtakes_what_a_restart_changes_nothing(
    done: list[tuple[str, str]],
    first: tuple[str, str],
    second: tuple[str, str],
    with_last: bool,
) -> None:
    """Two things are asked for at once, while the store takes its time."""
    asyncio.run(_outlives(done, first, second, with_last=with_last))


async def _outlives(
    done: list[tuple[str, str]],
    first: tuple[str, str],
    second: tuple[str, str],
    *,
    with_last: bool,
) -> None:
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    for lane, action in done:
        with suppress(NotAllowedNow, BadWeights):
            await _do(compared, lane, action)
        await compared.release.passes()
    compared.release.store.may_save.clear()
    async with asyncio.TaskGroup() as tasks:
        for lane, action in (first, second):
            tasks.create_task(_try(compared, lane, action))
            for _ in range(20):
                await asyncio.sleep(0)
        compared.release.look()
        compared.release.store.may_save.set()
    await compared.release.settles()
    in_force, before = compared.percents(), _killed(compared)

    await compared.release.begins(with_last=with_last)

    assert compared.percents() == in_force
    assert _killed(compared) == before


async def _try(compared: Comparison, lane: str, action: str) -> None:
    with suppress(GatewayError):
        if lane == "chat":
            await compared.all_do(action)
        else:
            await _do(compared, lane, action)


def _killed(compared: Comparison) -> list[bool]:
    return [compared.standing(lane).is_killed for lane in ("chat:A", "chat:B")]
