"""Where rollouts stand, what that makes of a service, and which word counts."""

from dataclasses import replace

import pytest

from gateway.control.standings import (
    StandingBook,
    definition_of,
    effective,
    hash_of,
    header_routes,
    is_ruled,
    is_same,
    mirror_routes,
    reverse_mirror,
    share_of,
)
from gateway.domain.rollout import (
    HeaderMatch,
    Phase,
    SetHeaderRoute,
    SetMirrorRoute,
    Standing,
)
from gateway.domain.service import Endpoint, Service
from gateway.domain.units import Seconds, Share
from gateway.state.store import KeptRollout
from tests.unit.control.release import CHAT, plan, version

ON = Standing(
    phase=Phase.PROGRESSING,
    attempt=1,
    baseline="v1",
    filed="v1",
    candidate="v2",
    plan=plan(),
    stage=1,
    share=Share(20_000),
)
HIGHER = replace(ON, share=Share(50_000), stage=2)
BACK = replace(ON, phase=Phase.ROLLED_BACK, share=Share(0))
PROMOTED = replace(
    ON,
    phase=Phase.PROMOTED,
    share=Share(100_000),
    serves="v2",
    definition=definition_of(version("v2")),
)
STAFF = SetHeaderRoute(name="staff", match=(HeaderMatch(name="x-staff", exact="1"),))
SHADOW = SetMirrorRoute(name="shadow", share=Share(9_000))


def _book(*standings: Standing) -> StandingBook:
    """Give a book that has read an empty store, and wrote these."""
    book = StandingBook()
    book.adopt(())
    for standing in standings:
        book.write("chat", standing)
    return book


def _kept(standing: Standing, version: int) -> KeptRollout:
    [kept] = _book(standing).kept()
    return replace(kept, version=version)


def test_a_service_that_was_never_started_stands_idle() -> None:
    book = _book()

    assert book.of("chat") == Standing()
    assert (book.kept(), book.items()) == ((), [])


def test_every_write_has_a_newer_version_and_time_alone_has_none() -> None:
    book = _book(ON)
    [first] = book.kept()

    book.tick("chat", replace(ON, in_step=Seconds(3.0)))
    [same] = book.kept()
    book.write("chat", BACK)
    [newer] = book.kept()

    assert (first.version, same.version, newer.version) == (1, 1, 2)


def test_what_is_written_while_something_is_being_kept_is_newer_than_that() -> None:
    book = _book(ON)

    (kept,) = book.next_kept("chat", HIGHER)
    book.write("chat", BACK)

    assert book.of("chat") == BACK
    assert book.kept()[0].version > kept.version


def test_a_store_says_where_it_stands_to_who_does_not_know() -> None:
    book = StandingBook()

    book.adopt([_kept(HIGHER, 7)])

    assert book.of("chat") == HIGHER
    assert book.kept()[0].version == 7


def test_a_kill_by_somebody_who_did_not_know_ends_what_the_store_tells_of() -> None:
    book = StandingBook()
    book.write("chat", replace(Standing(), is_killed=True))

    book.adopt([_kept(HIGHER, 7)])

    stands = book.of("chat")
    assert (stands.is_killed, stands.phase, stands.share) == (True, Phase.ABORTED, 0)
    assert book.kept()[0].version == 8


@pytest.mark.parametrize("version", [1, 2, 3, 9])
def test_a_store_that_comes_back_raises_nothing(version: int) -> None:
    """Whatever it kept of a move that was answered with an error."""
    book = _book(ON, BACK)

    book.adopt([_kept(HIGHER, version)])

    assert book.of("chat") == BACK
    assert book.kept()[0].version >= version
    assert version == 1 or book.kept()[0].version > version


def test_what_never_began_here_does_not_begin_by_a_store_that_comes_back() -> None:
    book = _book()

    book.adopt([_kept(ON, 1)])

    assert book.of("chat") == Standing()
    assert book.kept()[0].version == 2


def test_a_predecessor_that_knew_more_than_the_store_is_believed() -> None:
    """It published a rollback, and had no time to keep it."""
    book = StandingBook()
    book.adopt([_kept(ON, 4)])

    book.adopt_left({"chat": (5, BACK)})

    assert book.of("chat") == BACK


def test_a_store_that_knew_more_than_the_predecessor_is_believed() -> None:
    """It kept a raise, and the predecessor had no time to publish it."""
    book = StandingBook()
    book.adopt([_kept(HIGHER, 5)])

    book.adopt_left({"chat": (4, ON)})

    assert book.of("chat") == HIGHER


def test_a_successor_knows_all_that_was_left() -> None:
    book = _book(ON, BACK)
    after = StandingBook()

    after.adopt_left(book.left())

    assert after.left() == book.left() == {"chat": (2, BACK)}


def test_standings_that_differ_in_time_alone_are_the_same() -> None:
    assert is_same(ON, replace(ON, in_step=Seconds(9), in_phase=Seconds(9)))
    assert not is_same(ON, HIGHER)


def _roles(service: Service, standing: Standing) -> tuple[str, str | None]:
    found = effective(service, standing)
    return found.baseline, found.candidate


def test_a_promoted_version_is_the_baseline_whatever_the_file_still_calls_it() -> None:
    assert _roles(CHAT, ON) == ("v1", "v2")
    assert _roles(CHAT, PROMOTED) == ("v2", None)
    assert _roles(replace(CHAT, candidate="v3"), PROMOTED) == ("v2", "v3")


def test_a_promoted_version_stays_the_baseline_while_the_next_one_is_on() -> None:
    """Nobody has to edit the file's `baseline` for that, and who does changes nothing."""
    following = replace(ON, attempt=2, baseline="v2", candidate="v3", serves="v2")
    service = replace(CHAT, candidate="v3")

    assert _roles(service, following) == ("v2", "v3")
    assert _roles(replace(service, baseline="v2"), following) == ("v2", "v3")


def test_a_second_promotion_outlives_a_file_that_names_the_first() -> None:
    second = replace(
        PROMOTED,
        attempt=2,
        baseline="v2",
        candidate="v3",
        serves="v3",
        definition=definition_of(version("v3")),
    )

    for baseline in ("v1", "v2", "v3"):
        service = replace(CHAT, baseline=baseline, candidate=None)
        assert _roles(service, second) == ("v3", None)


def test_the_file_wins_with_a_baseline_that_nobody_knew() -> None:
    versions = (*CHAT.versions, version("v4"))
    service = replace(CHAT, versions=versions, baseline="v4")

    assert _roles(service, PROMOTED) == ("v4", "v2")


def test_the_file_wins_where_the_promoted_version_is_gone() -> None:
    service = replace(CHAT, versions=(version("v1"),), candidate=None)

    assert _roles(service, PROMOTED) == ("v1", None)


@pytest.mark.parametrize("phase", [Phase.ROLLED_BACK, Phase.ABORTED, Phase.PROMOTED])
def test_an_ended_rollout_comes_to_no_weight_of_a_candidate(phase: Phase) -> None:
    assert share_of(replace(ON, phase=phase)) == 0
    assert share_of(replace(ON, phase=phase, is_killed=True)) == 0


def test_a_running_rollout_comes_to_its_weight_and_a_killed_one_to_none() -> None:
    assert share_of(ON) == 20_000
    assert share_of(replace(ON, phase=Phase.ROLLING_BACK)) == 20_000
    assert share_of(replace(ON, is_killed=True)) == 0


def test_routes_are_in_force_for_their_candidate_while_the_rollout_is_on() -> None:
    routed = replace(
        ON,
        header_routes=(STAFF,),
        mirror_routes=(SHADOW,),
        reverse_mirror=Share(10_000),
    )

    assert header_routes(routed, "v2") == (STAFF,)
    assert mirror_routes(routed, "v2") == (SHADOW,)
    assert reverse_mirror(routed, "v2") == 10_000
    assert reverse_mirror(routed, "v3") == 0
    for out in (
        replace(routed, phase=Phase.ROLLED_BACK),
        replace(routed, is_killed=True),
    ):
        assert (header_routes(out, "v2"), mirror_routes(out, "v2")) == ((), ())
        assert reverse_mirror(out, "v2") == 0


def test_routes_are_not_those_of_the_version_that_takes_the_candidates_place() -> None:
    routed = replace(ON, header_routes=(STAFF,), mirror_routes=(SHADOW,))

    assert (header_routes(routed, "v3"), mirror_routes(routed, None)) == ((), ())


def test_a_rollout_rules_the_weight_while_it_is_on_and_after_it_took_it_back() -> None:
    plain = replace(CHAT, rollout=None)

    assert is_ruled(CHAT, ON)
    assert is_ruled(CHAT, BACK)
    assert not is_ruled(plain, BACK)
    assert not is_ruled(CHAT, PROMOTED)
    assert not is_ruled(CHAT, Standing())
    assert is_ruled(plain, Standing(is_killed=True))


def test_a_version_is_defined_by_its_model_and_not_by_its_places_or_secrets() -> None:
    one = version("v2", set_json=(("/model", "a"),), set_headers=(("x-a", "1"),))
    moved = replace(
        one,
        endpoints=(Endpoint(url="http://g:1", host="g", port=1),),
        set_headers=(("x-a", "1"), ("Authorization", "Bearer new")),
    )

    assert definition_of(moved) == definition_of(one)
    for other in (
        replace(one, set_json=(("/model", "b"),)),
        replace(one, set_headers=(("x-a", "2"),)),
        replace(one, name="v3"),
    ):
        assert definition_of(other) != definition_of(one)


def test_a_plans_hash_tells_it_from_others() -> None:
    assert hash_of(plan(5, 50)) == hash_of(plan(5, 50))
    assert hash_of(plan(5, 50)) != hash_of(plan(5, 51))
