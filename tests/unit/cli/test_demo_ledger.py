"""What the demo counts, so that what it shows is true."""

import pytest

from gateway.cli.demo.ledger import Ending, Ledger, Visit, is_credible


def _visit(
    user: int,
    version: str | None,
    *,
    steps: tuple[int, int, int] = (0, 0, 0),
    claim: str | None = None,
    ending: Ending = Ending.WHOLE,
) -> Visit:
    sent, met, ended = steps
    return Visit(
        user=user,
        sent_step=sent,
        met_step=met,
        ended_step=ended,
        version=version,
        claim=claim or version,
        ending=ending,
        streamed=True,
    )


@pytest.fixture
def ledger() -> Ledger:
    """Give the ledger of three chapters: 10, 50, 0 percent."""
    return Ledger([10, 50, 0])


def test_a_visit_counts_for_the_chapter_and_the_version_that_it_met(
    ledger: Ledger,
) -> None:
    """The share is one of users, however often they come."""
    for user, version in [(0, "v1"), (1, "v2"), (2, "v1"), (3, "v1"), (1, "v2")]:
        ledger.record(_visit(user, version, steps=(2, 2, 2)))

    chapter = ledger.chapters[1]
    assert chapter.requests == 5
    assert chapter.users("v2") == 1
    assert chapter.share("v2") == pytest.approx(25.0)
    assert ledger.requests_by_version() == {"v1": 3, "v2": 2}


@pytest.mark.parametrize("steps", [(0, 1, 1), (0, 2, 2), (1, 1, 1), (1, 2, 2)])
def test_a_visit_made_while_the_weight_moved_counts_for_no_chapter(
    ledger: Ledger, steps: tuple[int, int, int]
) -> None:
    """Either version may have met it, so it proves nothing about a split."""
    ledger.record(_visit(0, "v2", steps=steps))

    assert ledger.requests == 1
    assert ledger.between == 1
    assert not any(chapter.met for chapter in ledger.chapters)


def test_while_the_weight_rises_moves_are_counted_by_their_direction(
    ledger: Ledger,
) -> None:
    """One back is one too many."""
    ledger.record(_visit(0, "v1"))
    ledger.record(_visit(0, "v2", steps=(1, 1, 1)))
    assert (ledger.moved_on, ledger.moved_back) == (1, 0)

    ledger.record(_visit(0, "v1", steps=(2, 2, 2)))
    assert (ledger.moved_on, ledger.moved_back) == (1, 1)
    assert (
        "There were users who moved back while the weight rose: 1." in ledger.problems()
    )


def test_the_way_home_when_the_weight_falls_is_no_move_back(ledger: Ledger) -> None:
    """That is what falling means."""
    ledger.record(_visit(0, "v2", steps=(2, 2, 2)))
    ledger.record(_visit(0, "v1", steps=(3, 3, 3)))

    assert ledger.moved_back == 0


def test_an_answer_that_the_candidate_ends_after_the_fall_has_outlived_it(
    ledger: Ledger,
) -> None:
    """Only whole ones count for the promise that no stream is cut."""
    ledger.record(_visit(0, "v2", steps=(2, 2, 4)))
    ledger.record(_visit(1, "v2", steps=(2, 2, 4), ending=Ending.CUT))
    ledger.record(_visit(2, "v1", steps=(2, 2, 4)))
    ledger.record(_visit(3, "v2", steps=(2, 2, 2)))

    assert ledger.outlived == 1
    assert ledger.cut == 1


def test_answers_that_a_model_server_broke_off_are_counted_and_no_problem(
    ledger: Ledger,
) -> None:
    """The gateway passed on what came; whether it did is held against the models."""
    ledger.record(_visit(0, "v2", ending=Ending.CUT))
    ledger.record(_visit(1, "v2", ending=Ending.BROKEN))

    assert (ledger.cut, ledger.broken, ledger.failed, ledger.disagreed) == (1, 1, 0, 0)
    assert not any("cut" in problem for problem in ledger.problems())


@pytest.mark.parametrize(
    "visit",
    [
        _visit(0, "v1", claim="v2"),
        _visit(0, "v1", claim="v2", ending=Ending.CUT),
        _visit(0, None, claim="v1"),
        _visit(0, "v3", claim="v3"),
    ],
)
def test_a_body_that_does_not_bear_out_its_header_is_a_problem(
    ledger: Ledger, visit: Visit
) -> None:
    """The header alone would be the gateway's word for itself."""
    ledger.record(visit)

    assert ledger.disagreed == 1


def test_a_visit_without_an_answer_is_failed_and_nothing_else(ledger: Ledger) -> None:
    """There is no body that could deny anything."""
    ledger.record(_visit(0, None, ending=Ending.FAILED))

    assert (ledger.failed, ledger.disagreed, ledger.requests) == (1, 0, 1)
    assert "There were requests that failed: 1." in ledger.problems()


def test_a_demo_in_which_all_went_well_has_no_problems() -> None:
    """Nine users at the baseline and one at the candidate are ten percent."""
    ledger = Ledger([10])
    for user in range(10):
        ledger.record(_visit(user, "v2" if user == 0 else "v1"))

    assert ledger.problems() == []


def test_a_chapter_that_nobody_visited_is_a_problem(ledger: Ledger) -> None:
    """No data is not a success."""
    assert "At 50 % nobody came." in ledger.problems()


@pytest.mark.parametrize(
    ("wanted", "met", "users", "credible"),
    [
        (10.0, 30, 300, True),
        (10.0, 50, 300, True),
        (10.0, 60, 300, False),
        (50.0, 150, 300, True),
        (50.0, 195, 300, False),
        (0.0, 0, 300, True),
        (0.0, 1, 300, False),
        (100.0, 299, 300, False),
    ],
)
def test_a_split_is_credible_within_what_chance_does(
    wanted: float, met: int, users: int, *, credible: bool
) -> None:
    """At 0 and at 100 percent there is no chance at all."""
    assert is_credible(wanted, met, users) is credible
