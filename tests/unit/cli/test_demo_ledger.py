"""What the demo counts, so that what it shows is true."""

import pytest

from gateway.cli.demo.ledger import Ending, Ledger, Stretch, Visit, is_credible

BEGAN, ROSE, FELL = 100.0, 110.0, 120.0


def _visit(
    user: int,
    version: str | None,
    at: float,
    *,
    took: float = 0.2,
    claim: str | None = None,
    ending: Ending = Ending.WHOLE,
) -> Visit:
    return Visit(
        user=user,
        sent_at=at,
        met_at=at + 0.1,
        ended_at=at + took,
        version=version,
        claim=claim or version,
        ending=ending,
        streamed=True,
    )


@pytest.fixture
def ledger() -> Ledger:
    """Give the ledger of a release of v3: 5, 25 and, taken back, 0 percent."""
    made = Ledger()
    made.stretches = [
        Stretch(began_at=BEGAN, weight=5, candidate="v3"),
        Stretch(began_at=ROSE, weight=25, candidate="v3"),
        Stretch(began_at=FELL, weight=0, candidate="v3", is_fall=True),
    ]
    return made


def _settled(ledger: Ledger, *visits: Visit) -> Ledger:
    for visit in visits:
        ledger.record(visit)
    ledger.settle(1000.0)
    return ledger


def test_a_visit_counts_for_the_weight_and_the_version_that_it_met(
    ledger: Ledger,
) -> None:
    """The share is one of users, however often they come."""
    met = [(0, "v2"), (1, "v3"), (2, "v2"), (3, "v2"), (1, "v3")]
    _settled(ledger, *(_visit(user, name, ROSE + 2) for user, name in met))

    stretch = ledger.stretches[1]
    assert stretch.users == 1
    assert stretch.share == pytest.approx(25.0)
    assert ledger.by_version == {"v2": 3, "v3": 2}


def test_what_was_asked_while_the_weight_moved_says_nothing_about_a_split(
    ledger: Ledger,
) -> None:
    """Either weight may have met it."""
    _settled(ledger, _visit(0, "v3", ROSE + 0.2), _visit(1, "v3", ROSE - 0.05))

    assert not any(stretch.met for stretch in ledger.stretches)


def test_nothing_is_settled_before_the_journal_was_read(ledger: Ledger) -> None:
    """A move that nobody knows of yet would be taken for a mistake."""
    visit = _visit(0, "v2", ROSE + 2)
    ledger.record(visit)
    ledger.settle(visit.ended_at)
    assert not ledger.stretches[1].met

    ledger.settle(visit.ended_at + 0.1)
    assert ledger.stretches[1].met == {0: "v2"}


def test_one_who_leaves_the_candidate_while_it_rises_is_one_too_many(
    ledger: Ledger,
) -> None:
    """The other way is what rising means."""
    visits = [_visit(0, "v2", BEGAN + 1), _visit(0, "v3", ROSE + 1)]
    assert _settled(ledger, *visits).moved_back == 0

    assert _settled(ledger, _visit(0, "v2", ROSE + 2)).moved_back == 1
    assert (
        "There were users who moved back while the weight rose: 1." in ledger.problems()
    )


def test_the_way_home_after_a_rollback_is_no_move_back(ledger: Ledger) -> None:
    """That is what it is for."""
    _settled(ledger, _visit(0, "v3", ROSE + 1), _visit(0, "v2", FELL + 1))
    assert ledger.moved_back == 0


def test_another_release_has_other_users_first(ledger: Ledger) -> None:
    """Who had the candidate of the last one may have the baseline of this one."""
    ledger.stretches.append(Stretch(began_at=130.0, weight=5, candidate="v4"))
    _settled(ledger, _visit(0, "v3", ROSE + 1), _visit(0, "v2", 131.0))
    assert ledger.moved_back == 0


def test_what_is_asked_of_a_candidate_that_was_taken_back_is_timed(
    ledger: Ledger,
) -> None:
    """From the decision to the last request that still went there."""
    assert ledger.late is None
    _settled(ledger, _visit(0, "v3", FELL - 0.01), _visit(1, "v3", FELL + 0.012))

    assert ledger.late == pytest.approx(0.012)


def test_an_answer_that_ends_after_its_version_fell_has_outlived_it(
    ledger: Ledger,
) -> None:
    """Only whole ones count for the promise that no stream is cut."""
    _settled(
        ledger,
        _visit(0, "v3", FELL - 0.2, took=2.0),
        _visit(1, "v3", FELL - 0.2, took=2.0, ending=Ending.CUT),
        _visit(2, "v2", FELL - 0.2, took=2.0),
        _visit(3, "v3", FELL - 2.0),
    )
    assert (ledger.outlived, ledger.cut) == (1, 1)


@pytest.mark.parametrize(
    "visit",
    [
        _visit(0, "v1", BEGAN, claim="v2"),
        _visit(0, "v1", BEGAN, claim="v2", ending=Ending.CUT),
        _visit(0, None, BEGAN, claim="v1"),
    ],
)
def test_a_body_that_does_not_bear_out_its_header_is_a_problem(
    ledger: Ledger, visit: Visit
) -> None:
    """The header alone would be the gateway's word for itself."""
    assert _settled(ledger, visit).disagreed == 1


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        (Ending.FAILED, "There were requests that failed: 1."),
        (Ending.CUT, "There were answers that were cut: 1."),
        (Ending.BROKEN, "There were answers that were cut: 1."),
    ],
)
def test_what_a_client_would_complain_about_is_a_problem(
    ledger: Ledger, ending: Ending, problem: str
) -> None:
    """No model server of the demo breaks anything off: it would be the gateway."""
    version = None if ending is Ending.FAILED else "v1"
    assert (
        problem in _settled(ledger, _visit(0, version, BEGAN, ending=ending)).problems()
    )


def test_a_split_that_chance_cannot_explain_is_a_problem(ledger: Ledger) -> None:
    """Sixty of a hundred at 25 percent; and anybody at 0."""
    for user in range(100):
        ledger.record(_visit(user, "v3" if user < 60 else "v2", ROSE + 1))
    ledger.record(_visit(7, "v3", FELL + 1))
    ledger.settle(1000.0)

    assert ledger.problems() == [
        "At 25 % 60 of 100 users met v3, which chance cannot explain.",
        "At 0 % 1 of 1 users met v3, which chance cannot explain.",
    ]


def test_where_all_went_well_there_are_no_problems(ledger: Ledger) -> None:
    """A quarter of the users at the candidate are 25 percent."""
    for user in range(100):
        ledger.record(_visit(user, "v3" if user < 25 else "v2", ROSE + 1))
    ledger.settle(1000.0)

    assert ledger.problems() == []


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
        (5.0, 0, 0, True),
    ],
)
def test_a_split_is_credible_within_what_chance_does(
    wanted: float, met: int, users: int, *, credible: bool
) -> None:
    """At 0 and at 100 percent there is no chance at all."""
    assert is_credible(wanted, met, users) is credible
